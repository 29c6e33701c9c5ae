// The last day, bounded: what happened, in sentences, and two curves - mappings over time and PCP round trips.
// Kept in memory only: a restart begins a new history, which its first event says.

import { type Duration, days, minutes, type WallTime, wallTimeBetween } from '../base/time.ts';

export type EventKind =
  | 'granted'
  | 'changed'
  | 'refused'
  | 'deleted'
  | 'expired'
  | 'lost'
  | 'host gone'
  | 'server'
  | 'address'
  | 'daemon';

export interface OperatorEvent {
  readonly at: WallTime;
  readonly kind: EventKind;
  readonly level: 'info' | 'warn';
  /** A sentence without its full stop. */
  readonly text: string;
}

export interface DaySample {
  readonly at: WallTime;
  readonly mappings: number;
  /** Undefined: no answer was seen since the sample before. */
  readonly roundTrip: Duration | undefined;
}

export interface DayView {
  /** Latest first. */
  readonly events: readonly OperatorEvent[];
  /** Earliest first. */
  readonly samples: readonly DaySample[];
  /** How many events did not fit. */
  readonly forgotten: number;
}

const KEPT_FOR = days(1);
/** About 150 bytes each: what one page can still show, and 75 KB. */
const MAX_EVENTS = 500;
/** 288 samples a day. */
export const SAMPLE_EVERY = minutes(5);

export class EventHistory {
  #events: OperatorEvent[] = [];
  #samples: DaySample[] = [];
  #forgotten = 0;

  add(event: OperatorEvent): void {
    this.#events.push(event);
    if (this.#events.length > MAX_EVENTS) {
      this.#events.shift();
      this.#forgotten += 1;
    }
  }

  /** To be called every `SAMPLE_EVERY`; the last sample moves along until it is that far from the one before. */
  sample(sample: DaySample): void {
    const last = this.#samples.at(-1);
    const beforeLast = this.#samples.at(-2);
    if (last !== undefined && beforeLast !== undefined) {
      const isProvisional = wallTimeBetween(beforeLast.at, last.at) < SAMPLE_EVERY;
      if (isProvisional || sample.at < last.at) this.#samples.pop();
    }
    this.#samples.push(sample);
    this.#samples = this.#samples.filter(({ at }) => isOfTheDay(at, sample.at));
  }

  view(now: WallTime): DayView {
    return {
      events: this.#events.filter(({ at }) => isOfTheDay(at, now)).reverse(),
      samples: this.#samples.filter(({ at }) => isOfTheDay(at, now)),
      forgotten: this.#forgotten,
    };
  }
}

// The calendar clock may jump; what lies in its future is shown all the same.
const isOfTheDay = (at: WallTime, now: WallTime): boolean => wallTimeBetween(at, now) <= KEPT_FOR;
