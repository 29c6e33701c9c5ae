// Hosts on segments that exchange datagrams, HTTP and SSDP in virtual time, with loss, delay, copies and reordering.
// Unicast reaches whoever has the address; multicast stays on its segment; a closed port answers "unreachable".

import type { RandomSource, UdpListener, UdpOptions, UdpSocket } from '../../src/base/host.ts';
import type { HttpHandler, HttpRequest, HttpResponse } from '../../src/base/http.ts';
import { type Endpoint, endpointText, IpAddress } from '../../src/base/ip-address.ts';
import { SSDP_GROUP, SSDP_PORT, type SsdpListener, type SsdpMessage, ssdpText } from '../../src/base/ssdp-socket.ts';
import { after, type Duration, milliseconds } from '../../src/base/time.ts';
import { parseSsdp } from './control-point-ssdp.ts';
import type { VirtualClock } from './virtual-clock.ts';

export interface Weather {
  /** 0–1, of datagrams. */
  readonly loss: number;
  readonly delay: Duration;
  /** Added at random on top of `delay`: what overtakes. */
  readonly jitter: Duration;
  readonly duplicates: number;
}

export const FAIR_WEATHER: Weather = { loss: 0, delay: milliseconds(0), jitter: milliseconds(0), duplicates: 0 };

interface OpenSocket {
  readonly local: Endpoint;
  readonly segment: string;
  readonly group: IpAddress | undefined;
  readonly listener: UdpListener;
  readonly peer: Endpoint | undefined;
}

/** What sending needs to know of who sends. */
type Sender = Pick<OpenSocket, 'local' | 'segment' | 'peer'> & { readonly listener: Pick<UdpListener, 'unreachable'> };

interface OpenSsdp {
  readonly address: IpAddress;
  readonly segment: string;
  readonly listener: SsdpListener;
}

export interface SentDatagram {
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly bytes: Uint8Array;
}

const FIRST_FREE_PORT = 32768;

/** Thrown by a handler whose program died under the request. */
export class ConnectionReset extends Error {}

export class SimulatedNetwork {
  readonly #clock: VirtualClock;
  readonly #random: RandomSource;
  readonly #sockets = new Set<OpenSocket>();
  readonly #ssdp = new Set<OpenSsdp>();
  readonly #servers = new Map<string, HttpHandler>();
  readonly #addresses = new Map<string, string>();
  #nextPort = FIRST_FREE_PORT;
  weather: Weather = FAIR_WEATHER;
  /** Of datagrams that arrive nowhere: a dead server, a link that is down. */
  blackHole: (to: Endpoint, from: Endpoint) => boolean = () => false;
  /** Sees everything that is sent, before the weather. */
  watch: (datagram: SentDatagram) => void = () => {};

  constructor(clock: VirtualClock, random: RandomSource) {
    this.#clock = clock;
    this.#random = random;
  }

  attach(address: IpAddress, segment: string): void {
    this.#addresses.set(address.text, segment);
  }

  detach(address: IpAddress): void {
    this.#addresses.delete(address.text);
  }

