// How many search answers may leave: a search of 100 bytes can draw 20 answers of 400, to a source address that may be
// forged, so both each asker and all askers together are limited (amplification; UDA 1.1 §1.3.3).

import type { IpAddress } from '../../base/ip-address.ts';
import type { Instant } from '../../base/time.ts';
import { type BucketSize, TokenBucket } from './token-bucket.ts';

/** Room for a control point's opening volley: a few ssdp:all and a dozen single targets, each asked up to three times. */
const PER_SOURCE: BucketSize = { burst: 160, perSecond: 8 };
/** Twenty machines that start at once; then about 20 kB/s, which no LAN notices. */
const IN_TOTAL: BucketSize = { burst: 800, perSecond: 48 };
/** A forger can invent sources without end; the least recent ones are forgotten, the total still holds. */
const MAX_SOURCES = 256;

export class AnswerAllowance {
  readonly #sources = new Map<string, TokenBucket>();
  #total: TokenBucket | undefined;

  /** Takes `count` answers to `source` out of the allowance, or none when that is too many. */
  allows(source: IpAddress, count: number, now: Instant): boolean {
    this.#total ??= new TokenBucket(IN_TOTAL, now);
    const own = this.#bucketOf(source, now);
    if (!own.has(count, now) || !this.#total.has(count, now)) return false;
    own.take(count);
    this.#total.take(count);
    return true;
  }

  #bucketOf(source: IpAddress, now: Instant): TokenBucket {
    const bucket = this.#sources.get(source.text) ?? new TokenBucket(PER_SOURCE, now);
    // Put back at the end, so that the first key is the one not heard from for longest.
    this.#sources.delete(source.text);
    this.#sources.set(source.text, bucket);
    const [oldest] = this.#sources.keys();
    if (this.#sources.size > MAX_SOURCES && oldest !== undefined) this.#sources.delete(oldest);
    return bucket;
  }
}
