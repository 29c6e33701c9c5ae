// The requests under way with one server: each is sent in its turn, and again until it is answered or given up. They are
// found by what a response names (RFC 6887 §11.4) and by when they are due. What is asked and what an answer means is
// decided by the mapping requester.

import type { Wake } from '../../base/machine.ts';
import { PriorityQueue } from '../../base/priority-queue.ts';
import { after, between, type Instant, milliseconds } from '../../base/time.ts';
import type { ServerAddress } from './address-order.ts';
import { type ClientOutput, NOTHING, type Outputs } from './client-output.ts';
import type { PacingLimits } from './client-settings.ts';
import type { Dialect, MapForm, MapReply } from './dialect.ts';
import { type Exchange, taskKey } from './exchange.ts';
import type { Health } from './liveness.ts';
import { baseKeyText, type MapKey } from './map-request.ts';
import type { MappingNonce } from './mapping-nonce.ts';
import { SUCCESS } from './result-code.ts';
import type { ServerCounters } from './server-view.ts';

/** How things stand with the server at the moment. */
export interface Line {
  readonly address: ServerAddress;
  readonly dialect: Dialect;
  readonly health: Health;
  readonly heardAt: Instant | undefined;
  /** It is down, and may be looked for now because somebody wants it. */
  readonly canBeDemanded: boolean;
}

export class RequestSender {
  readonly #counters: ServerCounters;
  readonly #limits: PacingLimits;
  readonly #unit: () => number;
  readonly #byBase = new Map<string, Exchange[]>();
  readonly #byId = new Map<number, Exchange>();
  readonly #due = new PriorityQueue<Exchange>();
  #pacing: Pacing<Exchange>;

  constructor(counters: ServerCounters, limits: PacingLimits, unit: () => number) {
    this.#counters = counters;
    this.#limits = limits;
    this.#unit = unit;
    this.#pacing = new Pacing(limits, false);
  }

  get size(): number {
    return this.#due.size;
  }

  get queued(): number {
    return this.#pacing.queued;
  }

