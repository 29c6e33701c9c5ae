// Deletes at PCP servers (RFC 6887 §15): tried until answered or until the mapping would have ended by itself, one at a
// time for each mapping, however many wait for the answer. What no entry of the table stands for any more is owed
// (`mapping/ledger.ts`): it is on the disk, and taken up again by the next life of this process.

import type { IpAddress } from '../base/ip-address.ts';
import type { Log } from '../base/log.ts';
import { keyText } from '../base/texts.ts';
import { after, type Duration, days, earlier, type Instant, milliseconds, seconds, shorter } from '../base/time.ts';
import { type Ledger, type OwedRelease, placeText } from '../mapping/ledger.ts';
import type { Mapping } from '../mapping/mapping.ts';
import { type MappingTable, releaseOf } from '../mapping/mapping-table.ts';
import {
  type Granted,
  type MapOutcome,
  type Refused,
  type ReleaseOutcome,
  serverId,
  type Unanswered,
  type Withdrawal,
} from '../pcp/asking/map-outcome.ts';
import type { MapKey, MapRequest } from '../pcp/asking/map-request.ts';
import { parseNonce } from '../pcp/asking/mapping-nonce.ts';
import type { Alarms } from './alarms.ts';
import { mapKeyOf, type NonceBook } from './nonce-book.ts';
import type { PcpService } from './pcp-service.ts';

const NO_TIME: Duration = milliseconds(0);
/** For a server that is not the one in use: four packets. It is asked again when it is in use. */
const ELSEWHERE_WITHIN = seconds(30);
/** Packets that are under way longer are lost. */
const PACKETS_LIVE = seconds(60);
/** RFC 6887 §15: longer grants count as a day. */
const LONGEST_BELIEVED = days(1);

interface Surroundings {
  readonly table: MappingTable;
  readonly pcp: PcpService;
  readonly now: () => Instant;
  readonly log: Log;
  readonly durable: () => Promise<boolean>;
  readonly alarms: Alarms;
}

export class Releases {
  readonly #context: Surroundings;
  readonly #nonces: NonceBook;
  readonly #underWay = new Map<string, Promise<ReleaseOutcome>>();
  /** Internal sides somebody asks a mapping for, until the table has it. */
  readonly #asked = new Map<string, { count: number; isOwed: boolean }>();
  /** Places that an earlier life of this process asked for. */
  readonly #inherited = new Set<string>();
  readonly #startedAt: Instant;
  #toldOf: string | undefined;

  constructor(context: Surroundings, nonces: NonceBook) {
    this.#context = context;
    this.#nonces = nonces;
    this.#startedAt = context.now();
  }

  /** Joins the one under way when there is one. */
  begin(mapping: Mapping, until: Instant, isWaitedFor = false): Promise<ReleaseOutcome> {
    const current = this.#context.pcp.currentServer();
    if (current !== undefined && current !== mapping.upstream.server) return this.#leaveElsewhere(mapping);
    const key = mapKeyOf(mapping.upstream, mapping.protocol);
    if (key === undefined) return Promise.resolve(released(mapping.upstream.server));
    const release = releaseOf(mapping, until);
    if (!this.#isOurs(release)) this.#owe(mapping);
    return this.#once(release, () => this.#context.pcp.release(key, until, isWaitedFor));
  }

  isUnderWay(mapping: Mapping): boolean {
    return this.#underWay.has(nameOf(releaseOf(mapping, mapping.upstream.expiresAt)));
  }

  #owe(mapping: Mapping, endsAt: Instant = mapping.upstream.expiresAt): void {
    this.#ledger.owe(releaseOf(mapping, endsAt), this.#context.now());
  }

