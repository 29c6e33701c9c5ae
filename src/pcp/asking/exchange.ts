// One request and its packets: what is asked, how long it is worth asking, and when the next packet is due
// (RFC 6887 §8.1.1). It sends nothing itself; its owner does, and tells it.

import { after, between, type Duration, earlier, type Instant, later, milliseconds } from '../../base/time.ts';
import { type MapForm, type RetransmissionRule, timeoutAfter } from './dialect.ts';
import type { ServerId } from './map-outcome.ts';
import type { MapKey, MapRequest, Patience } from './map-request.ts';

export interface MapTask {
  readonly kind: 'map';
  readonly id: number;
  readonly request: MapRequest;
  readonly patience: Patience;
}

export interface ReleaseTask extends ReleaseWish {
  readonly kind: 'release';
  /** Undefined: nobody waits. We release a mapping that nobody wants any more. */
  readonly id: number | undefined;
}

export type Task = MapTask | ReleaseTask;

export interface ReleaseWish {
  readonly key: MapKey;
  readonly until: Instant;
  /** A control point waits for it. Otherwise it is cleared away in the background. */
  readonly isWaitedFor?: boolean;
  /** Owed from before: it goes to this server or to none, and not while the same mapping is being asked for. */
  readonly owedTo?: ServerId;
}

export const taskKey = (task: Task): MapKey => (task.kind === 'map' ? task.request : task.key);

/** What else is known when the request is made. Each is false unless it is given. */
export interface Circumstances {
  /** A release behind a MAP that was not answered yet: a success may still be the MAP's. */
  readonly mayMeetLateGrant?: boolean;
  /** A MAP in place of the release of a mapping under the same key: that mapping may still be there. */
  readonly replacesRelease?: boolean;
  /** Sent to a server that is down, to see whether it answers this at least. */
  readonly isTrial?: boolean;
}

// | state   | event                                   | becomes                        |
// |---------|-----------------------------------------|--------------------------------|
// | waiting | sent                                    | sent                           |
// | waiting | sent, and it is the only packet         | waiting, for the answer        |
// | sent    | its time is over, sent again            | sent, for twice as long        |
// | sent    | hurried (at most once for each packet)  | hurried                        |
// | hurried | the extra packet sent                   | sent, until the usual time     |
// | sent    | paused                                  | waiting                        |
// | hurried | paused                                  | hurried, without a time        |
// | any     | started again                           | waiting, with all tries before it |
type State =
  /** For its turn, for the server, or for the answer to its only packet. */
  | { readonly kind: 'waiting'; readonly wasHurried: boolean }
  /** `wasHurried`: an extra packet left since the last usual one. */
  | { readonly kind: 'sent'; readonly retryAt: Instant; readonly wasHurried: boolean }
  /** One more packet goes out before its time: at `extraAt`, or at its turn. */
  | { readonly kind: 'hurried'; readonly extraAt: Instant | undefined; readonly usualAt: Instant };

const WAITING: State = { kind: 'waiting', wasHurried: false };

/** The usual packets of this request so far. */
interface Tries {
  readonly count: number;
  readonly firstSentAt: Instant;
  readonly timeout: Duration;
}

/** A server that refused because it is restarting may be back by then. */
const HURRIED_AFTER = milliseconds(500);

// Ranks for pacing: whoever waits comes before what merely has to happen before it expires.
const SOMEBODY_WAITS = -2;
const RELEASE = -1;

export class Exchange {
  readonly task: Task;
  readonly deadline: Instant;
  readonly circumstances: Circumstances;
  #form: MapForm;
  #state: State = WAITING;
  #tries: Tries | undefined;
  #wrongPorts = 0;

  constructor(task: Task, form: MapForm, circumstances: Circumstances, now: Instant) {
    this.task = task;
    this.#form = form;
    this.circumstances = circumstances;
    this.deadline = deadlineOf(task, now);
  }

  get form(): MapForm {
    return this.#form;
  }

  get isUrgent(): boolean {
    return this.task.kind === 'map' ? this.task.patience.kind === 'answer within' : this.task.isWaitedFor === true;
  }

  /** Whether it can wait for a server that is down. */
  get isPatient(): boolean {
    return this.task.kind === 'release' || this.task.patience.kind === 'keep trying';
  }

