// Mappings whose release was confirmed, or whose making was refused, a moment ago. A request that the deletion or the
// refusal overtook on the way makes them all the same, and only its answer tells (RFC 6887 §8.3, §15).

import { after, type Instant, seconds } from '../../base/time.ts';
import { baseKeyText } from './exchange.ts';
import type { MapKey } from './map-request.ts';
import type { MappingNonce } from './mapping-nonce.ts';

/** Packets that are under way longer are lost. */
const KEPT_FOR = seconds(60);
/** A mass release of a large table; of more than that, the first ones are forgotten early. */
const MOST_KEPT = 4096;

export class ReleasedLately {
  /** By what the server tells mappings apart by, in the order of release: the first ones end first. */
  readonly #byBase = new Map<string, { readonly key: MapKey; readonly until: Instant }>();

  add(key: MapKey, now: Instant): void {
    const base = baseKeyText(key);
    this.#byBase.delete(base);
    this.#byBase.set(base, { key, until: after(now, KEPT_FOR) });
    for (const [first, { until }] of this.#byBase) {
      if (until > now && this.#byBase.size <= MOST_KEPT) return;
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

  /** Once for each release. NAT-PMP has no nonce. */
  take(base: string, nonce: MappingNonce | undefined, now: Instant): MapKey | undefined {
    const found = this.#byBase.get(base);
    if (found === undefined || (nonce !== undefined && nonce !== found.key.nonce)) return undefined;
    this.#byBase.delete(base);
    return found.until > now ? found.key : undefined;
  }
}
