// A warning that strangers can cause: one line a minute at most, with the number of those left out.

import type { Clock } from './host.ts';
import type { Log, LogFields } from './log.ts';
import { after, type Instant, minutes } from './time.ts';

const SPACING = minutes(1);

export class OccasionalWarning {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #said = new Map<string, { at: Instant; leftOut: number }>();

  constructor(host: { readonly clock: Clock; readonly log: Log }) {
    this.#clock = host.clock;
    this.#log = host.log;
  }

  /** `message` must come from a closed set: it is also the key. What varies goes into `fields`. */
  say(message: string, fields: LogFields = {}): void {
    const now = this.#clock.now();
    const last = this.#said.get(message);
    if (last !== undefined && now < after(last.at, SPACING)) {
      last.leftOut += 1;
      return;
    }
    this.#log.warn(message, last === undefined || last.leftOut === 0 ? fields : { ...fields, leftOut: last.leftOut });
    this.#said.set(message, { at: now, leftOut: 0 });
  }
}
