// The sockets of the PCP client: one connected socket per server address, whose local address and port stay the same as
// long as the network does (RFC 6887 §8.1: later updates come to them), and one per WAN address on the announcement group
// (§14.1). What a datagram means is not decided here.

import type { Host, UdpListener, UdpSocket } from '../base/host.ts';
import { type Endpoint, endpointText, IpAddress } from '../base/ip-address.ts';
import { PCP_CLIENT_PORT } from '../pcp/wire/common-header.ts';
import { openServerSocket, type ServerPlace } from './server-socket.ts';

export type SocketHost = Pick<Host, 'udp' | 'log' | 'network'>;

export interface SocketListener {
  datagram(bytes: Uint8Array, from: Endpoint, via: 'unicast' | 'multicast'): void;
  unreachable(server: Endpoint): void;
}

const ALL_HOSTS_IPV4 = IpAddress.of('224.0.0.1');
const ALL_NODES_IPV6 = IpAddress.of('ff02::1');

export class PcpSockets {
  readonly #host: SocketHost;
  readonly #listener: SocketListener;
  readonly #toServers = new Map<string, UdpSocket>();
  /** By the WAN address they listen at; undefined where listening is not possible. */
  readonly #onGroups = new Map<string, UdpSocket | undefined>();
  #isClosed = false;

  constructor(host: SocketHost, listener: SocketListener) {
    this.#host = host;
    this.#listener = listener;
  }

  /** Opens what is wanted and closes the rest. `isNewNetwork`: see also whether an open one would be another now. */
  async keep(wanted: readonly ServerPlace[], isNewNetwork: boolean): Promise<void> {
    const names = new Set(wanted.map(({ server }) => endpointText(server)));
    for (const [name, socket] of this.#toServers) if (!names.has(name)) this.#forget(name, socket);
    for (const each of wanted) await this.#open(each, isNewNetwork);
    await this.#listenOnGroups();
  }

  /** Our own address on the way to this server; undefined when it cannot be reached from here. */
  sourceTo(server: Endpoint): IpAddress | undefined {
    return this.#toServers.get(endpointText(server))?.local.address;
  }

  send(bytes: Uint8Array, server: Endpoint): void {
    this.#toServers.get(endpointText(server))?.send(bytes);
  }

  close(): void {
    this.#isClosed = true;
    for (const socket of this.#toServers.values()) socket.close();
    for (const socket of this.#onGroups.values()) socket?.close();
    this.#toServers.clear();
    this.#onGroups.clear();
  }

  async #open(place: ServerPlace, isNewNetwork: boolean): Promise<void> {
    const { server } = place;
    const name = endpointText(server);
    const present = this.#toServers.get(name);
    if (present !== undefined && !isNewNetwork) return;
    const listener: UdpListener = {
      datagram: (bytes, from) => this.#listener.datagram(bytes, from, 'unicast'),
      unreachable: () => this.#listener.unreachable(server),
    };
    const opened = await openServerSocket(this.#host, place, listener);
    if (!opened.ok) {
      this.#host.log.debug(`no way to the PCP server ${name}: ${opened.error}`);
      if (present !== undefined) this.#forget(name, present);
      return;
    }
    const isSame = present?.local.address.equals(opened.value.local.address) ?? false;
    if (isSame || this.#isClosed) {
      opened.value.close();
      return;
    }
    present?.close();
    this.#toServers.set(name, opened.value);
  }

  async #listenOnGroups(): Promise<void> {
    const sources = new Map([...this.#toServers.values()].map(({ local }) => [local.address.text, local.address]));
    for (const [text, socket] of this.#onGroups) {
      if (sources.has(text)) continue;
      socket?.close();
      this.#onGroups.delete(text);
    }
    for (const [text, address] of sources) {
      if (!this.#onGroups.has(text)) this.#onGroups.set(text, await this.#listenOn(address));
    }
  }

  async #listenOn(address: IpAddress): Promise<UdpSocket | undefined> {
    const group = address.isIPv4 ? ALL_HOSTS_IPV4 : ALL_NODES_IPV6;
    const opened = await this.#host.udp.open(
      { port: PCP_CLIENT_PORT, multicast: { group, onInterface: address } },
      { datagram: (bytes, from) => this.#listener.datagram(bytes, from, 'multicast') },
    );
    if (!opened.ok) {
      // Restarts of the server then show by the probes, a little later.
      this.#host.log.warn(`cannot listen for PCP announcements at ${address.text}: ${opened.error}`);
      return undefined;
    }
    if (!this.#isClosed) return opened.value;
    opened.value.close();
    return undefined;
  }

  #forget(name: string, socket: UdpSocket): void {
    socket.close();
    this.#toServers.delete(name);
  }
}
