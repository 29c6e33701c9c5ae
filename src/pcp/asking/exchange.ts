// One request on its way: what is asked, how long it is worth asking, and when the next packet is due
// (RFC 6887 §8.1.1). It sends nothing itself; the conversation does, and tells it.

import { after, type Duration, earlier, type Instant, later, milliseconds } from '../../base/time.ts';
import { type MapForm, type RetransmissionRule, timeoutAfter } from './dialect.ts';
import type { ServerId } from './map-outcome.ts';
import type { MapKey, MapRequest, Patience } from './map-request.ts';

export type Task =
  | { readonly kind: 'map'; readonly id: number; readonly request: MapRequest; readonly patience: Patience }
  /** Without an id it is our own: a mapping nobody wants any more. */
  | ({ readonly kind: 'release'; readonly id: number | undefined } & ReleaseWish);

export interface ReleaseWish {
  readonly key: MapKey;
  readonly until: Instant;
  /** By a control point, as opposed to what is cleared away in the background. */
  readonly isWaitedFor?: boolean;
  /** Owed from before: to this server or to none, and not while the same mapping is being asked for. */
  readonly owedTo?: ServerId;
}

export const taskKey = (task: Task): MapKey => (task.kind === 'map' ? task.request : task.key);

/** A server that refused while it restarts may be there by then. */
const HURRIED_AFTER = milliseconds(500);

// Ranks for pacing: whoever waits comes before what merely has to happen before it expires.
const SOMEBODY_WAITS = -2;
const RELEASE = -1;

export class Exchange {
  readonly task: Task;
  readonly deadline: Instant;
  form: MapForm;
  /** Successes with another port than the one insisted on: there is a mapping to release (RFC 6887 §13.2). */
  wrongPorts = 0;
  /** A release behind a MAP that was not answered yet: a success may still be the MAP's. */
  mayMeetLateGrant = false;
  /** A MAP in place of the release of a mapping under the same key: that one may be there still. */
  replacesRelease = false;
  /** Sent to a server that is down, to see whether it answers this at least. */
  isTrial = false;
  attempts = 0;
  firstSentAt: Instant | undefined;
  #timeout: Duration | undefined;
  #retryAt: Instant | undefined;
  /** While a packet goes out before its time: when the usual one is due. */
  #usualAt: Instant | undefined;
  #wasHurried = false;

  constructor(task: Task, form: MapForm, now: Instant) {
    this.task = task;
    this.form = form;
    this.deadline = deadlineOf(task, now);
  }

  get isUrgent(): boolean {
    return this.task.kind === 'map' ? this.task.patience.kind === 'answer within' : this.task.isWaitedFor === true;
  }

  get wasSentOnce(): boolean {
    return this.attempts === 1 && !this.#wasHurried;
  }

  get rank(): number {
    if (this.isUrgent) return SOMEBODY_WAITS;
    const isOld = this.task.kind === 'map' || this.task.owedTo !== undefined;
    return isOld ? Math.max(0, this.deadline) : RELEASE;
  }

  /** Whether it can wait for a server that is down. */
  get isPatient(): boolean {
    return this.task.kind === 'release' || this.task.patience.kind === 'keep trying';
  }

  /** When it has to be looked at next. */
  get dueAt(): Instant {
    return this.#retryAt === undefined ? this.deadline : earlier(this.#retryAt, this.deadline);
  }

  /** Waiting for its turn in the queue, or for the server to come back. */
  paused(): void {
    this.#retryAt = undefined;
  }

  /** Another address, another form or another protocol: the tries start again. */
  startAgain(): void {
    this.#usualAt = undefined;
    this.attempts = 0;
    this.firstSentAt = undefined;
    this.#timeout = undefined;
    this.#retryAt = undefined;
  }

  /** The same packet was sent before for somebody else: only the wait for its answer goes on. */
  continueFrom(earlierOne: Exchange): void {
    this.attempts = earlierOne.attempts;
    this.firstSentAt = earlierOne.firstSentAt;
    this.#timeout = earlierOne.#timeout;
    this.#retryAt = earlierOne.#retryAt;
    this.#usualAt = earlierOne.#usualAt;
  }

  /**
   * The last packet may have been in vain: one more is sent soon, and the usual ones keep their times. A refusal that was
   * forged ends nothing sooner that way (RFC 5927 §4).
   */
  hurry(now: Instant, rule: RetransmissionRule): boolean {
    const soon = after(now, HURRIED_AFTER);
    if (this.#retryAt === undefined || this.#wasHurried || this.attempts >= rule.tries || soon >= this.#retryAt)
      return false;
    this.#wasHurried = true;
    this.#usualAt = this.#retryAt;
    this.#retryAt = soon;
    return true;
  }

  /** Returns until when an answer is expected. */
  sent(now: Instant, rule: RetransmissionRule, unit: number): Instant {
    if (this.#usualAt !== undefined) {
      this.#retryAt = later(this.#usualAt, now);
      this.#usualAt = undefined;
      return this.#retryAt;
    }
    this.#wasHurried = false;
    this.attempts += 1;
    this.firstSentAt ??= now;
    this.#timeout = timeoutAfter(rule, this.#timeout, unit);
    const expectedUntil = after(now, this.#timeout);
    // RFC 6887 §11.2.1: a renewal is one packet per window; the next window has its own exchange.
    const isSinglePacket = this.task.kind === 'map' && this.task.patience.kind === 'one packet';
    this.#retryAt = isSinglePacket ? undefined : expectedUntil;
    return expectedUntil;
  }

  describe(): string {
    const { protocol, internalPort } = taskKey(this.task);
    return `${this.task.kind} ${protocol} ${internalPort}`;
  }
}

function deadlineOf(task: Task, now: Instant): Instant {
  if (task.kind === 'release') return task.until;
  return task.patience.kind === 'answer within' ? after(now, task.patience.budget) : task.patience.until;
}
