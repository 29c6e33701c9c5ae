// Time that moves only when a test says so. `advance` jumps from wake to wake, so that a week passes in milliseconds,
// and lets every promise settle in between.

import type { CancelWake, Clock } from '../../src/base/host.ts';
import { after, type Duration, type Instant, instant, type WallTime, wallTime } from '../../src/base/time.ts';

interface Wake {
  readonly at: Instant;
  readonly order: number;
  readonly call: () => void;
  isCancelled: boolean;
}

/** A test that needs more wakes than this for one advance is spinning. */
const MAX_WAKES_PER_ADVANCE = 5_000_000;

export class VirtualClock implements Clock {
  #now: Instant;
  #wallOffset: number;
  #order = 0;
  readonly #heap: Wake[] = [];

  constructor(start: { readonly now?: number; readonly wall?: number } = {}) {
    this.#now = instant(start.now ?? 1_000_000);
    this.#wallOffset = (start.wall ?? Date.UTC(2026, 0, 1)) - this.#now;
  }

  now(): Instant {
    return this.#now;
  }

  wallTime(): WallTime {
    return wallTime(this.#now + this.#wallOffset);
  }

  /** The calendar clock jumps; the monotonic one does not notice. */
  jumpWallTime(by: Duration): void {
    this.#wallOffset += by;
  }

  wakeAt(at: Instant, call: () => void): CancelWake {
    const wake: Wake = { at, order: this.#order++, call, isCancelled: false };
    this.#push(wake);
    return () => {
      wake.isCancelled = true;
    };
  }

  async advance(span: Duration): Promise<void> {
    await this.advanceUntil(after(this.#now, span), () => false);
  }

  /** Stops early when `isDone`; says whether it came to that. */
  async advanceUntil(end: Instant, isDone: () => boolean): Promise<boolean> {
    await settle();
    for (let count = 0; !isDone(); count += 1) {
      if (count > MAX_WAKES_PER_ADVANCE) throw new Error('the simulated world is spinning');
      const next = this.#earliest();
      if (next === undefined || next.at > end) {
        this.#now = end > this.#now ? end : this.#now;
        return false;
      }
      if (next.at > this.#now) this.#now = next.at;
      this.#fireDue();
      await settle();
    }
    return true;
  }

  /** Advances until the promise settles, at most `most`. */
  async resolve<T>(promise: Promise<T>, most: Duration): Promise<T> {
    let isSettled = false;
    const watched = promise.finally(() => {
      isSettled = true;
    });
    // The failure is reported by the return below; without this a rejection would count as unhandled meanwhile.
    watched.catch(() => {});
    const done = await this.advanceUntil(after(this.#now, most), () => isSettled);
    if (!done && !isSettled) throw new Error(`still waiting after ${most / 1000} simulated seconds`);
    return watched;
  }

  /** Wakes that these set for the present wait until the promises have settled. */
  #fireDue(): void {
    const due: Wake[] = [];
    for (let next = this.#earliest(); next !== undefined && next.at <= this.#now; next = this.#earliest()) {
      this.#pop();
      due.push(next);
    }
    for (const wake of due) if (!wake.isCancelled) wake.call();
  }

  #earliest(): Wake | undefined {
    while (this.#heap[0]?.isCancelled === true) this.#pop();
    return this.#heap[0];
  }

  #push(wake: Wake): void {
    const heap = this.#heap;
    heap.push(wake);
    for (let child = heap.length - 1; child > 0; ) {
      const parent = (child - 1) >> 1;
      if (!isBefore(heap[child], heap[parent])) break;
      swap(heap, child, parent);
      child = parent;
    }
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    heap[0] = last;
    for (let parent = 0; ; ) {
      const left = 2 * parent + 1;
      const child = isBefore(heap[left + 1], heap[left]) ? left + 1 : left;
      if (!isBefore(heap[child], heap[parent])) return;
      swap(heap, child, parent);
      parent = child;
    }
  }
}

const isBefore = (a: Wake | undefined, b: Wake | undefined): boolean =>
  a !== undefined && b !== undefined && (a.at !== b.at ? a.at < b.at : a.order < b.order);

function swap(heap: Wake[], a: number, b: number): void {
  const kept = heap[a] as Wake;
  heap[a] = heap[b] as Wake;
  heap[b] = kept;
}

/** Lets all promise reactions run, however long their chains are. */
export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
