// Keeps the last believed clock reading of one server and judges each new one (RFC 6887 §8.5). A reading that came
// unasked, or that overtaking packets could explain, is never believed alone: it raises a suspicion to be asked about.

import type { Instant } from '../../base/time.ts';
import { type EpochRule, type EpochSample, mayBeLate } from './epoch.ts';

/** How a reading came: as the answer to a MAP, as the answer to the question itself, or by itself. */
export type EpochTrust = 'answer' | 'confirmation' | 'unasked';

/** 'lost': the clock was set back, as by a restart. 'out of step': by RFC 6887 §8.5 that counts as well. */
export type EpochVerdict = 'plausible' | 'suspect' | 'lost' | 'out of step';

export class EpochWatch {
  #last: EpochSample | undefined;
  #isSuspected = false;

  get last(): EpochSample | undefined {
    return this.#last;
  }

  /** Until a confirmation, whatever it says. */
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
    // An announcement carries no nonce: anybody who can forge its source could have us renew everything.
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
