// The PCP client: its servers, and which of them new requests go to (RFC 6887 §8.1, RFC 7488 §4).
// Sans-IO: datagrams, ICMP errors, requests and the time go in, a closed list of outputs comes out.

import type { Endpoint, IpAddress } from '../../base/ip-address.ts';
import { earliestWake, type Machine, type Wake } from '../../base/machine.ts';
import type { Instant } from '../../base/time.ts';
import type { ServerAddress } from './address-order.ts';
import { type ClientOutput, NOTHING, type Outputs, released, settled, unanswered } from './client-output.ts';
import type { ClientSettings } from './client-settings.ts';
import type { ReleaseWish } from './exchange.ts';
import type { Health } from './liveness.ts';
import type { ServerId, Unanswered } from './map-outcome.ts';
import { baseKeyText, type MapKey, type MapRequest, type Patience } from './map-request.ts';
import { PcpServer } from './pcp-server.ts';
import type { Via } from './server-contact.ts';
import type { ServerView } from './server-view.ts';

export interface ServerCandidate {
  readonly id: ServerId;
  /** Alternatives, in the order they are tried. */
  readonly addresses: readonly ServerAddress[];
}

/** A box that moves through many networks may leave one in each. Mappings end by themselves anyway. */
const MOST_GONE_SERVERS = 8;

export class Client implements Machine<ClientOutput> {
  readonly #settings: ClientSettings;
  readonly #unit: () => number;
  /** In order of preference. */
  #servers: readonly PcpServer[] = [];
  /** The internal side of each request under way. */
  readonly #asked = new Map<number, string>();
  /** What is to be released at servers that are not listed now: the WAN went down with requests under way. */
  readonly #unreleased = new Map<ServerId, readonly MapKey[]>();
  #lastServer: ServerId | undefined;
  #lastHealth: Health = 'unknown';
  #lastSource: string | undefined;

  /** `unit` draws from [0, 1): jitter of retransmissions and probes. */
  constructor(settings: ClientSettings, unit: () => number) {
    this.#settings = settings;
    this.#unit = unit;
  }

  /** Replaces the list. What is under way with servers that stay goes on. */
  setServers(servers: readonly ServerCandidate[], now: Instant): Outputs {
    const outputs: ClientOutput[] = [];
    const previous = new Map(this.#servers.map((server) => [server.id, server]));
    const usable = servers.filter(({ addresses }) => addresses.length > 0);
    this.#servers = usable.map(({ id, addresses }) => {
      const known = previous.get(id);
      previous.delete(id);
      if (known !== undefined) {
        if (!known.hasAddresses(addresses)) outputs.push(...known.handleAddresses(addresses, now));
        return known;
      }
      const server = new PcpServer(id, addresses, this.#settings, this.#unit);
      server.releaseLater(this.#unreleased.get(id) ?? [], now);
      this.#unreleased.delete(id);
      outputs.push(...server.start(now));
      return server;
    });
    for (const gone of previous.values()) {
      outputs.push(...gone.close('no server', now));
      this.#keepUnreleased(gone, now);
    }
    return this.#conclude(outputs, now);
  }

  /** Settles with a `settled` output of the same id, at once when the answer is known. */
  map(id: number, request: MapRequest, patience: Patience, now: Instant): Outputs {
    const server = this.#current();
    if (server === undefined) return [settled(id, unanswered('no server'))];
    this.#asked.set(id, baseKeyText(request));
    return this.#conclude(server.handleMap({ kind: 'map', id, request, patience }, now), now);
  }

  /** Settles with a `released` output of the same id. Goes to the server that has the mapping, or that is named. */
  release(id: number, wish: ReleaseWish, now: Instant): Outputs {
    const server = this.#serverFor(wish);
    if (server === undefined) return [released(id, unanswered('no server'))];
    return this.#conclude(server.handleRelease({ kind: 'release', id, ...wish }, now), now);
  }

  /** Nobody waits for the answer any more. */
  cancel(id: number, why: Unanswered['why'], now: Instant): Outputs {
    return this.#conclude(
      this.#servers.flatMap((server) => server.handleCancel(id, why, now)),
      now,
    );
  }

