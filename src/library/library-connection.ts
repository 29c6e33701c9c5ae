// What stands behind one `PcpClient` of the library: a PCP session that is opened when it is first needed, and the mappings
// it keeps alive, each told what concerns it.

import { Driver } from '../base/drive.ts';
import { ANY_IPV6, endpointText, type IpAddress } from '../base/ip-address.ts';
import { ok, type Result, refused } from '../base/result.ts';
import { type Duration, seconds } from '../base/time.ts';
import { type PcpServerChoice, pcpServers } from '../config/config-network-kinds.ts';
import type { PcpServiceListener } from '../interworking/pcp-service.ts';
import type { Granted, MapOutcome } from '../pcp/asking/map-outcome.ts';
import type { MapRequest } from '../pcp/asking/map-request.ts';
import { considerPlaces, serversIn } from '../upstream/pcp-servers.ts';
import { createPcpSession, type PcpSession, type PcpSessionHost } from '../upstream/pcp-session.ts';
import { greet, ServerAsker } from '../upstream/server-asker.ts';
import type { ServerPlace } from '../upstream/server-socket.ts';
import { type KeepingService, KeptMapping, type KeptMappingListener } from './kept-mapping.ts';
import { type ClientOptions, type Problem, problemOf } from './library-request.ts';

export interface ServerSign {
  readonly server: string;
  readonly protocol: 'PCP' | 'NAT-PMP';
  readonly roundTripMs: number;
  readonly epoch: number | undefined;
}

// A program on a router may want many; its server has a quota long before this (and rates count per client).
const MOST_IN_FLIGHT = 16;
const MOST_PER_SECOND = 50;
const LONGEST_PATIENCE_SECONDS = 3600;
const NO_DHCP_FILE = '';

