// Whether a server still has its table, as its epoch clock tells (RFC 6887 §8.5; for NAT-PMP RFC 6886 §3.6): the two rules,
// what of one server's clock is believed, and how often a clock that runs at the wrong rate counts as a loss.
// What follows from a loss is decided by the caller.

import type { Wake } from '../../base/machine.ts';
import { after, between, type Duration, hours, type Instant, minutes, scale, shorter } from '../../base/time.ts';

export interface EpochSample {
  readonly serverSeconds: number;
  readonly receivedAt: Instant;
}

export type EpochRule = (previous: EpochSample | undefined, current: EpochSample) => boolean;

const wholeSecondsBetween = (previous: EpochSample, current: EpochSample): number =>
  Math.floor(between(previous.receivedAt, current.receivedAt) / 1000);

export const isEpochPlausible: EpochRule = (previous, current) => {
  if (previous === undefined) return true;
  // RFC 6887 §8.5: one second backwards is reordering, more is a restart. Plain signed numbers: the difference may be -1.
  if (current.serverSeconds < previous.serverSeconds - 1) return false;
  const clientDelta = wholeSecondsBetween(previous, current);
  const serverDelta = current.serverSeconds - previous.serverSeconds;
  const serverRanAhead = clientDelta + 2 < serverDelta - Math.trunc(serverDelta / 16);
  const serverFellBehind = serverDelta + 2 < clientDelta - Math.trunc(clientDelta / 16);
  return !serverRanAhead && !serverFellBehind;
};

/** RFC 6886 §3.6: the clock must show 7/8 of the time that went by, less two seconds. A fast clock is no sign of a loss. */
export const isNatPmpEpochPlausible: EpochRule = (previous, current) => {
  if (previous === undefined) return true;
  const expected = previous.serverSeconds + (7 * wholeSecondsBetween(previous, current)) / 8;
  return current.serverSeconds >= expected - 2;
};

// An answer that was under way for long, or that another one overtook, shows a clock that seems to be set back a little.
// After a real restart the clock is still set back when we ask again.
const MOST_SECONDS_UNDER_WAY = 10;

function mayBeLate(previous: EpochSample | undefined, current: EpochSample): boolean {
  if (previous === undefined) return false;
  const clientDelta = wholeSecondsBetween(previous, current);
  const behind = previous.serverSeconds + clientDelta - current.serverSeconds;
  return behind > 0 && behind <= MOST_SECONDS_UNDER_WAY + Math.trunc(clientDelta / 16);
}

/** How a reading came: with the answer to a MAP, with the answer to the question about the clock, or unasked. */
export type EpochTrust = 'answer' | 'confirmation' | 'unasked';

/** 'lost': the clock was set back, as by a restart. 'out of step': its rate is wrong, which RFC 6887 §8.5 counts as a loss. */
export type EpochVerdict = 'plausible' | 'suspect' | 'lost' | 'out of step';

/**
 * Keeps the last believed reading and judges each new one. A reading that came unasked is not believed by itself, nor is one
 * that overtaking packets could explain: it is a reason to ask.
 */
export class EpochWatch {
  #last: EpochSample | undefined;
  #isSuspected = false;

  get last(): EpochSample | undefined {
    return this.#last;
  }

  /** True until the next confirmation, whatever that says. */
  get isSuspected(): boolean {
    return this.#isSuspected;
  }

  judge(rule: EpochRule, serverSeconds: number, now: Instant, trust: EpochTrust): EpochVerdict {
    const sample: EpochSample = { serverSeconds, receivedAt: now };
    if (trust === 'confirmation') this.#isSuspected = false;
    if (rule(this.#last, sample)) {
      this.#last = sample;
      return 'plausible';
    }
    // An announcement carries no nonce: anybody who can forge its source could make us renew everything.
    if (trust === 'unasked' || (trust === 'answer' && mayBeLate(this.#last, sample))) {
      this.#isSuspected = true;
      return 'suspect';
    }
    const isSetBack = this.#last !== undefined && serverSeconds < this.#last.serverSeconds;
    this.#isSuspected = false;
    this.#last = sample;
    return isSetBack ? 'lost' : 'out of step';
  }

  forget(): void {
    this.#last = undefined;
    this.#isSuspected = false;
  }
}

/** After the second report within an hour we report nothing for this long, and twice as long after each further one. */
const FIRST_QUIET = minutes(1);
/** The longest time for which a real loss stays unreported. */
const LONGEST_QUIET = minutes(15);
const FORGOTTEN_AFTER = hours(1);

/**
 * Limits how often a server with a drifting clock makes us renew everything (RFC 6887 §8.5): such a clock shows a loss at
 * every question. A loss within the quiet time is reported at its end; none is forgotten.
 */
export class LossReports {
  #lastAt: Instant | undefined;
  #quiet: Duration | undefined;
  #isPending = false;

  /** Whether to report this loss now. If not, it will be due later. */
  note(now: Instant): boolean {
    if (this.#lastAt !== undefined && between(this.#lastAt, now) >= FORGOTTEN_AFTER) this.#quiet = undefined;
    const quietUntil = this.#quietUntil();
    this.#isPending = quietUntil !== undefined && now < quietUntil;
    if (this.#isPending) return false;
    this.#reported(now);
    return true;
  }

  dueAt(): Instant | undefined {
    return this.#isPending ? this.#quietUntil() : undefined;
  }

  nextWake(): Wake | undefined {
    const at = this.dueAt();
    return at === undefined ? undefined : { at, why: 'report that the PCP server lost its mappings once more' };
  }

  /** Whether to report now a loss that was held back. */
  takeDue(now: Instant): boolean {
    const dueAt = this.dueAt();
    if (dueAt === undefined || dueAt > now) return false;
    this.#isPending = false;
    this.#reported(now);
    return true;
  }

  #quietUntil(): Instant | undefined {
    return this.#lastAt === undefined || this.#quiet === undefined ? undefined : after(this.#lastAt, this.#quiet);
  }

  #reported(now: Instant): void {
    const isRepeated = this.#lastAt !== undefined && between(this.#lastAt, now) < FORGOTTEN_AFTER;
    if (isRepeated)
      this.#quiet = shorter(this.#quiet === undefined ? FIRST_QUIET : scale(this.#quiet, 2), LONGEST_QUIET);
    this.#lastAt = now;
  }
}
