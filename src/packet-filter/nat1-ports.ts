// Which NAT1 ports are taken (RFC 6970 §5.5: each mapping has its own port on the WAN address).
// The wished port is kept where it is free: then "internal port" upstream equals what the client asked for.

import { type PortNumber, type PortRange, portNumber } from '../base/port-number.ts';
import type { TransportProtocol } from '../base/transport-protocol.ts';

/** Below Linux' range for outgoing connections (32768–60999): a port of ours is seldom in the way of one. */
const ALTERNATE_NAT1_PORTS: PortRange = { first: portNumber(20_000), last: portNumber(32_767) };

export class Nat1Ports {
  readonly #alternates: PortRange;
  readonly #reserved: Readonly<Record<TransportProtocol, Set<PortNumber>>> = { TCP: new Set(), UDP: new Set() };
  #listening: Readonly<Record<TransportProtocol, ReadonlySet<number>>> = { TCP: new Set(), UDP: new Set() };

  constructor(alternates: PortRange = ALTERNATE_NAT1_PORTS) {
    this.#alternates = alternates;
  }

  /** Ports that programs on this box listen on: a DNAT rule for one would cut its program off from the WAN. */
  setListening(protocol: TransportProtocol, ports: ReadonlySet<number>): void {
    this.#listening = { ...this.#listening, [protocol]: ports };
  }

  /** `wished`, else the next free one of the range, starting at a place that depends on the wish alone. */
  reserve(protocol: TransportProtocol, wished: PortNumber): PortNumber | undefined {
    const port = this.#isFree(protocol, wished) ? wished : this.#alternative(protocol, wished);
    if (port !== undefined) this.#reserved[protocol].add(port);
    return port;
  }

  /** A port from the mapping file. Whether somebody listens there by now does not count: the mapping was first. */
  reserveExactly(protocol: TransportProtocol, port: PortNumber): boolean {
    if (port === 0 || this.#reserved[protocol].has(port)) return false;
    this.#reserved[protocol].add(port);
    return true;
  }

  unreserve(protocol: TransportProtocol, port: PortNumber): void {
    this.#reserved[protocol].delete(port);
  }

  #isFree(protocol: TransportProtocol, port: PortNumber): boolean {
    return port !== 0 && !this.#reserved[protocol].has(port) && !this.#listening[protocol].has(port);
  }

  #alternative(protocol: TransportProtocol, wished: PortNumber): PortNumber | undefined {
    const { first, last } = this.#alternates;
    const size = last - first + 1;
    for (let step = 0; step < size; step += 1) {
      const port = portNumber(first + ((wished + step) % size));
      if (this.#isFree(protocol, port)) return port;
    }
    return undefined;
  }
}

// Reads Linux' socket tables (/proc/net/tcp, tcp6, udp, udp6): on which ports programs of this box wait for the outside.
// Text in, numbers out; who reads the files is not decided here.

export const SOCKET_TABLES: Readonly<Record<TransportProtocol, readonly string[]>> = {
  TCP: ['/proc/net/tcp', '/proc/net/tcp6'],
  UDP: ['/proc/net/udp', '/proc/net/udp6'],
};

/** Of include/net/tcp_states.h: TCP_LISTEN; an unconnected UDP socket shows TCP_CLOSE. */
const WAITING_STATE: Readonly<Record<TransportProtocol, string>> = { TCP: '0A', UDP: '07' };
/** 127.0.0.1 as Linux prints it on a little-endian machine; what listens there cannot be reached from the WAN. */
const LOOPBACK_IPV4 = /^[0-9A-F]{6}7F$/;
const LOOPBACK_IPV6 = /^0{24}01000000$/;

export function listeningPorts(protocol: TransportProtocol, table: string): ReadonlySet<number> {
  const ports = new Set<number>();
  for (const line of table.split('\n')) {
    const [, local = '', , state] = line.trim().split(/\s+/);
    const [address = '', port = ''] = local.split(':');
    if (state !== WAITING_STATE[protocol] || !/^[0-9A-F]{4}$/.test(port)) continue;
    if (LOOPBACK_IPV4.test(address) || LOOPBACK_IPV6.test(address)) continue;
    ports.add(Number.parseInt(port, 16));
  }
  return ports;
}
