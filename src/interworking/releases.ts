// Deletes at PCP servers (RFC 6887 §15): tried until answered or until the mapping would have ended by itself, one at a
// time for each mapping, however many wait for the answer. What no entry of the table stands for any more is owed
// (`mapping/owed-releases.ts`): it is on the disk, and taken up again by the next life of this process.

import type { IpAddress } from '../base/ip-address.ts';
import { keyText } from '../base/key-text.ts';
import type { Log } from '../base/log.ts';
import { after, type Duration, earlier, type Instant, milliseconds, seconds } from '../base/time.ts';
import type { Mapping } from '../mapping/mapping.ts';
import type { MappingTable } from '../mapping/mapping-table.ts';
import { type OwedRelease, type OwedReleases, placeText } from '../mapping/owed-releases.ts';
import { type Granted, type ReleaseOutcome, serverId, type Withdrawal } from '../pcp/asking/map-outcome.ts';
import type { MapKey, MapRequest } from '../pcp/asking/map-request.ts';
import { parseNonce } from '../pcp/asking/mapping-nonce.ts';
import { mapKeyOf, type NonceBook } from './nonce-book.ts';
import type { PcpService } from './pcp-service.ts';

const NO_TIME: Duration = milliseconds(0);
/** For a server that is not the one in use: four packets. It is asked again when it is in use. */
const ELSEWHERE_WITHIN = seconds(30);

interface Surroundings {
  readonly table: MappingTable;
  readonly owed: OwedReleases;
  readonly pcp: PcpService;
  readonly now: () => Instant;
  readonly log: Log;
}

export class Releases {
  readonly #context: Surroundings;
  readonly #nonces: NonceBook;
  readonly #underWay = new Map<string, Promise<ReleaseOutcome>>();
  /** Internal sides somebody asks a mapping for, until the table has it. */
  readonly #asked = new Map<string, { count: number; isOwed: boolean }>();
  #toldOf: string | undefined;

  constructor(context: Surroundings, nonces: NonceBook) {
    this.#context = context;
    this.#nonces = nonces;
  }

  /** Joins the one under way when there is one. */
  begin(mapping: Mapping, until: Instant, isWaitedFor = false): Promise<ReleaseOutcome> {
    const current = this.#context.pcp.currentServer();
    if (current !== undefined && current !== mapping.upstream.server) return this.#leaveElsewhere(mapping);
    const key = mapKeyOf(mapping.upstream, mapping.protocol);
    if (key === undefined) return Promise.resolve(released(mapping.upstream.server));
    const release = owedOf(mapping, until);
    if (!this.#isOurs(release)) this.owe(mapping);
    return this.#once(release, () => this.#context.pcp.release(key, until, isWaitedFor));
  }

  isUnderWay(mapping: Mapping): boolean {
    return this.#underWay.has(nameOf(owedOf(mapping, mapping.upstream.expiresAt)));
  }

  /** Said before the entry leaves the table, in the same breath: then one write to the disk tells of both. */
  owe(mapping: Mapping, endsAt: Instant = mapping.upstream.expiresAt): void {
    const { owed, now } = this.#context;
    owed.owe(owedOf(mapping, endsAt), now());
  }

  /** Granted, and of no use: deleted behind the answer. */
  giveBack(request: MapRequest, { server, internalAddress, lifetime }: Granted): void {
    const { owed, now, pcp } = this.#context;
    const { protocol, internalPort, thirdParty, nonce } = request;
    const isThirdParty = thirdParty !== undefined;
    const endsAt = after(now(), lifetime);
    const release = { server, protocol, internalAddress, internalPort, nonce, isThirdParty, endsAt };
    owed.owe(release, now());
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
    const { owed, now } = this.#context;
    if (state === 'answered') owed.done(withdrawn);
    else owed.owe({ ...withdrawn, endsAt: after(now(), lifetime) }, now());
  }

  /** The table has it (again): a server has one mapping for one internal port (RFC 6887 §11.3). */
  regained({ protocol, upstream }: Mapping): void {
    this.#context.owed.done({ protocol, ...upstream });
  }

  /** The entry is carried by another server now, or from another address of ours: where it was before, it may stay. */
  leftBehind(previous: Mapping, mapping: Mapping): void {
    const [from, to] = [previous.upstream, mapping.upstream];
    const isSamePlace = from.server === to.server && from.internalAddress.equals(to.internalAddress);
    // Another internal port is no move: `replaceMapping` has released the first one before.
    if (isSamePlace || from.internalPort !== to.internalPort) return;
    this.owe(previous);
    void this.#pay(owedOf(previous, from.expiresAt));
  }

  /** After a restart. A request for the same internal port carries the nonce of what may still be there. */
  resume(): void {
    const { owed, now } = this.#context;
    for (const release of owed.all(now())) {
      const { protocol, internalPort, server, internalAddress, isThirdParty } = release;
      const nonce = parseNonce(release.nonce);
      const thirdParty = isThirdParty ? internalAddress : undefined;
      if (nonce !== undefined) this.#nonces.note({ server, thirdParty, protocol, internalPort }, nonce);
    }
    this.takeUp();
  }

  /** Everything that is owed and can be asked for now; paced by the PCP client. */
  takeUp(): void {
    const { owed, now } = this.#context;
    const debts = owed.all(now());
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
    this.owe(mapping);
    const what = 'A mapping of a PCP server that is not in use is deleted there as soon as it can be asked';
    if (this.#toldOf !== server) this.#context.log.info(what, { server });
    this.#toldOf = server;
    void this.#pay(owedOf(mapping, mapping.upstream.expiresAt));
    return Promise.resolve(released(server));
  }

  #once(release: OwedRelease, ask: () => Promise<ReleaseOutcome>): Promise<ReleaseOutcome> {
    const name = nameOf(release);
    const existing = this.#underWay.get(name);
    if (existing !== undefined) return existing;
    const asked = ask()
      .then((outcome) => {
        if (outcome.kind !== 'unanswered' && this.#isOurs(release)) this.#context.owed.done(release);
        return outcome;
      })
      .finally(() => this.#underWay.delete(name));
    this.#underWay.set(name, asked);
    return asked;
  }
}

const released = (server: string): ReleaseOutcome => ({ kind: 'released', server: serverId(server), busyFor: NO_TIME });

const owedOf = ({ protocol, upstream }: Mapping, endsAt: Instant): OwedRelease => {
  const { server, internalAddress, internalPort, nonce, isThirdParty } = upstream;
  return { server, protocol, internalAddress, internalPort, nonce, isThirdParty, endsAt };
};

/** As `MapKey` tells internal sides apart, whichever server and nonce. */
const sideText = (
  { protocol, internalPort }: Pick<MapKey, 'protocol' | 'internalPort'>,
  thirdParty: IpAddress | undefined,
): string => keyText(protocol, internalPort, thirdParty?.text ?? '');

const nameOf = (release: OwedRelease): string => keyText(placeText(release), release.nonce);