  openUdp(options: UdpOptions, ownAddress: IpAddress, listener: UdpListener): UdpSocket | string {
    const address = options.multicast?.onInterface ?? options.address ?? ownAddress;
    const segment = this.#addresses.get(address.text);
    if (segment === undefined) return `${address.text}: no such address`;
    const port = options.port ?? this.#nextPort++;
    const local: Endpoint = { address, port };
    const group = options.multicast?.group;
    const isTaken = [...this.#sockets].some(
      (other) => group === undefined && other.group === undefined && endpointText(other.local) === endpointText(local),
    );
    if (isTaken) return `${endpointText(local)} is already in use: another program listens there`;
    const socket: OpenSocket = { local, segment, group, listener, peer: options.peer };
    this.#sockets.add(socket);
    return {
      local,
      send: (bytes, to) => {
        const target = options.peer ?? to;
        if (target !== undefined && this.#sockets.has(socket)) this.#send(socket, Uint8Array.from(bytes), target);
      },
      close: () => this.#sockets.delete(socket),
    };
  }

  openSsdp(address: IpAddress, listener: SsdpListener): OpenSsdp | string {
    const segment = this.#addresses.get(address.text);
    if (segment === undefined) return `${address.text}: no such address`;
    const socket = { address, segment, listener };
    this.#ssdp.add(socket);
    return socket;
  }

  closeSsdp(socket: OpenSsdp): void {
    this.#ssdp.delete(socket);
  }

  /** Reaches SSDP sockets and, as bytes, plain UDP sockets that joined the group. */
  ssdpMulticast(from: OpenSsdp, message: SsdpMessage): void {
    this.#sendSsdp(from, message, { address: SSDP_GROUP, port: SSDP_PORT });
  }

  ssdpUnicast(from: OpenSsdp, message: SsdpMessage, to: Endpoint): void {
    this.#sendSsdp(from, message, to);
  }

  listenHttp(endpoint: Endpoint, handler: HttpHandler): boolean {
    const key = endpointText(endpoint);
    if (this.#servers.has(key)) return false;
    this.#servers.set(key, handler);
    return true;
  }

  hasHttp(endpoint: Endpoint): boolean {
    return this.#servers.has(endpointText(endpoint));
  }

  closeHttp(endpoint: Endpoint): void {
    this.#servers.delete(endpointText(endpoint));
  }

  /** One HTTP request over the simulated wire; undefined when nobody listens. */
  async request(from: IpAddress, to: Endpoint, request: SimulatedRequest): Promise<HttpResponse | undefined> {
    const handler = this.#servers.get(endpointText(to));
    if (handler === undefined) return undefined;
    const [path = '/', query = ''] = request.path.split('?');
    const full: HttpRequest = {
      method: request.method,
      path,
      query,
      headers: { host: endpointText(to), ...inLowerCase(request.headers ?? {}) },
      body: request.body ?? '',
      bodyTooLong: false,
      httpVersion: '1.1',
      peer: { address: from, port: this.#nextPort++ },
      local: to,
      hungUp: request.hungUp ?? new AbortController().signal,
    };
    try {
      const response = await handler(full);
      response.afterwards?.();
      return response;
    } catch (error) {
      if (error instanceof ConnectionReset) return undefined;
      throw error;
    }
  }

  #send(from: Sender, bytes: Uint8Array, to: Endpoint): void {
    this.watch({ from: from.local, to, bytes });
    // Whoever lost its address sends nothing any more.
    if (!this.#addresses.has(from.local.address.text) || this.blackHole(to, from.local)) return;
    if (this.#random.unit() < this.weather.loss) return;
    const copies = this.#random.unit() < this.weather.duplicates ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      const delay = milliseconds(this.weather.delay + this.#random.unit() * this.weather.jitter);
      this.#later(delay, () => this.#arrive(from, bytes, to));
    }
  }

  #arrive(from: Sender, bytes: Uint8Array, to: Endpoint): void {
    this.#deliverSsdp(from.segment, bytes, to, from.local);
    if (to.address.isMulticast) {
      for (const socket of this.#sockets) {
        if (socket.group?.equals(to.address) && socket.local.port === to.port && socket.segment === from.segment) {
          socket.listener.datagram(bytes, from.local);
        }
      }
      return;
    }
    if (!this.#addresses.has(to.address.text)) return;
    for (const socket of this.#sockets) {
      if (socket.group !== undefined || !socket.local.address.equals(to.address) || socket.local.port !== to.port)
        continue;
      if (socket.peer !== undefined && endpointText(socket.peer) !== endpointText(from.local)) continue;
      socket.listener.datagram(bytes, from.local);
      return;
    }
    if (from.peer !== undefined) from.listener.unreachable?.();
  }

  #sendSsdp(from: OpenSsdp, message: SsdpMessage, to: Endpoint): void {
    const sender = { local: { address: from.address, port: SSDP_PORT }, segment: from.segment };
    this.#send({ ...sender, peer: undefined, listener: {} }, new TextEncoder().encode(ssdpText(message)), to);
  }

  #deliverSsdp(segment: string, bytes: Uint8Array, to: Endpoint, from: Endpoint): void {
    const message = parseSsdp(new TextDecoder().decode(bytes));
    if (message === undefined || to.port !== SSDP_PORT) return;
    for (const socket of this.#ssdp) {
      const isMeant = to.address.equals(SSDP_GROUP) ? socket.segment === segment : socket.address.equals(to.address);
      if (isMeant) socket.listener.message(message, from);
    }
  }

  #later(delay: Duration, work: () => void): void {
    this.#clock.wakeAt(after(this.#clock.now(), delay), work);
  }
}

export interface SimulatedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly hungUp?: AbortSignal;
}

/** As a server hands them on. */
const inLowerCase = (headers: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

/** For tests that need an address of the simulated world in a hurry. */
export const at = (address: string, port: number): Endpoint => ({ address: IpAddress.of(address), port });