  all(): readonly Exchange[] {
    return [...this.#byBase.values()].flat();
  }

  withId(id: number): Exchange | undefined {
    return this.#byId.get(id);
  }

  withKey(key: MapKey): Exchange | undefined {
    return this.matching(baseKeyText(key), key.nonce)[0];
  }

  /** Without a nonce, all that share the base key. */
  matching(base: string, nonce: MappingNonce | undefined): readonly Exchange[] {
    const siblings = this.#byBase.get(base) ?? [];
    return nonce === undefined ? siblings : siblings.filter((exchange) => taskKey(exchange.task).nonce === nonce);
  }

  /** RFC 6887 §11.4: protocol, internal address and port, nonce; nothing else is compared. */
  answeredBy(reply: MapReply): Exchange | undefined {
    const candidates = this.matching(baseKeyText(reply), reply.nonce);
    // Without nonces, a deletion's answer is known by its lifetime (RFC 6886 §3.4).
    const isDeletion = reply.code === SUCCESS && reply.lifetimeSeconds === 0;
    return candidates.find(({ task }) => (task.kind === 'release') === isDeletion) ?? candidates[0];
  }

  /** Whatever the nonce. */
  isUnderWay(key: MapKey, kind: 'map' | 'release'): boolean {
    return this.matching(baseKeyText(key), undefined).some(({ task }) => task.kind === kind);
  }

  firstDue(now: Instant): Exchange | undefined {
    const first = this.#due.first();
    return first !== undefined && first.rank <= now ? first.key : undefined;
  }

  nextWake(): Wake | undefined {
    const first = this.#due.first()?.key;
    const paced = this.#pacing.nextAt();
    if (first === undefined) return undefined;
    if (paced !== undefined && paced < first.dueAt) return { at: paced, why: 'next paced request' };
    return { at: first.dueAt, why: first.describe() };
  }

  start(exchange: Exchange, line: Line, now: Instant): Outputs {
    this.add(exchange);
    return this.send(exchange, line, now);
  }

  /** Its packet is under way already. */
  add(exchange: Exchange): void {
    const base = baseKeyText(taskKey(exchange.task));
    const siblings = this.#byBase.get(base);
    if (siblings === undefined) this.#byBase.set(base, [exchange]);
    else siblings.push(exchange);
    if (exchange.task.id !== undefined) this.#byId.set(exchange.task.id, exchange);
    this.#due.set(exchange, exchange.dueAt);
  }

  /** It was answered, or nobody wants the answer any more. */
  end(exchange: Exchange): void {
    this.#pacing.drop(exchange);
    const base = baseKeyText(taskKey(exchange.task));
    const rest = (this.#byBase.get(base) ?? []).filter((other) => other !== exchange);
    if (rest.length === 0) this.#byBase.delete(base);
    else this.#byBase.set(base, rest);
    if (exchange.task.id !== undefined) this.#byId.delete(exchange.task.id);
    this.#due.delete(exchange);
  }

  send(exchange: Exchange, line: Line, now: Instant): Outputs {
    if (line.health === 'down' && !exchange.circumstances.isTrial) {
      this.pause(exchange);
      return NOTHING;
    }
    if (exchange.isUrgent && !line.dialect.isSerial) return [this.#transmit(exchange, line, now)];
    this.pause(exchange);
    this.#pacing.enqueue(exchange, exchange.rank);
    return this.pump(line, now);
  }

  /** Another address, another form, another protocol, or back after a pause. */
  sendAgain(exchange: Exchange, line: Line, now: Instant, form?: MapForm): Outputs {
    exchange.startAgain(form);
    return this.send(exchange, line, now);
  }

  sendAllAgain(line: Line, now: Instant): Outputs {
    return this.all().flatMap((exchange) => this.sendAgain(exchange, line, now));
  }

  /** Sends what has waited for its turn, for instance when an answer made room. */
  pump(line: Line, now: Instant): Outputs {
    const outputs: ClientOutput[] = [];
    for (let next = this.#pacing.next(now); next !== undefined; next = this.#pacing.next(now)) {
      if (this.#isOpen(next)) outputs.push(this.#transmit(next, line, now));
    }
    return outputs;
  }

  pause(exchange: Exchange): void {
    this.#pacing.drop(exchange);
    exchange.pause();
    this.#reschedule(exchange);
  }

  /** A sign, which may be forged, that the server will not answer what was sent: each request may have one more packet. */
  hurry(line: Line, now: Instant): void {
    for (const exchange of this.all()) {
      if (exchange.hurry(now, line.dialect.retransmission)) this.#reschedule(exchange);
    }
  }

  /** Another protocol has another pace: the queue starts empty, and each request has to be sent again. */
  changePace({ dialect }: Line): void {
    for (const exchange of this.all()) this.#pacing.drop(exchange);
    this.#pacing = new Pacing(this.#limits, dialect.isSerial);
  }

  #transmit(exchange: Exchange, { address, dialect }: Line, now: Instant): ClientOutput {
    const { task, form } = exchange;
    this.#counters.sent(task.kind, exchange.attempts > 0);
    const expectedUntil = exchange.sent(now, dialect.retransmission, this.#unit());
    this.#reschedule(exchange);
    if (!exchange.isUrgent || dialect.isSerial) this.#pacing.sent(exchange, expectedUntil);
    const bytes =
      task.kind === 'map'
        ? dialect.encodeMap(task.request, form, address.source)
        : dialect.encodeRelease(task.key, address.source);
    return { kind: 'transmit', to: address.endpoint, bytes };
  }

  #isOpen(exchange: Exchange): boolean {
    return this.#due.rankOf(exchange) !== undefined;
  }

  #reschedule(exchange: Exchange): void {
    if (this.#isOpen(exchange)) this.#due.set(exchange, exchange.dueAt);
  }
}

/**
 * In which order and how fast packets go out: at a rate with a small burst, with a bound on what is unanswered, and what
 * expires first goes first. RFC 6887 §14.1.3 asks clients not to burst after a restart of the server. Somebody waits for items
 * of negative rank: the bound does not hold for them, the rate does.
 */
export class Pacing<Item> {
  readonly #limits: PacingLimits;
  /** RFC 6886 §3.1: NAT-PMP takes one request at a time, also when somebody waits. */
  readonly #isSerial: boolean;
  readonly #waiting = new PriorityQueue<Item>();
  readonly #inFlight = new PriorityQueue<Item>();
  /** The fill level of the bucket, as the time at which it would be full again. */
  #fullAt: Instant | undefined;

  constructor(limits: PacingLimits, isSerial: boolean) {
    this.#limits = limits;
    this.#isSerial = isSerial;
  }

  get queued(): number {
    return this.#waiting.size;
  }

  enqueue(item: Item, rank: number): void {
    this.#waiting.set(item, rank);
  }

  /** The next item that may be sent now; it leaves the queue. */
  next(now: Instant): Item | undefined {
    this.#freePlaces(now);
    const first = this.#waiting.first();
    if (first === undefined || this.#isBlocked(first.rank) || this.#nextTokenAt() > now) return undefined;
    this.#waiting.shift();
    this.#takeToken(now);
    return first.key;
  }

  /** The item was sent and counts as in flight until answered or `until`. */
  sent(item: Item, until: Instant): void {
    this.#inFlight.set(item, until);
  }

  /** Answered, or no longer wanted. */
  drop(item: Item): void {
    this.#waiting.delete(item);
    this.#inFlight.delete(item);
  }

  /** When to ask `next` again. Undefined when nothing waits. */
  nextAt(): Instant | undefined {
    const first = this.#waiting.first();
    if (first === undefined) return undefined;
    const tokenAt = this.#nextTokenAt();
    if (!this.#isBlocked(first.rank)) return tokenAt;
    const freed = (this.#inFlight.first()?.rank ?? tokenAt) as Instant;
    return freed > tokenAt ? freed : tokenAt;
  }

  #isBlocked(rank: number): boolean {
    if (this.#isSerial) return this.#inFlight.size > 0;
    return rank >= 0 && this.#inFlight.size >= this.#limits.inFlight;
  }

  #freePlaces(now: Instant): void {
    for (let first = this.#inFlight.first(); first !== undefined && first.rank <= now; first = this.#inFlight.first()) {
      this.#inFlight.shift();
    }
  }

  #nextTokenAt(): Instant {
    if (this.#fullAt === undefined) return 0 as Instant;
    return after(this.#fullAt, milliseconds(-(this.#limits.burst - 1) * this.#millisecondsPerPacket()));
  }

  #takeToken(now: Instant): void {
    const from = this.#fullAt === undefined || between(now, this.#fullAt) < 0 ? now : this.#fullAt;
    this.#fullAt = after(from, milliseconds(this.#millisecondsPerPacket()));
  }

  #millisecondsPerPacket(): number {
    return 1000 / this.#limits.packetsPerSecond;
  }
}
