// How often a control point may ask for changes: each may cost a packet and a mapping at the carrier (RFC 6970 §6).
// A token bucket per machine.

import { between, type Instant } from '../base/time.ts';

/** A LAN of this many talkers is none; past it the one that asked longest ago starts afresh. */
const MOST_ASKERS = 4096;
const MS_PER_MINUTE = 60_000;

interface Bucket {
  readonly tokens: number;
  readonly at: Instant;
}

export class RequestRate {
  readonly #buckets = new Map<string, Bucket>();

  /** Whether one more is fine; counts it when it is. */
  admit(machine: string, perMinute: number, now: Instant): boolean {
    if (perMinute === 0) return true;
    const bucket = this.#buckets.get(machine) ?? { tokens: perMinute, at: now };
    const refill = (between(bucket.at, now) * perMinute) / MS_PER_MINUTE;
    const tokens = Math.min(perMinute, bucket.tokens + refill);
    const isAdmitted = tokens >= 1;
    this.#buckets.delete(machine);
    this.#buckets.set(machine, { tokens: isAdmitted ? tokens - 1 : tokens, at: now });
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > MOST_ASKERS && oldest !== undefined) this.#buckets.delete(oldest);
    return isAdmitted;
  }
}
