// The host interface over a simulated world: virtual clock, seeded randomness, a network with weather, a disk in memory.
// The whole daemon runs on it unchanged.

import type {
  DefaultRoute,
  Host,
  LinkState,
  Neighbour,
  NetworkInterface,
  ProgramRunner,
  SoleUse,
} from '../../src/base/host.ts';
import type { HttpHandler } from '../../src/base/http.ts';
import { type Endpoint, endpointText, IpAddress } from '../../src/base/ip-address.ts';
import { IpPrefix } from '../../src/base/ip-prefix.ts';
import type { Log } from '../../src/base/log.ts';
import { ok, refused } from '../../src/base/result.ts';
import { keyedHash } from '../../src/platform/node-random.ts';
import { seededRandom } from './seeded-random.ts';
import { SimulatedFiles } from './simulated-files.ts';
import { SimulatedNetwork, type Weather } from './simulated-network.ts';
import { VirtualClock } from './virtual-clock.ts';

export interface SimulatedInterface {
  readonly name: string;
  /** With its prefix: "192.168.1.1/24". */
  readonly address: string;
  readonly segment?: string;
  readonly mac?: string;
}

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** The clock, the network and the hosts on it. */
export class SimulatedWorld {
  readonly clock: VirtualClock;
  readonly network: SimulatedNetwork;
  readonly #seed: number;

