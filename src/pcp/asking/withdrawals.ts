// Mappings we asked for, gave up on, and that the server may have made all the same. They are released as soon as the
// server is heard: a late success must not leave a hole nobody knows of (RFC 6887 §15).

import { keyText } from '../../base/key-text.ts';
import { PriorityQueue } from '../../base/priority-queue.ts';
import { after, type Instant, minutes } from '../../base/time.ts';
import { baseKeyText } from './exchange.ts';
import type { MapKey } from './map-request.ts';
import type { MappingNonce } from './mapping-nonce.ts';

/** Beyond the usual lifetime of a mapping there is nothing left to release. */
const KEPT_FOR = minutes(120);
/** Control points decide how many requests fail; the oldest are left to expire at the server. */
const MAX_WITHDRAWALS = 1024;

export class Withdrawals {
  readonly #byText = new Map<string, MapKey>();
  /** One internal side has hardly ever more than one: the nonce changes with the server. */
  readonly #byBase = new Map<string, Set<MapKey>>();
  readonly #ends = new PriorityQueue<string>();

  get size(): number {
    return this.#byText.size;
  }

  add(key: MapKey, now: Instant): void {
    this.delete(key);
    const text = textOf(key);
    const base = baseKeyText(key);
    this.#byText.set(text, key);
    this.#byBase.set(base, (this.#byBase.get(base) ?? new Set()).add(key));
    this.#ends.set(text, after(now, KEPT_FOR));
    if (this.#byText.size > MAX_WITHDRAWALS) this.#deleteFirst();
  }

  has(key: MapKey): boolean {
    return this.#byText.has(textOf(key));
  }

  /** Without a nonce, any under the base key. */
  isOneOf(base: string, nonce: MappingNonce | undefined): boolean {
    const siblings = this.#byBase.get(base);
    if (siblings === undefined) return false;
    return nonce === undefined || [...siblings].some((key) => key.nonce === nonce);
  }

  delete(key: MapKey): void {
    const text = textOf(key);
    const known = this.#byText.get(text);
    if (known === undefined) return;
    this.#byText.delete(text);
    this.#ends.delete(text);
    const base = baseKeyText(key);
    const siblings = this.#byBase.get(base);
    siblings?.delete(known);
    if (siblings?.size === 0) this.#byBase.delete(base);
  }

  /** Takes out all that are still worth releasing. */
  takeAll(now: Instant): readonly MapKey[] {
    for (let first = this.#ends.first(); first !== undefined && first.rank <= now; first = this.#ends.first()) {
      this.#deleteFirst();
    }
    const keys = [...this.#byText.values()];
    this.#byText.clear();
    this.#byBase.clear();
    this.#ends.clear();
    return keys;
  }

  /** Takes out those in the way of a new mapping: same internal side, whatever the nonce. */
  takeUnder(key: MapKey): readonly MapKey[] {
    const keys = [...(this.#byBase.get(baseKeyText(key)) ?? [])];
    for (const other of keys) this.delete(other);
    return keys;
  }

  #deleteFirst(): void {
    const first = this.#ends.shift();
    const key = first === undefined ? undefined : this.#byText.get(first.key);
    if (key !== undefined) this.delete(key);
  }
}

const textOf = (key: MapKey): string => keyText(baseKeyText(key), key.nonce);
