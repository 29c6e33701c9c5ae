// How often a clock that is out of step, though not set back, is taken for a loss. RFC 6887 §8.5 has everything renewed
// each time; a server whose clock runs at the wrong rate shows it at every question, and would be flooded for ever.

import { after, between, type Duration, hours, type Instant, minutes, scale, shorter } from '../../base/time.ts';

/** After a second report within an hour it is quiet for so long, and twice as long after each further one. */
const FIRST_QUIET = minutes(1);
/** Mappings that are really gone are missed for no longer than this. */
const LONGEST_QUIET = minutes(15);
const FORGOTTEN_AFTER = hours(1);

export class LossReports {
  #lastAt: Instant | undefined;
  #quiet: Duration | undefined;
  #isPending = false;

  /** Whether it is reported now; if not, it will be due later. */
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

  /** Whether one that was held back is reported now. */
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
