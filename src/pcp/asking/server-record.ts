// What we know of one server, and how each answer changes it: the mappings it granted, the mappings it may have although
// nobody wants them, and what it refuses (RFC 6887 §11.4, §11.5, §13.2, §15). It says how a request ended; the mapping
// requester does what follows.

import type { IpAddress } from '../../base/ip-address.ts';
import { after, type Duration, type Instant, milliseconds, seconds } from '../../base/time.ts';
import {
  believedLifetime,
  type GrantVerdict,
  judgeMapAnswer,
  judgeReleaseAnswer,
  judgeUpdate,
  type MapVerdict,
} from './answer-judgement.ts';
import { type ClientOutput, type DatagramIgnoredBecause, NOTHING, type Outputs } from './client-output.ts';
import type { Dialect, MapForm, MapReply } from './dialect.ts';
import type { Exchange, MapTask, ReleaseTask } from './exchange.ts';
import { GoneLately, type HeldMapping, HeldMappings, OwedMappings } from './held-mappings.ts';
import type { Granted, MappingUpdate, Refused, ReleaseOutcome, ServerId } from './map-outcome.ts';
import { baseKeyText, type MapKey, type MapRequest } from './map-request.ts';
import { CANNOT_PROVIDE_EXTERNAL, holdOf, type ResultCode, SUCCESS, UNSUPP_OPTION } from './result-code.ts';
import { type OptionLearned, ServerKnowledge } from './server-knowledge.ts';

/** What a response that answers no request is about. */
export type UnaskedReply =
  | { readonly kind: 'update'; readonly held: HeldMapping; readonly change: MappingUpdate['change'] }
  /** About a mapping of ours, or one that was given up, and nothing new. */
  | { readonly kind: 'copy' }
  /** A released mapping, made once more by a packet that the deletion overtook. */
  | { readonly kind: 'returned'; readonly key: MapKey; readonly lifetime: Duration };

export type MapEnding =
  | { readonly kind: 'granted'; readonly outcome: Granted; readonly news: Outputs }
  /** `mayBeThere`: the server may have made the mapping all the same, and nobody knows of it. */
  | { readonly kind: 'refused'; readonly outcome: Refused; readonly news: Outputs; readonly mayBeThere: boolean }
  | { readonly kind: 'conflict' }
  | { readonly kind: 'ask again'; readonly form: MapForm; readonly news: Outputs }
  | { readonly kind: 'not yet'; readonly why: DatagramIgnoredBecause };

export type ReleaseEnding =
  | { readonly kind: 'ended'; readonly outcome: ReleaseOutcome }
  | { readonly kind: 'not yet'; readonly why: DatagramIgnoredBecause };

/** The server did not say how long the port is taken. A control point waits long for an answer, so we do not ask too often. */
const CONFLICT_HOLD = seconds(30);

// A stray Mapping Update comes three times at most (RFC 6887 §11.5), and rarely meets a request; a server that ignores
// PREFER_FAILURE answers every packet so.
const MOST_WRONG_PORTS = 4;

export class ServerRecord {
  readonly #id: ServerId;
  readonly #knowledge: ServerKnowledge;
  readonly #held = new HeldMappings();
  readonly #owed = new OwedMappings();
  readonly #releasedLately = new GoneLately();
  readonly #refusedLately = new GoneLately();
  /** NAT-PMP tells it apart from mappings. */
  #externalAddress: IpAddress | undefined;

  constructor(id: ServerId, emulatePreferFailure: boolean) {
    this.#id = id;
    this.#knowledge = new ServerKnowledge(emulatePreferFailure);
  }

  get heldCount(): number {
    return this.#held.size;
  }

  isHeld(key: MapKey): boolean {
    return this.#held.get(key) !== undefined;
  }

  /** Whatever nonce it was made with. */
  heldUnder(base: string): HeldMapping | undefined {
    return this.#held.matching(base, undefined);
  }

  canFilter(dialect: Dialect, now: Instant): boolean {
    return this.#knowledge.canFilter(dialect, now);
  }

