// The PCP client on the network: `pcp/asking/client.ts` driven over sockets, behind the port interworking asks by. It watches
// which servers there are and from which address they are reached; all rules are the machine's.

import type { Driven, Driver } from '../base/drive.ts';
import type { Host } from '../base/host.ts';
import type { Endpoint, IpAddress } from '../base/ip-address.ts';
import { NetworkWatch } from '../base/network-watch.ts';
import type { Instant } from '../base/time.ts';
import type { Config } from '../config/config.ts';
import type { Patience, PcpService, PcpServiceListener } from '../interworking/pcp-service.ts';
import { inOrder } from '../pcp/asking/address-order.ts';
import { Client, type ServerCandidate } from '../pcp/asking/client.ts';
import type { ClientOutput, DatagramIgnoredBecause } from '../pcp/asking/client-output.ts';
import { type ClientSettings, DEFAULT_PACING } from '../pcp/asking/client-settings.ts';
import type { ReleaseWish } from '../pcp/asking/exchange.ts';
import type { MapOutcome, ReleaseOutcome, ServerId } from '../pcp/asking/map-outcome.ts';
import type { MapKey, MapRequest } from '../pcp/asking/map-request.ts';
import type { ServerView } from '../pcp/asking/server-view.ts';
import { newsSentence, type PcpNews, tellNews } from './pcp-news.ts';
import { type ConsideredPlace, type FoundServer, serversIn, whyNoServer } from './pcp-servers.ts';
import { PcpSockets } from './pcp-sockets.ts';
import { ServerSearch } from './server-search.ts';

export type PcpSessionHost = Pick<Host, 'clock' | 'random' | 'log' | 'udp' | 'files' | 'network'>;

export type PcpSessionConfig = Pick<
  Config['pcp'],
  'servers' | 'dhcpFile' | 'emulatePreferFailure' | 'natPmp' | 'maxInFlight' | 'rate'
> & { readonly onlyIPv4?: boolean };

export interface PcpSessionParts {
  /** Left out: to the log. */
  readonly tell?: (level: 'info' | 'warn', sentence: string) => void;
  readonly host: PcpSessionHost;
  readonly driver: Driver;
  readonly config: PcpSessionConfig;
  /** Left out: one of its own. */
  readonly watch?: NetworkWatch;
}

export interface PcpSession extends PcpService {
  /** The network may have changed: looks again at once. */
  reconsider(): void;
  view(): readonly ServerView[];
  /** Where servers were looked for, and what came of it. */
  places(): readonly ConsideredPlace[];
  noServerBecause(): string | undefined;
  /** Datagrams that came from nobody we talk to. */
  strangers(): number;
  close(): void;
}

/** Settles when the servers were looked for and their sockets are open; not when they answered. */
export async function createPcpSession(parts: PcpSessionParts): Promise<PcpSession> {
  const session = new NetworkedPcpSession(parts);
  await session.look(true);
  return session;
}

class NetworkedPcpSession implements PcpSession {
  readonly #host: PcpSessionHost;
  readonly #tell: NonNullable<PcpSessionParts['tell']>;
  readonly #search: ServerSearch;
  readonly #driven: Driven<Client, ClientOutput>;
  readonly #watch: { remove(): void };
  readonly #sockets: PcpSockets;
  readonly #listeners: PcpServiceListener[] = [];
  readonly #maps = new Map<number, (outcome: MapOutcome) => void>();
  readonly #releases = new Map<number, (outcome: ReleaseOutcome) => void>();
  #nextId = 1;
  #strangers = 0;
  #looking: Promise<void> | undefined;
  #shallLookAgain = false;
  #isClosed = false;

