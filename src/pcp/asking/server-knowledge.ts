// What is known of one server that decides whether and in which form it is asked: the protocol it speaks, the options it
// takes, what it refused and for how long (RFC 6887 §7.4, §8.3; RFC 6970 §5.6.2 for PREFER_FAILURE).

import type { IpAddress } from '../../base/ip-address.ts';
import type { PortNumber } from '../../base/port-number.ts';
import { after, between, type Duration, type Instant } from '../../base/time.ts';
import type { TransportProtocol } from '../../base/transport-protocol.ts';
import type { Dialect, MapForm } from './dialect.ts';
import { PCP_DIALECT } from './dialect.ts';
import type { Refused } from './map-outcome.ts';
import type { MapRequest } from './map-request.ts';
import { MANDATORY_OPTIONS, type MandatoryOption, OptionSupport } from './option-support.ts';
import { type HoldView, RefusalMemory, type StandingMapping } from './refusal-memory.ts';
import { ADDRESS_MISMATCH, holdOf, type ResultCode, UNSUPP_OPCODE, UNSUPP_OPTION } from './result-code.ts';

export interface OptionLearned {
  readonly option: MandatoryOption;
  readonly supported: boolean;
}

type RefusalAtHome = Pick<Refused, 'code' | 'lifetimeSeconds' | 'hold' | 'by'>;

export class ServerKnowledge {
  dialect: Dialect = PCP_DIALECT;
  /** NAT-PMP tells it apart from mappings. */
  externalAddress: IpAddress | undefined;
  readonly emulatesPreferFailure: boolean;
  readonly #memory = new RefusalMemory();
  readonly #options = new OptionSupport();
  #takesFilterReset = true;
  #unusableUntil: Instant | undefined;

  constructor(emulatesPreferFailure: boolean) {
    this.emulatesPreferFailure = emulatesPreferFailure;
  }

  /** While set, no request of any kind can succeed. */
  get unusableUntil(): Instant | undefined {
    return this.#unusableUntil;
  }

  usableAgain(): void {
    this.#unusableUntil = undefined;
  }

  /** The refusal this request would get, as far as we can tell without asking. */
  refusalOf(request: MapRequest, held: StandingMapping | undefined, now: Instant): RefusalAtHome | undefined {
    if (this.#hasNoWordsFor(request)) {
      return { code: UNSUPP_OPTION, lifetimeSeconds: 0, hold: holdOf(UNSUPP_OPTION, 0), by: 'client' };
    }
    const remembered = this.#memory.recall(request, held, now);
    if (remembered !== undefined) return { ...remembered, by: 'memory' };
    const until = this.#options.refusedUntil(optionsIn(request, this.formOf(request, held, now)), now);
    if (until === undefined) return undefined;
    return { code: UNSUPP_OPTION, lifetimeSeconds: 0, hold: between(now, until), by: 'memory' };
  }

  formOf(request: MapRequest, held: StandingMapping | undefined, now: Instant): MapForm {
    const isRefused = this.#options.stateOf('PREFER_FAILURE', now) === 'unsupported';
    const isEmulated = this.emulatesPreferFailure && (isRefused || !this.dialect.hasPreferFailure);
    // A suggested address is the one assigned before: the request renews, and filters may be there already.
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
      // RFC 6887 §13.1: so is a third party refused that we may not act for, though we may for others.
      if (thirdParty !== undefined && this.#options.areAccepted(optionsIn(request, form))) {
        return { hold: this.#memory.noteThirdParty(thirdParty, code, lifetimeSeconds, now), learned: [] };
      }
      const hold = holdOf(code, lifetimeSeconds);
      const until = after(now, hold);
      return { hold, learned: this.#learning(now, () => this.#options.noteRefused(optionsIn(request, form), until)) };
    }
    const hold = this.#memory.note(request, code, lifetimeSeconds, now);
    if (code === ADDRESS_MISMATCH || code === UNSUPP_OPCODE) this.#unusableUntil = after(now, hold);
    return { hold, learned: [] };
  }

  /** Found out by us: the server gave another port, and no hint for how long. */
  noteConflict(request: MapRequest, hold: Duration, now: Instant): void {
    this.#memory.noteConflict(request, hold, now);
  }

  /** RFC 6887 §13.3: servers need only take one FILTER. */
  noteFilterResetRefused(): void {
    this.#takesFilterReset = false;
  }

  noteUnusable(code: ResultCode, lifetimeSeconds: number, now: Instant): Duration {
    const hold = this.#memory.noteEverythingRefused(code, lifetimeSeconds, now);
    this.#unusableUntil = after(now, hold);
    return hold;
  }

  /** A mapping of ours had that port until now, and may have been what it was refused for. */
  noteFree(protocol: TransportProtocol, port: PortNumber): void {
    this.#memory.forgetPort(protocol, port);
  }

  canFilter(now: Instant): boolean {
    return this.dialect.canFilter && this.#options.stateOf('FILTER', now) !== 'unsupported';
  }

  /** A server that lost its state may be another version of itself. */
  forget(): void {
    this.#memory.clear();
    this.#options.clear();
    this.#takesFilterReset = true;
    this.#unusableUntil = undefined;
  }

  options(now: Instant): Readonly<Record<MandatoryOption, 'supported' | 'unsupported' | 'unknown'>> {
    const { hasPreferFailure, canNameThirdParty, canFilter } = this.dialect;
    return {
      PREFER_FAILURE: hasPreferFailure ? this.#options.stateOf('PREFER_FAILURE', now) : 'unsupported',
      THIRD_PARTY: canNameThirdParty ? this.#options.stateOf('THIRD_PARTY', now) : 'unsupported',
      FILTER: canFilter ? this.#options.stateOf('FILTER', now) : 'unsupported',
    };
  }

  holds(now: Instant): readonly HoldView[] {
    return this.#memory.view(now);
  }

  #hasNoWordsFor(request: MapRequest): boolean {
    if (request.thirdParty !== undefined && !this.dialect.canNameThirdParty) return true;
    if (request.remotePeers.length > 0 && !this.dialect.canFilter) return true;
    return request.exactPort && !this.dialect.hasPreferFailure && !this.emulatesPreferFailure;
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
