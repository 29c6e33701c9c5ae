// The one clock of the network: now and then, everybody who depends on interfaces, addresses, routes or neighbours looks at
// them, in the order of their coming. The kernel tells of changes to netlink sockets only, which Node.js does not have, and
// `ip monitor` would wake us for every neighbour that falls silent. A few reads of /proc cost less than either.

import type { Driver } from './drive.ts';
import type { Clock } from './host.ts';
import { Periodic } from './periodic.ts';
import { type Instant, seconds } from './time.ts';

/** A new WAN is used, a lost one noticed, and the port of a host that left closed, within this. */
const LOOK_EVERY = seconds(5);

type Look = () => Promise<void> | void;

export class NetworkWatch {
  readonly #clock: Clock;
  readonly #driver: Driver;
  readonly #followers = new Set<Look>();
  #timer: { remove(): void } | undefined;
  #looking: Promise<void> | undefined;

  constructor(clock: Clock, driver: Driver) {
    this.#clock = clock;
    this.#driver = driver;
  }

  /** `look` is called at each turn. Whoever may be slow returns at once and goes on by itself: the others wait for it. */
  follow(look: Look): { remove(): void } {
    this.#followers.add(look);
    this.#timer ??= this.#startTimer(this.#clock.now());
    return {
      remove: () => {
        this.#followers.delete(look);
        if (this.#followers.size > 0) return;
        this.#timer?.remove();
        this.#timer = undefined;
      },
    };
  }

  /** Somebody knows of a change: everybody looks now. Settles when they did, with what was to be seen after the call. */
  async look(): Promise<void> {
    await this.#looking;
    await this.#lookOnce();
  }

  #startTimer(now: Instant): { remove(): void } {
    const machine = new Periodic(LOOK_EVERY, 'look at interfaces, routes and neighbours', now);
    return this.#driver.add('network', machine, () => void this.#lookOnce());
  }

  #lookOnce(): Promise<void> {
    this.#looking ??= this.#askAll().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #askAll(): Promise<void> {
    for (const look of [...this.#followers]) await look();
  }
}