  constructor({ host, driver, config, tell, watch }: PcpSessionParts) {
    this.#host = host;
    this.#tell = tell ?? ((level, sentence) => host.log[level](sentence));
    this.#search = new ServerSearch(host, config);
    const client = new Client(settingsOf(config), () => host.random.unit());
    this.#driven = driver.add<Client, ClientOutput>('PCP', client, (output) => this.#perform(output));
    this.#sockets = new PcpSockets(host, {
      datagram: (bytes, from, via) => this.#driven.run((machine, now) => machine.handleDatagram(bytes, from, via, now)),
      unreachable: (server) => this.#driven.run((machine, now) => machine.handleUnreachable(server, now)),
    });
    // A name server may be slow: nobody waits for that.
    this.#watch = (watch ?? new NetworkWatch(host.clock, driver)).follow(() => void this.look(false));
  }

  map(request: MapRequest, patience: Patience): Promise<MapOutcome> {
    if (this.#isClosed) return Promise.resolve({ kind: 'unanswered', why: 'closed' });
    const hungUp = patience.kind === 'answer within' ? patience.hungUp : undefined;
    if (hungUp?.aborted === true) return Promise.resolve({ kind: 'unanswered', why: 'hung up' });
    const id = this.#nextId++;
    return new Promise((resolve) => {
      const hangUp = (): void => this.#driven.run((machine, now) => machine.cancel(id, 'hung up', now));
      hungUp?.addEventListener('abort', hangUp, { once: true });
      this.#maps.set(id, (outcome) => {
        hungUp?.removeEventListener('abort', hangUp);
        resolve(outcome);
      });
      this.#driven.run((machine, now) => machine.map(id, request, patience, now));
    });
  }

  release(key: MapKey, until: Instant, isWaitedFor = false): Promise<ReleaseOutcome> {
    return this.#release({ key, until, isWaitedFor });
  }

  releaseOwed(server: ServerId, key: MapKey, until: Instant): Promise<ReleaseOutcome> {
    return this.#release({ key, until, owedTo: server });
  }

  #release(wish: ReleaseWish): Promise<ReleaseOutcome> {
    if (this.#isClosed) return Promise.resolve({ kind: 'unanswered', why: 'closed' });
    const id = this.#nextId++;
    return new Promise((resolve) => {
      this.#releases.set(id, resolve);
      this.#driven.run((machine, now) => machine.release(id, wish, now));
    });
  }

  currentServer(): ServerId | undefined {
    return this.#driven.machine.currentServer();
  }

  health(): 'up' | 'unknown' | 'down' {
    return this.#driven.machine.health();
  }

  seek(): boolean {
    this.#driven.run((machine, now) => machine.seek(now));
    return this.#driven.machine.isSeeking(this.#host.clock.now());
  }

  sourceAddress(): IpAddress | undefined {
    return this.#driven.machine.sourceAddress();
  }

  canNameThirdParty(): boolean {
    return this.#driven.machine.canNameThirdParty();
  }

  canFilterRemotePeers(): boolean {
    return this.#driven.machine.canFilterRemotePeers(this.#host.clock.now());
  }

  listen(listener: PcpServiceListener): void {
    this.#listeners.push(listener);
  }

  view(): readonly ServerView[] {
    return this.#driven.machine.view(this.#host.clock.now());
  }

  places(): readonly ConsideredPlace[] {
    return this.#search.considered;
  }

  noServerBecause(): string | undefined {
    if (this.currentServer() !== undefined) return undefined;
    const servers = serversIn(this.places());
    if (servers.length === 0) return whyNoServer(this.places());
    return `there is no route to ${servers.map(({ id }) => id).join(', ')}`;
  }

  strangers(): number {
    return this.#strangers;
  }

  reconsider(): void {
    void this.look(true);
  }

  close(): void {
    this.#isClosed = true;
    this.#watch.remove();
    this.#driven.run((machine, now) => machine.close(now));
    this.#driven.remove();
    this.#sockets.close();
  }

  /** One look at a time; a wish for another one meanwhile is kept. */
  async look(isAnew: boolean): Promise<void> {
    if (this.#looking !== undefined) {
      this.#shallLookAgain ||= isAnew;
      return this.#looking;
    }
    this.#looking = this.#consider(isAnew).finally(() => {
      this.#looking = undefined;
    });
    await this.#looking;
    if (this.#shallLookAgain && !this.#isClosed) {
      this.#shallLookAgain = false;
      await this.look(true);
    }
  }

  async #consider(isAnew: boolean): Promise<void> {
    const found = await this.#search.look(isAnew, (endpoint) => this.#sockets.sourceTo(endpoint) !== undefined);
    if (found === undefined) return;
    const wanted = found.servers.flatMap(({ endpoints, interfaceName }) =>
      endpoints.map((server) => ({ server, interfaceName })),
    );
    await this.#sockets.keep(wanted, found.isAnotherNetwork);
    if (this.#isClosed) return;
    const candidates = found.servers.map((server) => this.#candidate(server));
    this.#driven.run((machine, at) => machine.setServers(candidates, at));
  }

  #candidate({ id, endpoints }: FoundServer): ServerCandidate {
    const addresses = endpoints.flatMap((endpoint) => {
      const source = this.#sockets.sourceTo(endpoint);
      return source === undefined ? [] : [{ endpoint, source }];
    });
    return { id, addresses: inOrder(addresses) };
  }

  #perform(output: ClientOutput): void {
    switch (output.kind) {
      case 'transmit':
        this.#sockets.send(output.bytes, output.to);
        break;
      case 'settled':
        settle(this.#maps, output.id, output.outcome);
        break;
      case 'released':
        settle(this.#releases, output.id, output.outcome);
        break;
      case 'ignored':
        this.#ignored(output.why, output.from);
        break;
      default:
        this.#report(output);
    }
  }

  #report(news: PcpNews): void {
    const sentence = newsSentence(news);
    if (news.kind === 'withdrawal') this.#host.log.debug(sentence);
    else if (news.kind === 'server lost state') this.#tell('warn', sentence);
    else if (news.kind === 'server changed' && news.server === undefined) {
      this.#tell('warn', `${sentence}: ${this.noServerBecause()}`);
    } else this.#tell('info', sentence);
    for (const listener of this.#listeners) tellNews(listener, news);
  }

  #ignored(why: DatagramIgnoredBecause, from: Endpoint): void {
    if (why === 'not from our server') this.#strangers += 1;
    this.#host.log.debug('datagram ignored', { why, from: from.address.text, port: from.port });
  }
}

const settingsOf = (config: PcpSessionConfig): ClientSettings => ({
  emulatePreferFailure: config.emulatePreferFailure,
  natPmp: config.natPmp,
  pacing: { ...DEFAULT_PACING, packetsPerSecond: config.rate, inFlight: config.maxInFlight },
});

function settle<Outcome>(waiting: Map<number, (outcome: Outcome) => void>, id: number, outcome: Outcome): void {
  const resolve = waiting.get(id);
  waiting.delete(id);
  resolve?.(outcome);
}
