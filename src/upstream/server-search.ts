// Looks for PCP servers again when something that decides about them may have changed: interfaces, routes, what DHCP said,
// a name. Where they are looked for: `pcp-servers.ts`.

import type { Host, NetworkView } from '../base/host.ts';
import type { Endpoint, IpAddress } from '../base/ip-address.ts';
import { RememberedTexts } from '../base/remembered-texts.ts';
import { type Instant, minutes, seconds } from '../base/time.ts';
import {
  type ConsideredPlace,
  considerPlaces,
  type FoundServer,
  type PcpServerSources,
  type ServerFindingHost,
  serversIn,
  waitsForName,
} from './pcp-servers.ts';

/** Names are asked for anew no more often; one that has no address yet, as when the box starts before its line, is. */
const LOOK_ANEW_EVERY = minutes(5);
const ASK_FOR_NAMES_EVERY = seconds(15);

interface SearchOutcome {
  readonly servers: readonly FoundServer[];
  /** Sockets that were open may lead nowhere now. */
  readonly isAnotherNetwork: boolean;
}

export class ServerSearch {
  readonly #host: Pick<Host, 'clock' | 'files' | 'network'>;
  readonly #sources: PcpServerSources;
  readonly #places: ServerFindingHost;
  #considered: readonly ConsideredPlace[] = [];
  #network = '';
  #consideredAt: Instant | undefined;

  constructor(host: Pick<Host, 'clock' | 'files' | 'network'>, sources: PcpServerSources) {
    this.#host = host;
    this.#sources = sources;
    const names = new RememberedNames(host.network);
    this.#places = {
      files: new RememberedTexts(host.files),
      network: {
        resolve: (name) => names.resolve(name),
        defaultRoute: (family) => host.network.defaultRoute(family),
      },
    };
  }

  get considered(): readonly ConsideredPlace[] {
    return this.#considered;
  }

  /** Undefined: nothing has changed. A route that is missing now may come with nothing else changing. */
  async look(isAnew: boolean, hasWayTo: (endpoint: Endpoint) => boolean): Promise<SearchOutcome | undefined> {
    const now = this.#host.clock.now();
    const network = await this.#describeNetwork();
    const isChanged = network !== this.#network;
    if (!isAnew && !isChanged && !this.#isStale(now) && this.#endpoints().every(hasWayTo)) return undefined;
    this.#network = network;
    this.#consideredAt = now;
    this.#considered = await considerPlaces(this.#places, this.#sources);
    return { servers: serversIn(this.#considered), isAnotherNetwork: isAnew || isChanged };
  }

  #isStale(now: Instant): boolean {
    const patience = waitsForName(this.#considered) ? ASK_FOR_NAMES_EVERY : LOOK_ANEW_EVERY;
    return this.#consideredAt === undefined || now - this.#consideredAt >= patience;
  }

  #endpoints(): readonly Endpoint[] {
    return serversIn(this.#considered).flatMap((server) => server.endpoints);
  }

  /** Equal as long as nothing changed that decides about servers and the way to them. */
  async #describeNetwork(): Promise<string> {
    const { network, files } = this.#host;
    const addresses = network.interfaces().map(({ name, address }) => `${name} ${address.text}`);
    const routes = await Promise.all([network.defaultRoute('IPv4'), network.defaultRoute('IPv6')]);
    const gateways = routes.map((route) => `${route?.interfaceName} ${route?.gateway?.text}`);
    const dhcp = this.#sources.dhcpFile === '' ? '' : await files.version(this.#sources.dhcpFile);
    return [...addresses, ...gateways, dhcp].join('|');
  }
}

// Names of PCP servers outlive the name server: what one resolved to last stands until it resolves to something else.

class RememberedNames {
  readonly #network: Pick<NetworkView, 'resolve'>;
  /** By name: as many as are configured. */
  readonly #last = new Map<string, readonly IpAddress[]>();

  constructor(network: Pick<NetworkView, 'resolve'>) {
    this.#network = network;
  }

  async resolve(name: string): Promise<readonly IpAddress[]> {
    const addresses = await this.#network.resolve(name);
    if (addresses.length > 0) this.#last.set(name, addresses);
    return this.#last.get(name) ?? [];
  }
}