  constructor(options: { readonly seed?: number; readonly weather?: Weather; readonly wall?: number } = {}) {
    this.#seed = options.seed ?? 1;
    this.clock = new VirtualClock(options.wall === undefined ? {} : { wall: options.wall });
    this.network = new SimulatedNetwork(this.clock, seededRandom(this.#seed));
    if (options.weather !== undefined) this.network.weather = options.weather;
  }

  host(interfaces: readonly SimulatedInterface[], files = new SimulatedFiles()): SimulatedHost {
    return new SimulatedHost(this, interfaces, files, this.#seed + interfaces.length);
  }
}

export class SimulatedHost implements Host {
  readonly clock: VirtualClock;
  readonly random: Host['random'];
  readonly files: SimulatedFiles;
  readonly lines: LogLine[] = [];
  readonly log: Log;
  readonly udp: Host['udp'];
  readonly http: Host['http'];
  readonly ssdp: Host['ssdp'];
  readonly network: Host['network'];
  programs: ProgramRunner = {
    run: async (program) => refused(`${program} is not installed`),
  };
  readonly soleUses: Host['soleUses'] = {
    ofDirectory: async (path) => this.#use(`directory ${path}`),
    inNetwork: async (name) => this.#use(`network ${name}`),
  };
  readonly keyedHash = keyedHash;
  neighbours: Neighbour[] = [];
  names = new Map<string, readonly IpAddress[]>();
  defaultRoutes: { IPv4?: DefaultRoute; IPv6?: DefaultRoute } = {};
  linkStates = new Map<string, LinkState>();
  /** What listens on this machine alone, by path. */
  readonly unixSockets = new Map<string, HttpHandler>();
  readonly #world: SimulatedWorld;
  readonly #inUse = new Set<string>();
  #interfaces: NetworkInterface[] = [];

  constructor(world: SimulatedWorld, interfaces: readonly SimulatedInterface[], files: SimulatedFiles, seed: number) {
    this.#world = world;
    this.clock = world.clock;
    this.files = files;
    this.random = seededRandom(seed * 7919);
    const line =
      (level: LogLine['level']) =>
      (message: string, fields: Readonly<Record<string, unknown>> = {}): void => {
        this.lines.push({ level, message, fields });
      };
    this.log = { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') };
    for (const row of interfaces) this.addInterface(row);
    this.udp = this.#makeUdp();
    this.http = this.#makeHttp();
    this.ssdp = this.#makeSsdp();
    this.network = {
      interfaces: () => this.#interfaces,
      defaultRoute: async (family) => this.defaultRoutes[family],
      neighbours: async () => this.neighbours,
      linkState: async (name) => this.linkStates.get(name),
      resolve: async (name) => this.names.get(name) ?? [],
    };
  }

  addInterface(row: SimulatedInterface): void {
    const prefix = IpPrefix.parse(row.address);
    if (prefix === undefined) throw new RangeError(`not an address with a prefix: ${row.address}`);
    const address = IpAddress.of(row.address.split('/')[0] ?? '');
    this.#world.network.attach(address, row.segment ?? row.name);
    const mac = row.mac ?? '02:00:00:00:00:01';
    this.#interfaces.push({ name: row.name, address, prefix, mac, isLoopback: address.isLoopback });
  }

  removeInterface(name: string): void {
    for (const row of this.#interfaces) if (row.name === name) this.#world.network.detach(row.address);
    this.#interfaces = this.#interfaces.filter((row) => row.name !== name);
  }

  logged(level: LogLine['level']): readonly string[] {
    return this.lines.filter((line) => line.level === level).map((line) => line.message);
  }

  /** The address the routing table would choose: the one on the peer's network, else that of the default route. */
  #sourceFor(peer: IpAddress | undefined): IpAddress {
    const fallback = this.#interfaces.find((row) => row.name === this.defaultRoutes.IPv4?.interfaceName);
    const onLink = this.#interfaces.find((row) => peer !== undefined && row.prefix.contains(peer));
    const sameFamily = this.#interfaces.find((row) => peer === undefined || row.address.isIPv4 === peer.isIPv4);
    return (onLink ?? fallback ?? sameFamily)?.address ?? IpAddress.of('0.0.0.0');
  }

  #use(what: string): SoleUse {
    if (this.#inUse.has(what)) return { kind: 'taken' };
    this.#inUse.add(what);
    return { kind: 'mine', giveBack: async () => void this.#inUse.delete(what) };
  }

  #makeUdp(): Host['udp'] {
    return {
      open: async (options, listener) => {
        const source = this.#sourceFor(options.peer?.address);
        const socket = this.#world.network.openUdp(options, source, listener);
        return typeof socket === 'string' ? refused(socket) : ok(socket);
      },
    };
  }

  #makeHttp(): Host['http'] {
    const { network } = this.#world;
    let nextPort = 40_000;
    return {
      listen: async (place, _limits, handler) => {
        if (place.kind === 'unix') {
          if (this.unixSockets.has(place.path)) return refused(`${place.path} is already in use`);
          this.unixSockets.set(place.path, handler);
          const nowhere: Endpoint = { address: IpAddress.of('0.0.0.0'), port: 0 };
          return ok({ endpoint: nowhere, close: async () => void this.unixSockets.delete(place.path) });
        }
        const port = place.endpoint.port === 0 ? nextPort++ : place.endpoint.port;
        const endpoint: Endpoint = { ...place.endpoint, port };
        if (!network.listenHttp(endpoint, handler)) {
          return refused(`${endpointText(endpoint)} is already in use: another program listens there`);
        }
        return ok({ endpoint, close: async () => network.closeHttp(endpoint) });
      },
      call: async (call) => {
        const source = this.#sourceFor(call.endpoint.address);
        const response = await network.request(source, call.endpoint, call);
        return response === undefined
          ? refused(`${endpointText(call.endpoint)}: nobody listens there`)
          : ok(response.status);
      },
    };
  }

  #makeSsdp(): Host['ssdp'] {
    const { network } = this.#world;
    return {
      open: async (options, listener) => {
        const socket = network.openSsdp(options.address, listener);
        if (typeof socket === 'string') return refused(socket);
        return ok({
          multicast: (message) => network.ssdpMulticast(socket, message),
          unicast: (message, to) => network.ssdpUnicast(socket, message, to),
          rejoin: () => {},
          close: async () => network.closeSsdp(socket),
        });
      },
    };
  }
}