  handleDatagram(bytes: Uint8Array, from: Endpoint, via: Via, now: Instant): Outputs {
    const server = this.#servers.find((candidate) => candidate.hasAddress(from));
    if (server === undefined) return [{ kind: 'ignored', why: 'not from our server', from }];
    return this.#conclude(server.handleDatagram(bytes, from, via, now), now);
  }

  /** "Port unreachable" or the like came back from there. */
  handleUnreachable(endpoint: Endpoint, now: Instant): Outputs {
    return this.#conclude(
      this.#servers.flatMap((server) => server.handleUnreachable(endpoint, now)),
      now,
    );
  }

  nextWake(): Wake | undefined {
    return earliestWake(this.#servers.map((server) => server.nextWake()));
  }

  handleTimeout(now: Instant): Outputs {
    return this.#conclude(
      this.#servers.flatMap((server) => server.handleTimeout(now)),
      now,
    );
  }

  close(now: Instant): Outputs {
    const outputs = this.#servers.flatMap((server) => server.close('closed', now));
    this.#servers = [];
    return outputs;
  }

  currentServer(): ServerId | undefined {
    return this.#current()?.id;
  }

  health(): Health {
    return this.#current()?.health ?? 'unknown';
  }

  /** Somebody wants the server in use, which is down. */
  seek(now: Instant): Outputs {
    return this.#conclude(this.#current()?.handleDemand(now) ?? NOTHING, now);
  }

  /** A question is out whose answer may come at any moment. */
  isSeeking(now: Instant): boolean {
    return this.#current()?.isSeeking(now) ?? false;
  }

  sourceAddress(): IpAddress | undefined {
    return this.#current()?.source;
  }

  canNameThirdParty(): boolean {
    return this.#current()?.canNameThirdParty ?? true;
  }

  canFilterRemotePeers(now: Instant): boolean {
    return this.#current()?.canFilter(now) ?? true;
  }

  view(now: Instant): readonly ServerView[] {
    return this.#servers.map((server) => server.view(now));
  }

  /** The first that is not down; a preferred one that comes back is preferred again. */
  #current(): PcpServer | undefined {
    return this.#servers.find(({ health }) => health !== 'down') ?? this.#servers[0];
  }

  #serverFor({ key, owedTo }: ReleaseWish): PcpServer | undefined {
    if (owedTo !== undefined) return this.#servers.find(({ id }) => id === owedTo);
    return this.#servers.find((candidate) => candidate.holds(key)) ?? this.#current();
  }

  #conclude(outputs: Outputs, now: Instant): Outputs {
    return this.#withChanges([...outputs, ...outputs.flatMap((output) => this.#letGoElsewhere(output, now))]);
  }

  #keepUnreleased(gone: PcpServer, now: Instant): void {
    const keys = gone.takeUnreleased(now);
    if (keys.length > 0) this.#unreleased.set(gone.id, keys);
    const [oldest] = this.#unreleased.keys();
    if (this.#unreleased.size > MOST_GONE_SERVERS && oldest !== undefined) this.#unreleased.delete(oldest);
  }

  /** A mapping made at one server is not needed at another that carried it before. */
  #letGoElsewhere(output: ClientOutput, now: Instant): Outputs {
    if (output.kind !== 'settled') return NOTHING;
    const base = this.#asked.get(output.id);
    this.#asked.delete(output.id);
    const { outcome } = output;
    if (base === undefined || outcome.kind !== 'granted' || this.#servers.length < 2) return NOTHING;
    return this.#servers.flatMap((other) => (other.id === outcome.server ? [] : other.handleMovedAway(base, now)));
  }

  #withChanges(outputs: Outputs): Outputs {
    const changes: ClientOutput[] = [];
    const current = this.#current();
    const source = current?.source;
    const health = this.health();
    if (source?.text !== this.#lastSource) {
      this.#lastSource = source?.text;
      changes.push({ kind: 'source address changed', address: source });
    }
    if (current?.id !== this.#lastServer) {
      this.#lastServer = current?.id;
      changes.push({ kind: 'server changed', server: current?.id });
    }
    if (health !== this.#lastHealth && current !== undefined) {
      changes.push({ kind: 'health changed', server: current.id, health });
    }
    this.#lastHealth = health;
    return changes.length === 0 ? outputs : [...outputs, ...changes];
  }
}
