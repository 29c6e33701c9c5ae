// Sends of the same thing again and again with doubling gaps: restart announcements (RFC 6887 §14.1.1: up to ten copies,
// 250 ms and more apart) and Mapping Updates (§14.2: three copies). What a copy looks like is decided when it is due.

import { after, type Duration, type Instant, milliseconds, scale } from '../base/time.ts';

const FIRST_GAP = milliseconds(250);

interface Series<Item> {
  readonly item: Item;
  readonly copiesLeft: number;
  readonly nextAt: Instant;
  readonly gap: Duration;
}

export class CopySchedule<Item> {
  readonly #series = new Map<string, Series<Item>>();

  /** The first copy is due at once. Replaces a series of the same name. */
  start(name: string, item: Item, copies: number, now: Instant): void {
    if (copies > 0) this.#series.set(name, { item, copiesLeft: copies, nextAt: now, gap: FIRST_GAP });
  }

  stop(name: string): void {
    this.#series.delete(name);
  }

  stopAll(): void {
    this.#series.clear();
  }

  take(now: Instant): readonly Item[] {
    const due: Item[] = [];
    for (const [name, { item, copiesLeft, nextAt, gap }] of this.#series) {
      if (nextAt > now) continue;
      due.push(item);
      if (copiesLeft === 1) this.#series.delete(name);
      else this.#series.set(name, { item, copiesLeft: copiesLeft - 1, nextAt: after(nextAt, gap), gap: scale(gap, 2) });
    }
    return due;
  }

  nextAt(): Instant | undefined {
    let first: Instant | undefined;
    for (const { nextAt } of this.#series.values()) if (first === undefined || nextAt < first) first = nextAt;
    return first;
  }
}
