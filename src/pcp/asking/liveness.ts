// Whether a server is there, and when to ask it (RFC 6887 §14.1.1: a unicast ANNOUNCE changes nothing and shows the
// epoch). A round of tries decides about an address (RFC 7488 §3); single packets keep an eye on a server between rounds.

import { earliestWake, type Wake } from '../../base/machine.ts';
import { after, between, type Duration, type Instant, minutes, scale, seconds, shorter } from '../../base/time.ts';
import { type RetransmissionRule, timeoutAfter } from './dialect.ts';

export type Health = 'up' | 'unknown' | 'down';

interface Probe {
  readonly startedAt: Instant;
  attempts: number;
  timeout: Duration | undefined;
  dueAt: Instant;
}

/** With a retransmission after 3 s, a silent restart shows within a minute even when the first packet is lost. */
const QUIET_INTERVAL = seconds(45);
const QUIET_JITTER = 0.2;
/** RFC 7488 §3: how often a server is tried that was silent at all its addresses. Also the pace when nothing is at stake. */
const ROUND_INTERVAL = minutes(15);
/** A server that just refused may be restarting: looked for soon, then less and less often, while mappings depend on it. */
const FIRST_SEARCH = seconds(5);
/** Control points that knock while the server is down make it looked for no more often than this. */
const LEAST_DEMAND_GAP = seconds(10);
/** Signs that nobody is there, which may be forged, make it asked for no more often than this. */
const LEAST_DOUBT_GAP = seconds(3);
/** An answer that is not here by then is not expected any more. */
const LONG_ROUND_TRIP = seconds(1);

export class Liveness {
  health: Health = 'unknown';
  #round: Probe | undefined;
  #heardAt: Instant | undefined;
  #hasAnswered = false;
  #lastSentAt: Instant | undefined;
  #nextRoundAt: Instant | undefined;
  #search: Duration = FIRST_SEARCH;
  #nextSearchAt: Instant | undefined;
  #demandedAt: Instant | undefined;
  #jitter = 0;
  #answersAsked = false;
  /** When a round ended without an answer from a server that is there all the same. */
  #quietSince: Instant | undefined;
  /** A single packet is out; kept until the next one for its round-trip time and for telling solicited answers. */
  #singleSentAt: Instant | undefined;

  get heardAt(): Instant | undefined {
    return this.#heardAt;
  }

  /** Whether the server was heard at the address that is used now. */
  get hasAnswered(): boolean {
    return this.#hasAnswered;
  }

  isAsking(): boolean {
    return this.#round !== undefined || this.#singleSentAt !== undefined;
  }

