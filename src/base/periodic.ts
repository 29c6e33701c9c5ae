// Something to be looked at again and again, as a machine: the driver wakes it, the looking itself happens outside.

import type { Machine, Wake } from './machine.ts';
import { after, type Duration, type Instant } from './time.ts';

export type PeriodicOutput = { readonly kind: 'due' };

export class Periodic implements Machine<PeriodicOutput> {
  readonly #every: Duration;
  readonly #why: string;
  #nextAt: Instant;

  constructor(every: Duration, why: string, now: Instant) {
    this.#every = every;
    this.#why = why;
    this.#nextAt = after(now, every);
  }

  nextWake(): Wake {
    return { at: this.#nextAt, why: this.#why };
  }

  /** Counted from the present: what was slept through is not made up for. */
  handleTimeout(now: Instant): readonly PeriodicOutput[] {
    if (now < this.#nextAt) return [];
    this.#nextAt = after(now, this.#every);
    return [{ kind: 'due' }];
  }
}
