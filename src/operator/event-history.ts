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
  /** The LAN host it is about; undefined: all of them. */
  readonly host?: string;
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
  readonly #eventsOfHost = new Map<string, number>();
  #samples: DaySample[] = [];
  #forgotten = 0;

  add(event: OperatorEvent): void {
    this.#events.push(event);
    this.#count(event, 1);
    if (this.#events.length > MAX_EVENTS) this.#forgetOne();
  }

  /** The oldest of whoever has most: a host that opens and closes ports all day does not push the others' news out. */
  #forgetOne(): void {
    const most = Math.max(...this.#eventsOfHost.values());
    const index = this.#events.findIndex(({ host = '' }) => this.#eventsOfHost.get(host) === most);
    const [gone] = this.#events.splice(Math.max(0, index), 1);
    if (gone !== undefined) this.#count(gone, -1);
    this.#forgotten += 1;
  }

  #count({ host = '' }: OperatorEvent, by: number): void {
    const count = (this.#eventsOfHost.get(host) ?? 0) + by;
    if (count > 0) this.#eventsOfHost.set(host, count);
    else this.#eventsOfHost.delete(host);
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
