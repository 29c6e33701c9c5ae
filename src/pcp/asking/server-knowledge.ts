// What was learned about one server, which decides whether and in which form it is asked: the options it takes, what it
// refused and for how long (RFC 6887 §7.4, §8.3; RFC 6970 §5.6.2 for PREFER_FAILURE).

import type { PortNumber } from '../../base/port-number.ts';
import { after, between, type Duration, type Instant } from '../../base/time.ts';
import type { TransportProtocol } from '../../base/transport-protocol.ts';
import type { Dialect, MapForm } from './dialect.ts';
import type { Refused } from './map-outcome.ts';
import type { MapRequest } from './map-request.ts';
import { MANDATORY_OPTIONS, type MandatoryOption, type OptionState, OptionSupport } from './option-support.ts';
import { type HoldView, RefusalMemory, type StandingMapping } from './refusal-memory.ts';
import { holdOf, type ResultCode, UNSUPP_OPTION } from './result-code.ts';

export interface OptionLearned {
  readonly option: MandatoryOption;
  readonly supported: boolean;
}

/** A refusal that we find out without asking. */
type RefusalAtHome = Pick<Refused, 'code' | 'lifetimeSeconds' | 'hold' | 'by'>;

export class ServerKnowledge {
  readonly emulatesPreferFailure: boolean;
  readonly #memory = new RefusalMemory();
  readonly #options = new OptionSupport();
  #takesFilterReset = true;

  constructor(emulatesPreferFailure: boolean) {
    this.emulatesPreferFailure = emulatesPreferFailure;
  }

  /** The refusal this request would get, as far as we can tell without asking. */
  refusalOf(
    request: MapRequest,
    held: StandingMapping | undefined,
    dialect: Dialect,
    now: Instant,
  ): RefusalAtHome | undefined {
    if (this.#hasNoWordsFor(request, dialect)) {
      return { code: UNSUPP_OPTION, lifetimeSeconds: 0, hold: holdOf(UNSUPP_OPTION, 0), by: 'client' };
    }
    const remembered = this.#memory.recall(request, held, now);
    if (remembered !== undefined) return { ...remembered, by: 'memory' };
    const until = this.#options.refusedUntil(optionsIn(request, this.formOf(request, held, dialect, now)), now);
    if (until === undefined) return undefined;
    return { code: UNSUPP_OPTION, lifetimeSeconds: 0, hold: between(now, until), by: 'memory' };
  }

  formOf(request: MapRequest, held: StandingMapping | undefined, dialect: Dialect, now: Instant): MapForm {
    const isRefused = this.#options.stateOf('PREFER_FAILURE', now) === 'unsupported';
    const isEmulated = this.emulatesPreferFailure && (isRefused || !dialect.hasPreferFailure);
    // A suggested address is the one assigned before: the request renews a mapping that may have filters already.
    const isRenewal = held !== undefined || !request.suggestedAddress.isUnspecified;
    return {
      preferFailure: request.exactPort && !isEmulated,
      resetFilters: isRenewal && this.#takesFilterReset,
    };
  }

  noteGranted(request: MapRequest, form: MapForm, now: Instant): readonly OptionLearned[] {
    return this.#learning(now, () => this.#options.noteAccepted(optionsIn(request, form)));
  }

  noteRefused(
    request: MapRequest,
    form: MapForm,
    refusal: { readonly code: ResultCode; readonly lifetimeSeconds: number },
    now: Instant,
  ): { readonly hold: Duration; readonly learned: readonly OptionLearned[] } {
    const { code, lifetimeSeconds } = refusal;
    if (code === UNSUPP_OPTION) {
      const { thirdParty } = request;
      // RFC 6887 §13.1: the same code says that we may not act for this third party, although we may for others.
      if (thirdParty !== undefined && this.#options.areAccepted(optionsIn(request, form))) {
        return { hold: this.#memory.noteThirdParty(thirdParty, code, lifetimeSeconds, now), learned: [] };
      }
      const hold = holdOf(code, lifetimeSeconds);
      const until = after(now, hold);
      return { hold, learned: this.#learning(now, () => this.#options.noteRefused(optionsIn(request, form), until)) };
    }
    return { hold: this.#memory.note(request, code, lifetimeSeconds, now), learned: [] };
  }

  /** The server gave another port, so we found out that this one is taken. It did not say for how long. */
  noteConflict(request: MapRequest, hold: Duration, now: Instant): void {
    this.#memory.noteConflict(request, hold, now);
  }

  /** RFC 6887 §13.3: servers need only take one FILTER. */
  noteFilterResetRefused(): void {
    this.#takesFilterReset = false;
  }

  noteEverythingRefused(code: ResultCode, lifetimeSeconds: number, now: Instant): Duration {
    return this.#memory.noteEverythingRefused(code, lifetimeSeconds, now);
  }

  /** A mapping of ours had that port until now. The port may have been refused because of that mapping. */
  noteFree(protocol: TransportProtocol, port: PortNumber): void {
    this.#memory.forgetPort(protocol, port);
  }

  canFilter(dialect: Dialect, now: Instant): boolean {
    return dialect.canFilter && this.#options.stateOf('FILTER', now) !== 'unsupported';
  }

  /** A server that lost its state may be another version of itself. */
  forget(): void {
    this.#memory.clear();
    this.#options.clear();
    this.#takesFilterReset = true;
  }

  options(dialect: Dialect, now: Instant): Readonly<Record<MandatoryOption, OptionState>> {
    const { hasPreferFailure, canNameThirdParty, canFilter } = dialect;
    return {
      PREFER_FAILURE: hasPreferFailure ? this.#options.stateOf('PREFER_FAILURE', now) : 'unsupported',
      THIRD_PARTY: canNameThirdParty ? this.#options.stateOf('THIRD_PARTY', now) : 'unsupported',
      FILTER: canFilter ? this.#options.stateOf('FILTER', now) : 'unsupported',
    };
  }

  holds(now: Instant): readonly HoldView[] {
    return this.#memory.view(now);
  }

  #hasNoWordsFor(request: MapRequest, dialect: Dialect): boolean {
    if (request.thirdParty !== undefined && !dialect.canNameThirdParty) return true;
    if (request.remotePeers.length > 0 && !dialect.canFilter) return true;
    return request.exactPort && !dialect.hasPreferFailure && !this.emulatesPreferFailure;
  }

  #learning(now: Instant, learn: () => void): readonly OptionLearned[] {
    const before = MANDATORY_OPTIONS.map((option) => this.#options.stateOf(option, now));
    learn();
    return MANDATORY_OPTIONS.flatMap((option, index) => {
      const state = this.#options.stateOf(option, now);
      return state === before[index] || state === 'unknown' ? [] : [{ option, supported: state === 'supported' }];
    });
  }
}

function optionsIn(request: MapRequest, form: MapForm): readonly MandatoryOption[] {
  const options: MandatoryOption[] = [];
  if (form.preferFailure) options.push('PREFER_FAILURE');
  if (request.thirdParty !== undefined) options.push('THIRD_PARTY');
  if (request.remotePeers.length > 0) options.push('FILTER');
  return options;
}
