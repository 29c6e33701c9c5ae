// Mappings the PCP server stopped honouring, kept for a day so that the person at the box can see what went and why.

import { after, days, type Instant } from '../base/time.ts';
import { type Mapping, mappingKeyText } from '../mapping/mapping.ts';

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
