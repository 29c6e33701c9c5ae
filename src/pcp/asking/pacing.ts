// In which order and how fast packets go out: at a rate with a small burst, with a bound on what is unanswered, and what
// expires first goes first. RFC 6887 §14.1.3 asks clients not to burst after a restart of the server. Somebody waits for items
// of negative rank: the bound does not hold for them, the rate does.

import { PriorityQueue } from '../../base/priority-queue.ts';
import { after, between, type Instant, milliseconds } from '../../base/time.ts';

export interface PacingLimits {
  readonly packetsPerSecond: number;
  /** Packets that may go out at once after a pause. */
  readonly burst: number;
  readonly inFlight: number;
}

// A carrier's server serves thousands of subscribers. At this rate, a subscriber restores 1,000 mappings in ten seconds.
export const DEFAULT_PACING: PacingLimits = { packetsPerSecond: 100, burst: 20, inFlight: 50 };

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
