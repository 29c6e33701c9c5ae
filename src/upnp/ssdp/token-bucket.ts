// A rate limit that allows bursts: so many at once, then so many a second.

import { between, type Instant } from '../../base/time.ts';

export interface BucketSize {
  readonly burst: number;
  readonly perSecond: number;
}

export class TokenBucket {
  readonly #size: BucketSize;
  #tokens: number;
  #filledAt: Instant;

  constructor(size: BucketSize, now: Instant) {
    this.#size = size;
    this.#tokens = size.burst;
    this.#filledAt = now;
  }

  has(count: number, now: Instant): boolean {
    const gained = (Math.max(0, between(this.#filledAt, now)) / 1000) * this.#size.perSecond;
    this.#tokens = Math.min(this.#size.burst, this.#tokens + gained);
    this.#filledAt = now;
    return this.#tokens >= count;
  }

  take(count: number): void {
    this.#tokens -= count;
  }
}
