// The link to the carrier as WANCommonInterfaceConfig:1 shows it. The state is remembered between looks, because
// events need it at once; whoever owns the clock calls `refresh` now and then.

import type { LinkState } from '../../base/host.ts';
import type { Gateway } from '../../interworking/gateway.ts';

export type PhysicalLinkStatus = 'Up' | 'Down';

export class WanLink {
  readonly #read: () => Promise<LinkState | undefined>;
  readonly #known: Gateway['known'];
  #last: LinkState | undefined;

  /** `read` answers undefined where there is no interface to look at. */
  constructor(read: () => Promise<LinkState | undefined>, known: Gateway['known']) {
    this.#read = read;
    this.#known = known;
  }

  async refresh(): Promise<LinkState | undefined> {
    this.#last = await this.#read();
    return this.#last;
  }

  /** A link nobody can look at is up when the carrier answers. */
  status(): PhysicalLinkStatus {
    const isUp = this.#last?.isUp ?? this.#known.connection().status === 'Connected';
    return isUp ? 'Up' : 'Down';
  }
}
