// The mappings a server granted to us and has not taken back: what unsolicited responses are matched with
// (RFC 6887 §11.4, §11.5), and how it is known whether a request makes a mapping or renews one.

import type { IpAddress } from '../../base/ip-address.ts';
import { keyText } from '../../base/key-text.ts';
import type { PortNumber } from '../../base/port-number.ts';
import { PriorityQueue } from '../../base/priority-queue.ts';
import type { Instant } from '../../base/time.ts';
import { baseKeyText } from './exchange.ts';
import type { MapKey } from './map-request.ts';
import type { MappingNonce } from './mapping-nonce.ts';
import type { ResultCode } from './result-code.ts';

export interface HeldMapping {
  readonly key: MapKey;
  readonly internalAddress: IpAddress;
  readonly assignedAddress: IpAddress;
  readonly assignedPort: PortNumber;
  readonly expiresAt: Instant;
  /** The last grant: copies of it may still be under way. */
  readonly grant: { readonly receivedAt: Instant; readonly lifetimeSeconds: number };
  /** The refusal an unsolicited response brought; its copies are dropped (RFC 6887 §11.5 sends three). */
  readonly refusedWith: ResultCode | undefined;
}

/** With the nonce, as two mappings may follow each other under one base key. */
const heldKeyText = (key: MapKey): string => keyText(baseKeyText(key), key.nonce);

export class HeldMappings {
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
    const text = heldKeyText(mapping.key);
    this.#byKey.set(text, mapping);
    this.#keysByBase.set(baseKeyText(mapping.key), text);
    this.#expiry.set(text, mapping.expiresAt);
  }

  get(key: MapKey): HeldMapping | undefined {
    return this.#byKey.get(heldKeyText(key));
  }

  /** Without a nonce, the latest under the base key. */
  matching(base: string, nonce: MappingNonce | undefined): HeldMapping | undefined {
    const text = nonce === undefined ? this.#keysByBase.get(base) : `${base} ${nonce}`;
    return text === undefined ? undefined : this.#byKey.get(text);
  }

  delete(key: MapKey): void {
    const text = heldKeyText(key);
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

  /** All that were made from our own address. */
  forgetOwn(): void {
    for (const { key } of this.all()) if (key.thirdParty === undefined) this.delete(key);
  }
}
