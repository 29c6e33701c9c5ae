// The bad network as a queue with due times: what is put in comes out later, twice, in another order, or never.
// Pure: randomness and `now` are passed in. One line per direction.

import type { RandomSource } from '../base/host.ts';
import { after, type Duration, type Instant, milliseconds, scale } from '../base/time.ts';

export interface LineQuality {
  readonly loss: number;
  readonly duplicates: number;
  readonly reordering: number;
  readonly reorderingWithin: Duration;
  readonly delay: Duration;
}

// A flood must not fill the memory: what exceeds this is lost, as on any real link.
const MAX_UNDER_WAY = 20_000;

export class DelayLine<Item> {
  readonly #random: Pick<RandomSource, 'unit'>;
  /** Sorted by due time; equal times keep the order of arrival. */
  readonly #underWay: { readonly at: Instant; readonly item: Item }[] = [];

  constructor(random: Pick<RandomSource, 'unit'>) {
    this.#random = random;
  }

  put(item: Item, quality: LineQuality, now: Instant): void {
    const copies = this.#happens(quality.duplicates) ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      if (this.#happens(quality.loss)) continue;
      const late = this.#happens(quality.reordering)
        ? scale(quality.reorderingWithin, this.#random.unit())
        : milliseconds(0);
      this.#insert(after(after(now, quality.delay), late), item);
    }
  }

  /** What has arrived, in the order of arrival. */
  take(now: Instant): readonly Item[] {
    let count = 0;
    for (const { at } of this.#underWay) {
      if (at > now) break;
      count += 1;
    }
    return count === 0 ? [] : this.#underWay.splice(0, count).map(({ item }) => item);
  }

  nextArrival(): Instant | undefined {
    return this.#underWay[0]?.at;
  }

  #happens(share: number): boolean {
    return share > 0 && this.#random.unit() < share;
  }

  #insert(at: Instant, item: Item): void {
    if (this.#underWay.length >= MAX_UNDER_WAY) return;
    let low = 0;
    let high = this.#underWay.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#underWay[middle]?.at ?? at) <= at) low = middle + 1;
      else high = middle;
    }
    this.#underWay.splice(low, 0, { at, item });
  }
}
