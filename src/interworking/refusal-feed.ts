// Requests that were refused, told to whoever cares: the log, the history, the counters. What happens to mappings that
// are there is announced by the table.

import type { IpAddress } from '../base/ip-address.ts';
import type { Asker, Wish } from './gateway.ts';
import type { Refusal } from './refusal.ts';

export interface RefusedRequest {
  readonly who: IpAddress;
  readonly wish: Wish;
  readonly no: Refusal;
}

export class RefusalFeed {
  readonly #listeners: ((refusal: RefusedRequest) => void)[] = [];

  listen(listener: (refusal: RefusedRequest) => void): void {
    this.#listeners.push(listener);
  }

  tell(asker: Asker, wish: Wish, no: Refusal): void {
    for (const listener of this.#listeners) listener({ who: asker.address, wish, no });
  }
}