  /** When the only packet so far was sent: from it the round-trip time is known (Karn's rule). */
  askedOnceAt(): Instant | undefined {
    if (this.#round === undefined) return this.#singleSentAt;
    return this.#round.attempts === 1 ? this.#lastSentAt : undefined;
  }

  /** Starts a round unless one is under way. */
  ask(now: Instant): void {
    this.#round ??= { startedAt: now, attempts: 0, timeout: undefined, dueAt: now };
  }

  /** RFC 5927 §4: an ICMP error is a reason to ask, not one to believe that nobody is there. */
  doubt(now: Instant): void {
    const isRecent = this.#lastSentAt !== undefined && between(this.#lastSentAt, now) < LEAST_DOUBT_GAP;
    if (!isRecent) this.ask(now);
  }

  /** Starts over at another address. */
  restart(now: Instant): void {
    this.#hasAnswered = false;
    this.#round = { startedAt: now, attempts: 0, timeout: undefined, dueAt: now };
  }

  /**
   * Somebody wants a server that is down. Whether the request itself may be tried, too: a server that was never heard may
   * be one that answers nothing but MAP.
   */
  demand(now: Instant): boolean {
    const isRecent = this.#lastSentAt !== undefined && between(this.#lastSentAt, now) < LEAST_DEMAND_GAP;
    if (this.health !== 'down' || isRecent) return false;
    this.#demandedAt = now;
    return this.#heardAt === undefined;
  }

  /** An answer may come at any moment. */
  wasJustAsked(now: Instant): boolean {
    return this.#lastSentAt !== undefined && between(this.#lastSentAt, now) < LONG_ROUND_TRIP;
  }

  /** `isAnswered`: what came settles the open question, if any; otherwise it goes on being asked. */
  heard(now: Instant, unit: number, isAnswered: boolean): void {
    this.health = 'up';
    this.#heardAt = now;
    this.#hasAnswered = true;
    if (isAnswered) {
      this.#round = undefined;
      this.#quietSince = undefined;
    }
    this.#singleSentAt = undefined;
    this.#nextRoundAt = undefined;
    this.#nextSearchAt = undefined;
    this.#demandedAt = undefined;
    this.#search = FIRST_SEARCH;
    this.#jitter = unit;
  }

  /** The question itself was answered: from now on its silence means something. */
  noteAnswered(): void {
    this.#answersAsked = true;
  }

  /** Another network: what was found out about the server may not hold there. */
  reset(now: Instant): void {
    this.health = 'unknown';
    this.#nextRoundAt = undefined;
    this.#nextSearchAt = undefined;
    this.restart(now);
  }

  wentDown(now: Instant): void {
    this.health = 'down';
    this.#round = undefined;
    this.#singleSentAt = undefined;
    this.#nextRoundAt = after(now, ROUND_INTERVAL);
    this.#nextSearchAt = after(now, this.#search);
  }

  /** What there is to do now; asked until it says "nothing". `isWatched`: mappings or requests depend on the server. */
  due(now: Instant, isWatched: boolean, rule: RetransmissionRule): 'send' | 'address failed' | 'nothing' {
    const wake = this.nextWake(isWatched);
    if (wake === undefined || wake.at > now) return 'nothing';
    if (this.#round !== undefined) {
      if (this.#round.attempts < rule.tries) return 'send';
      if (this.#isSilence(this.#round)) return 'address failed';
      this.#round = undefined;
      this.#quietSince = now;
      return 'nothing';
    }
    if (this.health !== 'down' || (this.#nextRoundAt ?? now) <= now) this.ask(now);
    return 'send';
  }

  sent(now: Instant, rule: RetransmissionRule, unit: number): void {
    this.#lastSentAt = now;
    this.#demandedAt = undefined;
    if (this.#round === undefined) {
      this.#singleSentAt = now;
      this.#search = shorter(scale(this.#search, 2), QUIET_INTERVAL);
      this.#nextSearchAt = after(now, this.#search);
      return;
    }
    this.#round.attempts += 1;
    this.#round.timeout = timeoutAfter(rule, this.#round.timeout, unit);
    this.#round.dueAt = after(now, this.#round.timeout);
  }

  nextWake(isWatched: boolean): Wake | undefined {
    if (this.#round !== undefined) return { at: this.#round.dueAt, why: 'ask whether the PCP server is there' };
    if (this.health === 'down') return this.#wakeWhileDown(isWatched);
    const since = this.#quietSince ?? this.#heardAt;
    if (since === undefined) return undefined;
    const isQuick = isWatched && this.#quietSince === undefined;
    const interval = isQuick ? scale(QUIET_INTERVAL, 1 - QUIET_JITTER * this.#jitter) : ROUND_INTERVAL;
    return { at: after(since, interval), why: 'see whether the PCP server is still the same' };
  }

  /** Some servers answer MAP only: their silence on this question says nothing once they were heard otherwise. */
  #isSilence(round: Probe): boolean {
    if (this.#heardAt === undefined) return true;
    return this.#heardAt <= round.startedAt && this.#answersAsked;
  }

  #wakeWhileDown(isWatched: boolean): Wake | undefined {
    const candidates = [this.#nextRoundAt, this.#demandedAt, isWatched ? this.#nextSearchAt : undefined];
    return earliestWake(
      candidates.map((at) => (at === undefined ? undefined : { at, why: 'look for the PCP server again' })),
    );
  }
}
