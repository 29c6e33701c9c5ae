// Host names in requests are looked up for strangers, so only a few at a time: a lookup without an answer holds one of
// the few threads the process also writes its files with. Requests for the same name share one lookup.

import type { IpAddress } from '../../base/ip-address.ts';

export type Resolve = (name: string) => Promise<readonly IpAddress[]>;

// Node.js has four such threads.
const MAX_LOOKUPS = 2;

export class NameLookups {
  readonly #resolve: Resolve;
  readonly #running = new Map<string, Promise<readonly IpAddress[]>>();

  constructor(resolve: Resolve) {
    this.#resolve = resolve;
  }

  /** Empty when the name has no address, and when too many lookups are running. */
  async addresses(name: string): Promise<readonly IpAddress[]> {
    const key = name.toLowerCase();
    const running = this.#running.get(key);
    if (running !== undefined) return running;
    if (this.#running.size >= MAX_LOOKUPS) return [];
    const lookup = this.#resolve(name);
    this.#running.set(key, lookup);
    try {
      return await lookup;
    } finally {
      this.#running.delete(key);
    }
  }
}
