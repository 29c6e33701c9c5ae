// The mappings one server granted to us and has not taken back. Unsolicited responses are matched with them (RFC 6887 §11.4,
// §11.5), and they show whether a request makes a mapping or renews one.

import type { IpAddress } from '../../base/ip-address.ts';
import type { PortNumber } from '../../base/port-number.ts';
import { PriorityQueue } from '../../base/priority-queue.ts';
import type { Instant } from '../../base/time.ts';
import { baseKeyText, type MapKey, mapKeyText } from './map-request.ts';
import type { MappingNonce } from './mapping-nonce.ts';
import type { ResultCode } from './result-code.ts';

export interface HeldMapping {
  readonly key: MapKey;
  readonly internalAddress: IpAddress;
  readonly assignedAddress: IpAddress;
  readonly assignedPort: PortNumber;
  readonly expiresAt: Instant;
  /** The last grant. Copies of it may still be under way. */
  readonly grant: { readonly receivedAt: Instant; readonly lifetimeSeconds: number };
  /** The code of an unsolicited refusal. The server sends it three times (RFC 6887 §11.5); the copies are dropped. */
  readonly refusedWith: ResultCode | undefined;
}

export class HeldMappings {
  /** By key and nonce: with another nonce, a second mapping may follow under the same base key. */
  readonly #byKey = new Map<string, HeldMapping>();
  readonly #keysByBase = new Map<string, string>();
  readonly #expiry = new PriorityQueue<string>();

  get size(): number {
    return this.#byKey.size;
  }

  all(): readonly HeldMapping[] {
    return [...this.#byKey.values()];
  }

  put(mapping: HeldMapping): void {
    const text = mapKeyText(mapping.key);
    this.#byKey.set(text, mapping);
    this.#keysByBase.set(baseKeyText(mapping.key), text);
    this.#expiry.set(text, mapping.expiresAt);
  }

  get(key: MapKey): HeldMapping | undefined {
    return this.#byKey.get(mapKeyText(key));
  }

  /** Without a nonce, the latest under the base key. */
  matching(base: string, nonce: MappingNonce | undefined): HeldMapping | undefined {
    const text = nonce === undefined ? this.#keysByBase.get(base) : `${base} ${nonce}`;
    return text === undefined ? undefined : this.#byKey.get(text);
  }

  delete(key: MapKey): void {
    const text = mapKeyText(key);
    this.#byKey.delete(text);
    this.#expiry.delete(text);
    if (this.#keysByBase.get(baseKeyText(key)) === text) this.#keysByBase.delete(baseKeyText(key));
  }

  /** A mapping whose lifetime is over is gone at the server too (RFC 6887 §11.2.1). */
  takeExpired(now: Instant): readonly HeldMapping[] {
    const expired: HeldMapping[] = [];
    for (let first = this.#expiry.first(); first !== undefined && first.rank <= now; first = this.#expiry.first()) {
      this.#expiry.shift();
      const mapping = this.#byKey.get(first.key);
      if (mapping === undefined) continue;
      expired.push(mapping);
      this.delete(mapping.key);
    }
    return expired;
  }

  /** Forgets all that were made from our own address. */
  forgetOwn(): void {
    for (const { key } of this.all()) if (key.thirdParty === undefined) this.delete(key);
  }
}
