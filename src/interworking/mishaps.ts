// Mappings the PCP server stopped honouring, kept for a day so that the person at the box can see what went and why.

import type { IpAddress } from '../base/ip-address.ts';
import { after, days, type Instant } from '../base/time.ts';
import { type Mapping, mappingKeyText } from '../mapping/mapping.ts';
import type { Asker, Wish } from './gateway.ts';
import type { Refusal } from './refusal.ts';

const REMEMBERED_FOR = days(1);
/** A screenful or four; a carrier that drops more at once is one story, not many. */
const MOST_REMEMBERED = 256;

export interface LostMapping {
  readonly mapping: Mapping;
  readonly at: Instant;
  readonly why: string;
}

export class LostMappings {
  readonly #lost = new Map<string, LostMapping>();

  note(mapping: Mapping, why: string, now: Instant): void {
    const key = mappingKeyText(mapping);
    this.#lost.delete(key);
    this.#lost.set(key, { mapping, at: now, why });
    const [oldest] = this.#lost.keys();
    if (this.#lost.size > MOST_REMEMBERED && oldest !== undefined) this.#lost.delete(oldest);
  }

  /** It is there again. */
  regained(mapping: Mapping): void {
    this.#lost.delete(mappingKeyText(mapping));
  }

  list(now: Instant): readonly LostMapping[] {
    return [...this.#lost.values()].filter((lost) => now < after(lost.at, REMEMBERED_FOR));
  }
}

// Requests that were refused, told to whoever cares: the log, the history, the counters. What happens to mappings that
// are there is announced by the table.

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
