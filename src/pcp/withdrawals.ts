// Mappings we asked for, gave up on, and that the server may have made all the same. They are released as soon as the
// server is heard: a late success must not leave a hole nobody knows of (RFC 6887 §15).

import { PriorityQueue } from '../base/priority-queue.ts';
import { after, type Instant, minutes } from '../base/time.ts';
import { baseKeyText } from './exchange.ts';
import type { MapKey } from './map-request.ts';

/** Beyond the usual lifetime of a mapping there is nothing left to release. */
const KEPT_FOR = minutes(120);
/** Control points decide how many requests fail; the oldest are left to expire at the server. */
const MAX_WITHDRAWALS = 1024;

export class Withdrawals {
  readonly #byText = new Map<string, MapKey>();
  readonly #ends = new PriorityQueue<string>();

  get size(): number {
    return this.#byText.size;
  }

  add(key: MapKey, now: Instant): void {
    const text = textOf(key);
    this.#byText.set(text, key);
    this.#ends.set(text, after(now, KEPT_FOR));
    if (this.#byText.size > MAX_WITHDRAWALS) this.#deleteFirst();
  }

  delete(key: MapKey): void {
    this.#byText.delete(textOf(key));
    this.#ends.delete(textOf(key));
  }

  /** Takes out all that are still worth releasing. */
  takeAll(now: Instant): readonly MapKey[] {
    for (let first = this.#ends.first(); first !== undefined && first.rank <= now; first = this.#ends.first()) {
      this.#deleteFirst();
    }
    const keys = [...this.#byText.values()];
    this.#byText.clear();
    this.#ends.clear();
    return keys;
  }

  /** Takes out those in the way of a new mapping: same internal side, whatever the nonce. */
  takeUnder(key: MapKey): readonly MapKey[] {
    const base = baseKeyText(key);
    const keys = [...this.#byText.values()].filter((other) => baseKeyText(other) === base);
    for (const other of keys) this.delete(other);
    return keys;
  }

  #deleteFirst(): void {
    const first = this.#ends.shift();
    if (first !== undefined) this.#byText.delete(first.key);
  }
}

const textOf = (key: MapKey): string => `${baseKeyText(key)} ${key.nonce}`;
