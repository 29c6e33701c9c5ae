// Reads Linux' socket tables (/proc/net/tcp, tcp6, udp, udp6): on which ports programs of this box wait for the outside.
// Text in, numbers out; who reads the files is not decided here.

import type { TransportProtocol } from '../base/transport-protocol.ts';

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