  get #ledger(): Ledger {
    return this.#context.table.ledger;
  }

  /**
   * Asks for a mapping that no entry stands for yet. What the server may make of it is on the disk before the packet leaves:
   * when this process is killed, the next one deletes it.
   */
  async asking(request: MapRequest, ask: () => Promise<MapOutcome>): Promise<MapOutcome> {
    const asked = this.#askedFor(request);
    const isNew = asked !== undefined && this.#ledger.ask(asked, this.#context.now());
    await this.#context.durable();
    const outcome = await ask();
    if (asked === undefined || outcome.kind === 'granted') return outcome;
    if (isNew && madeNothing(outcome)) this.#ledger.done(asked);
    else this.#ledger.owe(asked, this.#context.now());
    return outcome;
  }

  /** Undefined: there is nobody to ask. */
  #askedFor({ protocol, internalPort, thirdParty, nonce, lifetimeSeconds }: MapRequest): OwedRelease | undefined {
    const { pcp, now } = this.#context;
    const server = pcp.currentServer();
    const internalAddress = thirdParty ?? pcp.sourceAddress();
    if (server === undefined || internalAddress === undefined) return undefined;
    const isThirdParty = thirdParty !== undefined;
    const endsAt = after(now(), shorter(seconds(lifetimeSeconds), LONGEST_BELIEVED));
    return { server, protocol, internalAddress, internalPort, nonce, isThirdParty, endsAt };
  }

  /** Granted, and of no use: deleted behind the answer. */
  giveBack(request: MapRequest, { server, internalAddress, lifetime }: Granted): void {
    const { now, pcp } = this.#context;
    const { protocol, internalPort, thirdParty, nonce } = request;
    const isThirdParty = thirdParty !== undefined;
    const endsAt = after(now(), lifetime);
    const release = { server, protocol, internalAddress, internalPort, nonce, isThirdParty, endsAt };
    this.#ledger.owe(release, now());
    void this.#once(release, () => pcp.release({ protocol, internalPort, thirdParty, nonce }, endsAt));
  }

  /** What is owed for the same internal side waits until it is known whether `make` has put it into the table. */
  async during<T>(request: MapRequest, make: () => Promise<T>): Promise<T> {
    const side = sideText(request, request.thirdParty);
    const asked = this.#asked.get(side) ?? { count: 0, isOwed: false };
    asked.count += 1;
    this.#asked.set(side, asked);
    try {
      return await make();
    } finally {
      asked.count -= 1;
      if (asked.count === 0) this.#asked.delete(side);
      if (asked.count === 0 && asked.isOwed) this.takeUp();
    }
  }

  /** Whether somebody has it again, or is about to. */
  isWanted({ protocol, upstream }: Mapping): boolean {
    if (this.#context.table.withNonce(upstream.nonce).length > 0) return true;
    const { internalAddress, internalPort, isThirdParty } = upstream;
    return this.#isAskedFor(sideText({ protocol, internalPort }, isThirdParty ? internalAddress : undefined));
  }

  #isAskedFor(side: string): boolean {
    const asked = this.#asked.get(side);
    if (asked !== undefined) asked.isOwed = true;
    return asked !== undefined;
  }

  /** The PCP client gave a request up and deletes by itself what may have come of it. */
  withdrawn({ state, lifetime, ...withdrawn }: Withdrawal): void {
    const { now } = this.#context;
    if (state === 'answered') this.#ledger.done(withdrawn);
    else this.#ledger.owe({ ...withdrawn, endsAt: after(now(), lifetime) }, now());
  }

  /** The table has it (again): a server has one mapping for one internal port (RFC 6887 §11.3). */
  regained({ protocol, upstream }: Mapping): void {
    this.#ledger.done({ protocol, ...upstream });
  }

  /** The entry is carried by another server now, or from another address of ours: where it was before, it may stay. */
  leftBehind(previous: Mapping, mapping: Mapping): void {
    const [from, to] = [previous.upstream, mapping.upstream];
    const isSamePlace = from.server === to.server && from.internalAddress.equals(to.internalAddress);
    // Another internal port is no move: `replaceMapping` has released the first one before.
    if (isSamePlace || from.internalPort !== to.internalPort) return;
    this.#owe(previous);
    void this.#pay(releaseOf(previous, from.expiresAt));
  }

  /** After a restart. A request for the same internal port carries the nonce of what may still be there. */
  resume(): void {
    for (const release of this.#ledger.owed(this.#context.now())) {
      const { protocol, internalPort, server, internalAddress, isThirdParty } = release;
      const nonce = parseNonce(release.nonce);
      const thirdParty = isThirdParty ? internalAddress : undefined;
      if (nonce !== undefined) this.#nonces.note({ server, thirdParty, protocol, internalPort }, nonce);
      this.#inherited.add(placeText(release));
    }
    this.takeUp();
  }

  /** Everything that is owed and can be asked for now; paced by the PCP client. */
  takeUp(): void {
    const debts = this.#ledger.owed(this.#context.now());
    if (debts.length === 0) return;
    const wanted = this.#wantedPlaces();
    for (const release of debts) if (!wanted.has(placeText(release))) void this.#pay(release);
  }

  /** Where entries are, and where they are about to be: what is there is taken over, not deleted. */
  #wantedPlaces(): ReadonlySet<string> {
    const { table, pcp } = this.#context;
    const [server, source] = [pcp.currentServer(), pcp.sourceAddress()];
    const places = [...table.all()].flatMap(({ protocol, upstream }) => {
      const internalAddress = upstream.isThirdParty ? upstream.internalAddress : source;
      const here = placeText({ protocol, ...upstream });
      if (server === undefined || internalAddress === undefined) return [here];
      return [here, placeText({ server, protocol, internalAddress, internalPort: upstream.internalPort })];
    });
    return new Set(places);
  }

  /** RFC 6887 §11.3: a mapping belongs to the address it was made from; from another one it cannot be named. */
  #isOurs({ isThirdParty, internalAddress }: OwedRelease): boolean {
    return isThirdParty || this.#context.pcp.sourceAddress()?.equals(internalAddress) === true;
  }

  async #pay(release: OwedRelease): Promise<void> {
    const { pcp, now } = this.#context;
    const { protocol, internalPort, internalAddress, isThirdParty, endsAt } = release;
    const nonce = parseNonce(release.nonce);
    const thirdParty = isThirdParty ? internalAddress : undefined;
    if (nonce === undefined || !this.#isOurs(release) || this.#underWay.has(nameOf(release))) return;
    if (this.#isAskedFor(sideText(release, thirdParty))) return;
    const isInUse = release.server === pcp.currentServer();
    const until = isInUse ? endsAt : earlier(endsAt, after(now(), ELSEWHERE_WITHIN));
    const key = { protocol, internalPort, thirdParty, nonce };
    await this.#once(release, () => pcp.releaseOwed(serverId(release.server), key, until));
  }

  /** The control point need not wait for a server nobody else speaks with. */
  #leaveElsewhere(mapping: Mapping): Promise<ReleaseOutcome> {
    const { server } = mapping.upstream;
    this.#owe(mapping);
    const what = 'A mapping of a PCP server that is not in use is deleted there as soon as it can be asked';
    if (this.#toldOf !== server) this.#context.log.info(what, { server });
    this.#toldOf = server;
    void this.#pay(releaseOf(mapping, mapping.upstream.expiresAt));
    return Promise.resolve(released(server));
  }

  /**
   * What an earlier life asked for may still be on its way, and its answer reaches nobody: what a deletion overtook is
   * deleted once more when all packets of that life are gone.
   */
  #answered(release: OwedRelease): void {
    const { alarms, now } = this.#context;
    const allGoneAt = after(this.#startedAt, PACKETS_LIVE);
    if (!this.#inherited.delete(placeText(release)) || now() >= allGoneAt) {
      this.#ledger.done(release);
      return;
    }
    this.#ledger.doubt(release);
    void alarms.until(allGoneAt, 'delete once more what an earlier life asked for').then((how) => {
      if (how === 'rang' && this.#ledger.has(release)) void this.#pay(release);
    });
  }

  /** Before the table has the entries of an earlier life. */
  inherit({ protocol, upstream }: Mapping): void {
    this.#inherited.add(placeText({ protocol, ...upstream }));
  }

  #once(release: OwedRelease, ask: () => Promise<ReleaseOutcome>): Promise<ReleaseOutcome> {
    const name = nameOf(release);
    const existing = this.#underWay.get(name);
    if (existing !== undefined) return existing;
    const asked = ask()
      .then((outcome) => {
        if (outcome.kind !== 'unanswered' && this.#isOurs(release)) this.#answered(release);
        return outcome;
      })
      .finally(() => this.#underWay.delete(name));
    this.#underWay.set(name, asked);
    return asked;
  }
}

/** By its own word, or because nothing was sent. Of what the PCP client refuses itself, it deletes what there is. */
const madeNothing = (outcome: Refused | Unanswered): boolean =>
  outcome.kind === 'refused'
    ? outcome.by !== 'client'
    : outcome.why === 'no server' || outcome.why === 'server known to be down';

const released = (server: string): ReleaseOutcome => ({ kind: 'released', server: serverId(server), busyFor: NO_TIME });

/** As `MapKey` tells internal sides apart, whichever server and nonce. */
const sideText = (
  { protocol, internalPort }: Pick<MapKey, 'protocol' | 'internalPort'>,
  thirdParty: IpAddress | undefined,
): string => keyText(protocol, internalPort, thirdParty?.text ?? '');

const nameOf = (release: OwedRelease): string => keyText(placeText(release), release.nonce);
