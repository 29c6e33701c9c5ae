// Mappings whose release was confirmed a moment ago. A request that the deletion overtook on the way makes them once more,
// and only its answer tells (RFC 6887 §15).

import { after, type Instant, seconds } from '../base/time.ts';
import { baseKeyText } from './exchange.ts';
import type { MapKey } from './map-request.ts';
import type { MappingNonce } from './mapping-nonce.ts';

/** Packets that are under way longer are lost. */
const KEPT_FOR = seconds(60);
/** A mass release of a large table; of more than that, the first ones are forgotten early. */
const MOST_KEPT = 4096;

export class ReleasedLately {
  /** In the order of release, so that the first ones end first. */
  readonly #byText = new Map<string, { readonly key: MapKey; readonly until: Instant }>();

  add(key: MapKey, now: Instant): void {
    const text = textOf(baseKeyText(key), key.nonce);
    this.#byText.delete(text);
    this.#byText.set(text, { key, until: after(now, KEPT_FOR) });
    for (const [first, { until }] of this.#byText) {
      if (until > now && this.#byText.size <= MOST_KEPT) return;
      this.#byText.delete(first);
    }
  }

  /** Once for each release. Without a nonce there is no telling whose it is. */
  take(base: string, nonce: MappingNonce | undefined, now: Instant): MapKey | undefined {
    if (nonce === undefined) return undefined;
    const text = textOf(base, nonce);
    const found = this.#byText.get(text);
    this.#byText.delete(text);
    return found !== undefined && found.until > now ? found.key : undefined;
  }
}

const textOf = (base: string, nonce: MappingNonce): string => `${base} ${nonce}`;
