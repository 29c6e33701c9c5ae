// When the kernel's table is compared with what it should be, and how closely: often by a glance, seldom by
// listing every element.

import { after, type Duration, earlier, type Instant, later, milliseconds, seconds } from '../base/time.ts';

/** What a firewall reload did is found within this: up to 500 mappings, two elements each. */
const GLANCE_EVERY = seconds(15);
const GLANCED_SOON = 1000;
/** nft 1.0.6 reads all elements even so, some 6 µs each: this much later for each beyond keeps that at 0.1 % of a processor. */
const GLANCE_LATER_PER_ELEMENT_BEYOND = milliseconds(6);
/** A single element that somebody took away is found within this, when there are few. */
const LOOK_EVERY = seconds(60);
/** Listing and reading costs some 50 µs an element: this much later for each keeps it at 0.03 % of a processor. */
const LOOK_LATER_PER_ELEMENT = milliseconds(150);
/** Where each glance ends in a whole listing for nothing: keeps those at 0.3 %. */
const GLANCE_LATER_PER_ELEMENT = milliseconds(20);

export type Check = 'glance' | 'look';

export class CheckTimes {
  #glanceAt: Instant;
  #lookedAt: Instant;
  #isDoubtful = false;

  /** The table was listed just now. */
  constructor(now: Instant) {
    this.#glanceAt = after(now, GLANCE_EVERY);
    this.#lookedAt = now;
  }

  /** `elements`: how many there are by now. */
  nextAt(elements: number): Instant {
    return earlier(this.#glanceAt, this.#lookAt(elements));
  }

  due(elements: number, now: Instant): Check | undefined {
    if (this.#lookAt(elements) <= now) return 'look';
    return this.#glanceAt <= now ? 'glance' : undefined;
  }

  glancing(elements: number, now: Instant): void {
    const beyond = Math.max(0, elements - GLANCED_SOON);
    this.#glanceAt = after(now, (GLANCE_EVERY + beyond * GLANCE_LATER_PER_ELEMENT_BEYOND) as Duration);
  }

  looking(elements: number, now: Instant): void {
    this.glancing(elements, now);
    this.#lookedAt = now;
    this.#isDoubtful = false;
  }

  /** A glance made somebody list the whole table, which was in order: this nft may not be able to answer it. */
  misled(elements: number, now: Instant): void {
    const quiet = (GLANCE_EVERY + elements * GLANCE_LATER_PER_ELEMENT) as Duration;
    this.#glanceAt = later(this.#glanceAt, after(now, quiet));
  }

  /** Something failed: the next check is a close one. */
  mistrust(): void {
    this.#isDoubtful = true;
  }

  #lookAt(elements: number): Instant {
    const wait = (LOOK_EVERY + elements * LOOK_LATER_PER_ELEMENT) as Duration;
    const regular = after(this.#lookedAt, wait);
    return this.#isDoubtful ? earlier(regular, this.#glanceAt) : regular;
  }
}
