// The server's Epoch Time (RFC 6887 §8.5): seconds since it last lost its state. Its rate may be made wrong.

import { between, type Instant, inSeconds } from '../base/time.ts';

export class ServerEpoch {
  #secondsAtMark = 0;
  #mark: Instant;
  #rate = 1;

  constructor(now: Instant) {
    this.#mark = now;
  }

  value(now: Instant): number {
    const seconds = this.#secondsAtMark + inSeconds(between(this.#mark, now)) * this.#rate;
    return Math.min(Math.max(0, Math.floor(seconds)), 0xffff_ffff);
  }

  setRate(rate: number, now: Instant): void {
    if (rate === this.#rate) return;
    this.set(this.value(now), now);
    this.#rate = rate;
  }

  set(seconds: number, now: Instant): void {
    this.#secondsAtMark = seconds;
    this.#mark = now;
  }
}
