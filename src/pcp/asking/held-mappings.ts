// What one server has of ours: mappings it granted, and mappings it may have although nobody wants them (RFC 6887 §8.3, §15):
// those we gave up without knowing the answer, and those that a late packet makes again. No such mapping must stay as a hole
// that nobody knows of. The server record decides what goes in and out.

import type { IpAddress } from '../../base/ip-address.ts';
import type { PortNumber } from '../../base/port-number.ts';
import { PriorityQueue } from '../../base/priority-queue.ts';
import { after, type Duration, type Instant, minutes, seconds } from '../../base/time.ts';
import type { ClientOutput } from './client-output.ts';
import type { ServerId, Withdrawal } from './map-outcome.ts';
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

/**
 * The mappings a server granted and has not taken back. Unsolicited responses are matched with them (RFC 6887 §11.4, §11.5), and
 * they show whether a request makes a mapping or renews one.
 */
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

/** Tells whoever remembers it longer than we do. `source`: our address, which the server knows the mapping by. */
export function withdrawalOf(
  state: Withdrawal['state'],
  key: MapKey,
  lifetime: Duration,
  server: ServerId,
  source: IpAddress,
): ClientOutput {
  const { nonce, protocol, internalPort, thirdParty } = key;
  const isThirdParty = thirdParty !== undefined;
  const about = {
    server,
    nonce,
    protocol,
    internalPort,
    internalAddress: thirdParty ?? source,
    isThirdParty,
    lifetime,
  };
  return { kind: 'withdrawal', withdrawal: { state, ...about } };
}

/** Longer than the usual lifetime of a mapping: then there is nothing left to release. */
const OWED_FOR = minutes(120);
/** Control points decide how many requests fail. Beyond this number, we leave the oldest to expire at the server. */
const MOST_OWED = 1024;

/**
 * Mappings we asked for and gave up on, and which the server may have made all the same. They are released as soon as the
 * server is heard: a late success must not leave a hole nobody knows of (RFC 6887 §15).
 */
export class OwedMappings {
  readonly #byText = new Map<string, MapKey>();
  /** There is rarely more than one under a base key: the nonce changes only with the server. */
  readonly #byBase = new Map<string, Set<MapKey>>();
  readonly #ends = new PriorityQueue<string>();

  get size(): number {
    return this.#byText.size;
  }

  add(key: MapKey, now: Instant): void {
    this.delete(key);
    const text = mapKeyText(key);
    const base = baseKeyText(key);
    this.#byText.set(text, key);
    this.#byBase.set(base, (this.#byBase.get(base) ?? new Set()).add(key));
    this.#ends.set(text, after(now, OWED_FOR));
    if (this.#byText.size > MOST_OWED) this.#deleteFirst();
  }

  has(key: MapKey): boolean {
    return this.#byText.has(mapKeyText(key));
  }

  /** Without a nonce, any under the base key. */
  isOneOf(base: string, nonce: MappingNonce | undefined): boolean {
    const siblings = this.#byBase.get(base);
    if (siblings === undefined) return false;
    return nonce === undefined || [...siblings].some((key) => key.nonce === nonce);
  }

  delete(key: MapKey): void {
    const text = mapKeyText(key);
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

  /** Takes out those that bar a new mapping: they have the same internal side, whatever the nonce. */
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

/** Packets that are under way for longer are lost. */
const GONE_FOR = seconds(60);
/** Enough for the release of a large table at once; beyond this number, the first ones are forgotten early. */
const MOST_GONE = 4096;

/**
 * Mappings whose release was confirmed, or which were refused, a moment ago. A request that arrives behind that deletion or
 * refusal makes them all the same, and only its answer tells us (RFC 6887 §8.3, §15).
 */
export class GoneLately {
  /** By base key, in the order in which they went: the first ones end first. */
  readonly #byBase = new Map<string, { readonly key: MapKey; readonly until: Instant }>();

  add(key: MapKey, now: Instant): void {
    const base = baseKeyText(key);
    this.#byBase.delete(base);
    this.#byBase.set(base, { key, until: after(now, GONE_FOR) });
    for (const [first, { until }] of this.#byBase) {
      if (until > now && this.#byBase.size <= MOST_GONE) return;
      this.#byBase.delete(first);
    }
  }

  has(key: MapKey, now: Instant): boolean {
    const found = this.#byBase.get(baseKeyText(key));
    return found !== undefined && found.key.nonce === key.nonce && found.until > now;
  }

  delete(key: MapKey): void {
    this.#byBase.delete(baseKeyText(key));
  }

  /** Finds each of them once. NAT-PMP has no nonce. */
  take(base: string, nonce: MappingNonce | undefined, now: Instant): MapKey | undefined {
    const found = this.#byBase.get(base);
    if (found === undefined || (nonce !== undefined && nonce !== found.key.nonce)) return undefined;
    this.#byBase.delete(base);
    return found.until > now ? found.key : undefined;
  }
}