  get rank(): number {
    if (this.isUrgent) return SOMEBODY_WAITS;
    const isOld = this.task.kind === 'map' || this.task.owedTo !== undefined;
    return isOld ? Math.max(0, this.deadline) : RELEASE;
  }

  get attempts(): number {
    return this.#tries?.count ?? 0;
  }

  get firstSentAt(): Instant | undefined {
    return this.#tries?.firstSentAt;
  }

  /** Then its answer shows the round-trip time (Karn's rule). */
  get wasSentOnce(): boolean {
    return this.attempts === 1 && this.#state.kind !== 'hurried' && !this.#state.wasHurried;
  }

  /** Whether the server made mappings with another port than the one insisted on (RFC 6887 §13.2). */
  get hasWrongPort(): boolean {
    return this.#wrongPorts > 0;
  }

  /** Returns how many answers with another port have come. */
  noteWrongPort(): number {
    this.#wrongPorts += 1;
    return this.#wrongPorts;
  }

  /** Whether nothing at all was heard from the server since this was first sent. */
  isUnheard(heardAt: Instant | undefined): boolean {
    const { firstSentAt } = this;
    return firstSentAt !== undefined && (heardAt === undefined || heardAt <= firstSentAt);
  }

  /** When it has to be looked at next. */
  get dueAt(): Instant {
    const state = this.#state;
    const nextAt = state.kind === 'sent' ? state.retryAt : state.kind === 'hurried' ? state.extraAt : undefined;
    return nextAt === undefined ? this.deadline : earlier(nextAt, this.deadline);
  }

  /** Returns until when an answer is expected. */
  sent(now: Instant, rule: RetransmissionRule, unit: number): Instant {
    if (this.#state.kind === 'hurried') {
      const retryAt = later(this.#state.usualAt, now);
      this.#state = { kind: 'sent', retryAt, wasHurried: true };
      return retryAt;
    }
    const timeout = timeoutAfter(rule, this.#tries?.timeout, unit);
    this.#tries = { count: this.attempts + 1, firstSentAt: this.firstSentAt ?? now, timeout };
    const retryAt = after(now, timeout);
    // RFC 6887 §11.2.1: a renewal is one packet per window; the next window has its own exchange.
    const isSinglePacket = this.task.kind === 'map' && this.task.patience.kind === 'one packet';
    this.#state = isSinglePacket ? WAITING : { kind: 'sent', retryAt, wasHurried: false };
    return retryAt;
  }

  /** It waits for its turn in the queue, or for the server to come back. */
  pause(): void {
    const state = this.#state;
    this.#state =
      state.kind === 'hurried' ? { ...state, extraAt: undefined } : { kind: 'waiting', wasHurried: state.wasHurried };
  }

  /**
   * The last packet may have been in vain: one more is sent soon, and the usual ones keep their times. So a forged refusal
   * ends nothing sooner (RFC 5927 §4). Returns whether there is one more.
   */
  hurry(now: Instant, rule: RetransmissionRule): boolean {
    const extraAt = after(now, HURRIED_AFTER);
    if (this.#state.kind !== 'sent' || this.#state.wasHurried) return false;
    if (this.attempts >= rule.tries || extraAt >= this.#state.retryAt) return false;
    this.#state = { kind: 'hurried', extraAt, usualAt: this.#state.retryAt };
    return true;
  }

  /** Another address, another form or another protocol: the tries start again. */
  startAgain(form: MapForm = this.#form): void {
    this.#form = form;
    this.#tries = undefined;
    this.#state = WAITING;
  }

  /** The same packet was sent before for somebody else: we only go on waiting for its answer. */
  continueFrom(earlierOne: Exchange): void {
    this.#tries = earlierOne.#tries;
    this.#state = earlierOne.#state;
  }

  describe(): string {
    const { protocol, internalPort } = taskKey(this.task);
    return `${this.task.kind} ${protocol} ${internalPort}`;
  }
}

/** What is left of somebody's patience. */
export const restOf = (patience: Patience, deadline: Instant, now: Instant): Patience =>
  patience.kind === 'answer within' ? { ...patience, budget: between(now, deadline) } : patience;

function deadlineOf(task: Task, now: Instant): Instant {
  if (task.kind === 'release') return task.until;
  return task.patience.kind === 'answer within' ? after(now, task.patience.budget) : task.patience.until;
}
