// Keys in the order they were added, with the n-th found in O(log n) however many were taken out in between:
// GetGenericPortMappingEntry counts from 0 without gaps (WANIPConnection:2 §2.5.13), and control points walk all of it.
// A Fenwick tree over slots; slots are given out once and squeezed together when more than half are empty.

/** Below this many slots squeezing is not worth the walk. */
const SMALLEST_SQUEEZE = 64;

export class EntryOrder<Key> {
  /** Slot → key; slots count from 1, as Fenwick trees do. */
  #keys: (Key | undefined)[] = [undefined];
  /** Slot → number of keys in the slots this node covers. */
  #counts: number[] = [0];
  readonly #slots = new Map<Key, number>();

  get size(): number {
    return this.#slots.size;
  }

  /** At the end. A key that is there already keeps its place. */
  append(key: Key): void {
    if (this.#slots.has(key)) return;
    const slot = this.#keys.length;
    this.#keys.push(key);
    this.#slots.set(key, slot);
    let count = 1;
    for (let child = slot - 1; child > slot - lowestBit(slot); child -= lowestBit(child)) count += this.#countAt(child);
    this.#counts.push(count);
  }

  /** `next` takes the place of `key`. */
  rename(key: Key, next: Key): void {
    const slot = this.#slots.get(key);
    if (slot === undefined) return;
    this.#slots.delete(key);
    this.#slots.set(next, slot);
    this.#keys[slot] = next;
  }

  remove(key: Key): void {
    const slot = this.#slots.get(key);
    if (slot === undefined) return;
    this.#slots.delete(key);
    this.#keys[slot] = undefined;
    for (let node = slot; node < this.#counts.length; node += lowestBit(node))
      this.#counts[node] = this.#countAt(node) - 1;
    const slots = this.#keys.length - 1;
    if (slots > SMALLEST_SQUEEZE && slots > 2 * this.size) this.#squeeze();
  }

  /** Some of the keys, earliest first. */
  sorted(keys: readonly Key[]): readonly Key[] {
    return [...keys].sort((a, b) => (this.#slots.get(a) ?? 0) - (this.#slots.get(b) ?? 0));
  }

  at(index: number): Key | undefined {
    if (!Number.isInteger(index) || index < 0 || index >= this.size) return undefined;
    let slot = 0;
    let before = index;
    for (let step = highestBit(this.#counts.length - 1); step > 0; step >>= 1) {
      const next = slot + step;
      if (next < this.#counts.length && this.#countAt(next) <= before) {
        slot = next;
        before -= this.#countAt(next);
      }
    }
    return this.#keys[slot + 1];
  }

  *[Symbol.iterator](): IterableIterator<Key> {
    for (const key of this.#keys) if (key !== undefined) yield key;
  }

  #countAt(slot: number): number {
    return this.#counts[slot] ?? 0;
  }

  #squeeze(): void {
    const keys = [...this];
    this.#keys = [undefined];
    this.#counts = [0];
    this.#slots.clear();
    for (const key of keys) this.append(key);
  }
}

const lowestBit = (n: number): number => n & -n;
const highestBit = (n: number): number => (n === 0 ? 0 : 1 << (31 - Math.clz32(n)));
