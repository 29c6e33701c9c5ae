// An indexed binary heap: the smallest value on top, and any key's value changed or removed in O(log n).
// Equal values come out in no particular order.

interface Entry<Key> {
  readonly key: Key;
  readonly rank: number;
}

export class PriorityQueue<Key> {
  readonly #heap: Entry<Key>[] = [];
  readonly #place = new Map<Key, number>();

  get size(): number {
    return this.#heap.length;
  }

  /** The key with the smallest rank, and that rank. */
  first(): Entry<Key> | undefined {
    return this.#heap[0];
  }

  rankOf(key: Key): number | undefined {
    const at = this.#place.get(key);
    return at === undefined ? undefined : this.#heap[at]?.rank;
  }

  /** Adds the key, or moves it to its new rank. */
  set(key: Key, rank: number): void {
    if (Number.isNaN(rank)) throw new RangeError('a rank must be comparable');
    const at = this.#place.get(key);
    const before = at === undefined ? undefined : this.#heap[at];
    if (at === undefined || before === undefined) {
      this.#put(this.#heap.length, { key, rank });
      this.#rise(this.#heap.length - 1);
      return;
    }
    this.#put(at, { key, rank });
    if (rank < before.rank) this.#rise(at);
    else this.#sink(at);
  }

  /** Whether it was there. */
  delete(key: Key): boolean {
    const at = this.#place.get(key);
    if (at === undefined) return false;
    this.#place.delete(key);
    const last = this.#heap.pop();
    if (last !== undefined && at < this.#heap.length) {
      this.#put(at, last);
      this.#rise(at);
      this.#sink(this.#place.get(last.key) ?? at);
    }
    return true;
  }

  /** Takes the first entry out. */
  shift(): Entry<Key> | undefined {
    const first = this.#heap[0];
    if (first !== undefined) this.delete(first.key);
    return first;
  }

  clear(): void {
    this.#heap.length = 0;
    this.#place.clear();
  }

  #put(at: number, entry: Entry<Key>): void {
    this.#heap[at] = entry;
    this.#place.set(entry.key, at);
  }

  #rise(start: number): void {
    let at = start;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#swapIfSmaller(at, parent)) return;
      at = parent;
    }
  }

  #sink(start: number): void {
    let at = start;
    for (;;) {
      const left = 2 * at + 1;
      const right = left + 1;
      const child = this.#isSmaller(right, left) ? right : left;
      if (!this.#swapIfSmaller(child, at)) return;
      at = child;
    }
  }

  #isSmaller(a: number, b: number): boolean {
    const first = this.#heap[a];
    const second = this.#heap[b];
    return first !== undefined && second !== undefined && first.rank < second.rank;
  }

  /** Puts the entry at `lower` in place of the one at `upper` when it has the smaller rank. */
  #swapIfSmaller(lower: number, upper: number): boolean {
    const child = this.#heap[lower];
    const parent = this.#heap[upper];
    if (child === undefined || parent === undefined || child.rank >= parent.rank) return false;
    this.#put(upper, child);
    this.#put(lower, parent);
    return true;
  }
}