  view(dialect: Dialect, now: Instant) {
    return { options: this.#knowledge.options(dialect, now), holds: this.#knowledge.holds(now) };
  }

  /** The refusal this request would get, as far as we can tell without asking. */
  refusalOf(request: MapRequest, dialect: Dialect, now: Instant): Refused | undefined {
    this.forgetExpired(now);
    const refusal = this.#knowledge.refusalOf(request, this.#held.get(request), dialect, now);
    return refusal && { kind: 'refused', server: this.#id, ...refusal };
  }

  formOf(request: MapRequest, dialect: Dialect, now: Instant): MapForm {
    return this.#knowledge.formOf(request, this.#held.get(request), dialect, now);
  }

  /** A mapping whose lifetime is over is gone at the server, too: its port may be had. */
  forgetExpired(now: Instant): void {
    for (const { key, assignedPort } of this.#held.takeExpired(now))
      this.#knowledge.noteFree(key.protocol, assignedPort);
  }

  /** Another address of ours: mappings belong to the one they were made from (RFC 6887 §11.3). */
  forgetOwn(): void {
    this.#held.forgetOwn();
    // What was refused to the old address may be granted to the new one, ADDRESS_MISMATCH above all.
    this.#knowledge.forget();
  }

  /** A server that lost its state, or speaks another protocol, may be another version of itself. */
  forgetKnowledge(): void {
    this.#knowledge.forget();
  }

  noteEverythingRefused(code: ResultCode, lifetimeSeconds: number, now: Instant): Duration {
    return this.#knowledge.noteEverythingRefused(code, lifetimeSeconds, now);
  }

  /** It was given up and may be there: to be released when the server is heard. */
  owe(key: MapKey, now: Instant): void {
    this.#owed.add(key, now);
  }

  isOwed(key: MapKey): boolean {
    return this.#owed.has(key);
  }

  /** A release of it is under way. */
  noteUnderWay(key: MapKey): void {
    this.#owed.delete(key);
  }

  takeOwed(now: Instant): readonly MapKey[] {
    return this.#owed.takeAll(now);
  }

  /** RFC 6887 §11.3: with another nonce, a mapping given up earlier would have this request refused. It goes first. */
  takeBarring(key: MapKey): readonly MapKey[] {
    return this.#owed.takeUnder(key).filter(({ nonce }) => nonce !== key.nonce);
  }

  /** Another packet of the same request may be granted all the same (RFC 6887 §8.3). */
  wasRefusedLately(key: MapKey, now: Instant): boolean {
    return this.#refusedLately.has(key, now);
  }

  /** Undefined: nobody's. */
  recognise(reply: MapReply, now: Instant): UnaskedReply | undefined {
    const base = baseKeyText(reply);
    const { nonce, code, lifetimeSeconds } = reply;
    const held = this.#held.matching(base, nonce);
    if (held !== undefined) {
      const change = judgeUpdate(held, reply, now);
      return change === undefined ? { kind: 'copy' } : { kind: 'update', held, change };
    }
    // A late answer to what was given up is nothing but a sign of life.
    if (this.#owed.isOneOf(base, nonce)) return { kind: 'copy' };
    const isGrant = code === SUCCESS && lifetimeSeconds > 0;
    const key = isGrant ? this.#releasedLately.take(base, nonce, now) : undefined;
    return key && { kind: 'returned', key, lifetime: believedLifetime(lifetimeSeconds) };
  }

  /** RFC 6887 §11.5: the server changed or dropped a mapping of ours by itself. */
  handleUpdate({ held, change }: UnaskedReply & { kind: 'update' }, lifetimeSeconds: number, now: Instant): Outputs {
    if (change.kind === 'refused') this.#held.put({ ...held, refusedWith: change.code });
    if (change.kind === 'granted') this.#hold(held, change, lifetimeSeconds, now);
    return [this.#updateOf(held, change)];
  }

  /** NAT-PMP grants name no address. When it changes, it changes for all of them (RFC 6886 §3.2). */
  handleExternalAddress(address: IpAddress, now: Instant): Outputs {
    if (this.#externalAddress?.equals(address)) return NOTHING;
    this.#externalAddress = address;
    return this.#held.all().map((held) => {
      this.#held.put({ ...held, assignedAddress: address });
      const lifetime = milliseconds(held.expiresAt - now);
      const { assignedPort } = held;
      return this.#updateOf(held, { kind: 'granted', assignedAddress: address, assignedPort, lifetime });
    });
  }

  /** `source`: the address of ours that the request left from. */
  handleMapAnswer(
    exchange: Exchange,
    { request }: MapTask,
    reply: MapReply,
    source: IpAddress,
    now: Instant,
  ): MapEnding {
    const { emulatesPreferFailure } = this.#knowledge;
    const server = { externalAddress: this.#externalAddress, emulatesPreferFailure };
    const verdict = judgeMapAnswer(request, exchange.form, reply, server);
    switch (verdict.kind) {
      case 'granted':
        return this.#granted(exchange, request, verdict, reply.lifetimeSeconds, source, now);
      case 'refused':
        return this.#refused(exchange, request, reply, now);
      case 'another port':
        // RFC 6887 §13.2: as if nothing had come. What the server made is released when the request ends.
        return exchange.noteWrongPort() < MOST_WRONG_PORTS
          ? { kind: 'not yet', why: 'another port than asked' }
          : { kind: 'conflict' };
      case 'conflict':
        return { kind: 'conflict' };
      case 'stale':
        return { kind: 'not yet', why: 'copy' };
      case 'ask again':
        return { kind: 'ask again', form: verdict.form, news: this.#lessonOf(exchange, request, verdict, reply, now) };
    }
  }

  /** The server made a mapping with another port than the only acceptable one, which must be taken then. */
  noteConflict(request: MapRequest, now: Instant): Refused {
    this.#knowledge.noteConflict(request, CONFLICT_HOLD, now);
    this.#held.delete(request);
    const refusal = { code: CANNOT_PROVIDE_EXTERNAL, lifetimeSeconds: 0, hold: CONFLICT_HOLD, by: 'client' } as const;
    return { kind: 'refused', server: this.#id, ...refusal };
  }

  handleReleaseAnswer(exchange: Exchange, { key }: ReleaseTask, reply: MapReply, now: Instant): ReleaseEnding {
    const held = this.#held.get(key);
    const mayMeetLateGrant = exchange.circumstances.mayMeetLateGrant === true;
    const verdict = judgeReleaseAnswer(reply, held, mayMeetLateGrant, now);
    if (verdict.kind === 'copy') return { kind: 'not yet', why: 'copy' };
    const server = this.#id;
    if (verdict.kind === 'refused') {
      const { code, lifetimeSeconds } = reply;
      const hold = holdOf(code, lifetimeSeconds);
      return { kind: 'ended', outcome: { kind: 'refused', server, code, lifetimeSeconds, hold, by: 'server' } };
    }
    this.#held.delete(key);
    if (held !== undefined) this.#knowledge.noteFree(key.protocol, held.assignedPort);
    if (!verdict.isGrant) this.#releasedLately.add(key, now);
    return { kind: 'ended', outcome: { kind: 'released', server, busyFor: verdict.busyFor } };
  }

  #granted(
    exchange: Exchange,
    request: MapRequest,
    verdict: GrantVerdict,
    lifetimeSeconds: number,
    source: IpAddress,
    now: Instant,
  ): MapEnding {
    const { nonce, protocol, internalPort, thirdParty } = request;
    const key = { nonce, protocol, internalPort, thirdParty };
    const internalAddress = thirdParty ?? source;
    this.#refusedLately.delete(key);
    this.#hold({ key, internalAddress }, verdict, lifetimeSeconds, now);
    const news = this.#learned(this.#knowledge.noteGranted(request, exchange.form, now));
    return { kind: 'granted', outcome: { server: this.#id, internalAddress, ...verdict }, news };
  }

  #refused(exchange: Exchange, request: MapRequest, reply: MapReply, now: Instant): MapEnding {
    const { code, lifetimeSeconds } = reply;
    const held = this.#held.get(request);
    // RFC 6887 §8.3: a success may follow for another packet of the same request, and nobody would know of that mapping.
    // A recovery goes on asking for what may be there.
    const isUnknown = held === undefined && exchange.isUrgent;
    const mayBeThere = isUnknown && (exchange.attempts > 1 || exchange.circumstances.replacesRelease === true);
    this.#refusedLately.add(request, now);
    if (held !== undefined) this.#held.put({ ...held, refusedWith: code });
    // The refusal may have answered an earlier request under the same nonce: a grant that follows is not wanted.
    if (isUnknown) this.#releasedLately.add(request, now);
    const { hold, learned } = this.#knowledge.noteRefused(request, exchange.form, reply, now);
    const outcome = { kind: 'refused', server: this.#id, code, lifetimeSeconds, hold, by: 'server' } as const;
    return { kind: 'refused', outcome, news: this.#learned(learned), mayBeThere };
  }

  #hold(
    mapping: Pick<HeldMapping, 'key' | 'internalAddress'>,
    { assignedAddress, assignedPort, lifetime }: Omit<GrantVerdict, 'kind'>,
    lifetimeSeconds: number,
    now: Instant,
  ): void {
    const { key, internalAddress } = mapping;
    const before = this.#held.get(key);
    if (before !== undefined && before.assignedPort !== assignedPort) {
      this.#knowledge.noteFree(key.protocol, before.assignedPort);
    }
    const grant = { receivedAt: now, lifetimeSeconds };
    const expiresAt = after(now, lifetime);
    this.#held.put({ key, internalAddress, assignedAddress, assignedPort, expiresAt, grant, refusedWith: undefined });
  }

  /** What the server's dislike of one option teaches. */
  #lessonOf(
    exchange: Exchange,
    request: MapRequest,
    { without }: MapVerdict & { readonly kind: 'ask again' },
    { lifetimeSeconds }: MapReply,
    now: Instant,
  ): Outputs {
    if (without === 'FILTER reset') {
      this.#knowledge.noteFilterResetRefused();
      return NOTHING;
    }
    const refusal = { code: UNSUPP_OPTION, lifetimeSeconds };
    return this.#learned(this.#knowledge.noteRefused(request, exchange.form, refusal, now).learned);
  }

  #learned(learned: readonly OptionLearned[]): Outputs {
    return learned.map((lesson) => ({ kind: 'option learned', server: this.#id, ...lesson }));
  }

  #updateOf({ key, internalAddress }: HeldMapping, change: MappingUpdate['change']): ClientOutput {
    const { nonce, protocol, internalPort } = key;
    const update = { server: this.#id, nonce, protocol, internalPort, internalAddress, change };
    return { kind: 'mapping updated', update };
  }
}