export class LibraryConnection {
  readonly #host: PcpSessionHost;
  readonly #servers: readonly PcpServerChoice[];
  readonly #natPmp: boolean;
  readonly #budget: Duration;
  readonly #driver: Driver;
  readonly #kept = new Set<KeptMapping>();
  /** What is mapped or being asked for, in words. */
  readonly #held = new Set<string>();
  /** Mappings ask through here, whether the session is open by then or not. */
  readonly #service: KeepingService = {
    map: async (request, patience) => (await this.#open()).map(request, patience),
    release: async (key, until) => (await this.#open()).release(key, until),
    currentServer: () => this.#opened?.currentServer(),
  };
  #session: Promise<PcpSession> | undefined;
  #opened: PcpSession | undefined;
  #isClosed = false;

  private constructor(host: PcpSessionHost, servers: readonly PcpServerChoice[], options: ClientOptions) {
    this.#host = host;
    this.#servers = servers;
    this.#natPmp = options.natPmp;
    this.#budget = seconds(options.answerWithinSeconds);
    this.#driver = new Driver(host.clock);
  }

  /** The error says what to mend. Opens nothing yet. */
  static over(host: PcpSessionHost, options: ClientOptions): Result<LibraryConnection, string> {
    const { answerWithinSeconds, servers } = options;
    if (!(answerWithinSeconds > 0 && answerWithinSeconds <= LONGEST_PATIENCE_SECONDS)) {
      return refused(`answerWithin must be seconds, more than 0 and at most ${LONGEST_PATIENCE_SECONDS}`);
    }
    const choices = pcpServers.fromTexts(servers);
    if (!choices.ok) return refused(`server ${choices.error.message}`);
    return ok(new LibraryConnection(host, choices.value, options));
  }

  /** Before a port is asked for: twice would be one mapping at the server, with two owners here. */
  hold(wish: MapRequest): Result<void, Problem> {
    const name = nameOf(wish);
    if (this.#held.has(name)) {
      const message = `${name} is mapped by this client already: use that mapping, or release it first`;
      return refused({ kind: 'already mapped', message });
    }
    this.#held.add(name);
    return ok(undefined);
  }

  letGo(wish: MapRequest): void {
    this.#held.delete(nameOf(wish));
  }

  /** Also what was asked for in the end: it is what has to be kept. */
  async map(wish: MapRequest): Promise<{ readonly request: MapRequest; readonly outcome: MapOutcome }> {
    if (this.#isClosed) return { request: wish, outcome: { kind: 'unanswered', why: 'closed' } };
    const session = await this.#open();
    const request = inFamilyOf(session.sourceAddress(), wish);
    return { request, outcome: await session.map(request, { kind: 'answer within', budget: this.#budget }) };
  }

  /** Renews what was granted until it is released. */
  keep(request: MapRequest, granted: Granted, listener: KeptMappingListener): KeptMapping {
    const { clock, random } = this.#host;
    const kept = new KeptMapping({ service: this.#service, clock, random }, request, granted, listener);
    this.#kept.add(kept);
    return kept;
  }

  forget(kept: KeptMapping): void {
    this.#kept.delete(kept);
  }

  /**
   * Asks the servers in order; the first that is there counts. On a socket of its own, as the session asks when it thinks
   * fit and knows one server at a time, and whoever calls this wants a packet to go out now.
   */
  async announce(): Promise<Result<ServerSign, Problem>> {
    if (this.#isClosed) return refused(problemOf({ kind: 'unanswered', why: 'closed' }));
    const places = await considerPlaces(this.#host, { servers: this.#servers, dhcpFile: NO_DHCP_FILE });
    const addresses = serversIn(places).flatMap(({ endpoints, interfaceName }) =>
      endpoints.map((server) => ({ server, interfaceName })),
    );
    if (addresses.length === 0) return refused(problemOf({ kind: 'unanswered', why: 'no server' }));
    for (const address of addresses) {
      const sign = await this.#signOf(address);
      if (sign !== undefined) return ok(sign);
    }
    return refused(problemOf({ kind: 'unanswered', why: 'no answer in time' }));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const kept of this.#kept) kept.abandon();
    this.#kept.clear();
    (await this.#session)?.close();
    this.#driver.close();
  }

  async #signOf(place: ServerPlace): Promise<ServerSign | undefined> {
    const opened = await ServerAsker.open(this.#host, place);
    if (!opened.ok) return undefined;
    const greeting = await greet(opened.value);
    opened.value.close();
    if (greeting.kind !== 'answer') return undefined;
    const { answer, roundTrip } = greeting;
    const sign = { server: endpointText(place.server), roundTripMs: Math.round(roundTrip * 10) / 10 };
    if (answer.kind === 'epoch') return { ...sign, protocol: 'PCP', epoch: answer.epoch };
    return answer.version === 0 && this.#natPmp ? { ...sign, protocol: 'NAT-PMP', epoch: undefined } : undefined;
  }

  #open(): Promise<PcpSession> {
    this.#session ??= this.#createSession();
    return this.#session;
  }

  async #createSession(): Promise<PcpSession> {
    const session = await createPcpSession({
      host: this.#host,
      driver: this.#driver,
      config: {
        servers: this.#servers,
        dhcpFile: NO_DHCP_FILE,
        natPmp: this.#natPmp,
        emulatePreferFailure: true,
        maxInFlight: MOST_IN_FLIGHT,
        rate: MOST_PER_SECOND,
      },
    });
    session.listen(this.#listener(session));
    this.#opened = session;
    return session;
  }

  #listener(session: PcpSession): PcpServiceListener {
    const restoreAll = (): void => {
      for (const kept of this.#kept) kept.restore();
    };
    return {
      serverLostState: restoreAll,
      serverChanged: (server) => {
        if (server !== undefined) restoreAll();
      },
      sourceAddressChanged: (address) => {
        if (address !== undefined) restoreAll();
      },
      mappingUpdated: (update) => {
        for (const kept of this.#kept) kept.update(update);
      },
      // A program's mappings end with it, whatever the server says.
      withdrawal() {},
      healthChanged: () => {
        if (session.health() !== 'up') return;
        for (const kept of this.#kept) kept.serverIsBack();
      },
    };
  }
}

const nameOf = ({ protocol, internalPort, thirdParty }: MapRequest): string =>
  `${protocol} port ${internalPort}${thirdParty === undefined ? '' : ` of ${thirdParty}`}`;

/** RFC 6887 §5: the all-zero suggestion names the family wanted outside. Behind an IPv6 address of ours it is IPv6. */
function inFamilyOf(source: IpAddress | undefined, request: MapRequest): MapRequest {
  const isOpen = request.thirdParty === undefined && request.suggestedAddress.isUnspecified;
  return isOpen && source?.isIPv4 === false ? { ...request, suggestedAddress: ANY_IPV6 } : request;
}
