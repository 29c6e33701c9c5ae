// Which options of a MAP a server takes. UNSUPP_OPTION does not say which option it means (RFC 6887 §7.4), so we keep the
// refused combinations and compare them with what was accepted.

import { type Instant, later } from '../../base/time.ts';

/** A server must understand these options or refuse the request. */
export type MandatoryOption = 'PREFER_FAILURE' | 'THIRD_PARTY' | 'FILTER';
export const MANDATORY_OPTIONS: readonly MandatoryOption[] = ['PREFER_FAILURE', 'THIRD_PARTY', 'FILTER'];

export type OptionState = 'supported' | 'unsupported' | 'unknown';

interface RefusedSet {
  readonly options: readonly MandatoryOption[];
  readonly until: Instant;
}

export class OptionSupport {
  readonly #accepted = new Set<MandatoryOption>();
  /** By the names of the options. Three options have seven combinations, so this stays small. */
  readonly #refused = new Map<string, RefusedSet>();

  noteAccepted(options: readonly MandatoryOption[]): void {
    for (const option of options) this.#accepted.add(option);
    this.#refused.delete(options.join());
  }

  noteRefused(options: readonly MandatoryOption[], until: Instant): void {
    if (options.length === 0) return;
    // Each of them was accepted before, and no other option can be meant: they are not supported any more.
    if (this.areAccepted(options)) {
      for (const option of options) this.#accepted.delete(option);
    }
    const previous = this.#refused.get(options.join());
    this.#refused.set(options.join(), {
      options,
      until: previous === undefined ? until : later(until, previous.until),
    });
  }

  /** Whether each of them was taken before. Then a refusal is not about the options. */
  areAccepted(options: readonly MandatoryOption[]): boolean {
    return options.every((option) => this.#accepted.has(option));
  }

  /** Until when a request with these options would be refused; undefined when nothing speaks against it. */
  refusedUntil(options: readonly MandatoryOption[], now: Instant): Instant | undefined {
    for (const refused of this.#refused.values()) {
      if (refused.until > now && this.#suspects(refused).every((option) => options.includes(option))) {
        return refused.until;
      }
    }
    return undefined;
  }

  stateOf(option: MandatoryOption, now: Instant): OptionState {
    if (this.#accepted.has(option)) return 'supported';
    return this.refusedUntil([option], now) === undefined ? 'unknown' : 'unsupported';
  }

  clear(): void {
    this.#accepted.clear();
    this.#refused.clear();
  }

  #suspects(refused: RefusedSet): readonly MandatoryOption[] {
    const unproven = refused.options.filter((option) => !this.#accepted.has(option));
    // Each one is taken by itself, so the refusal means the combination.
    return unproven.length === 0 ? refused.options : unproven;
  }
}
