// Which protocol is spoken with one server (RFC 6887 §9, appendix A), and the question that only the server itself can answer.
// Anybody can forge a message that carries no nonce, a refusal of our version among them. From a server that never proved
// itself such a refusal is believed at once; from another one only when it leaves the question under a nonce unanswered.

import { earliestWake, type Wake } from '../../base/machine.ts';
import { portNumber } from '../../base/port-number.ts';
import {
  after,
  between,
  type Duration,
  type Instant,
  later,
  minutes,
  scale,
  seconds,
  shorter,
} from '../../base/time.ts';
import { NAT_PMP_VERSION, PCP_VERSION } from '../wire/common-header.ts';
import {
  type Dialect,
  type MapReply,
  NAT_PMP_DIALECT,
  PCP_DIALECT,
  timeoutAfter,
  type VersionReply,
} from './dialect.ts';
import { type MapKey, mapKeyText } from './map-request.ts';
import { NONCE_BYTES, nonceFromBytes } from './mapping-nonce.ts';

/** RFC 6887 §9: how often a NAT-PMP server is asked whether it learned PCP meanwhile. */
const NEWER_VERSION_INTERVAL = minutes(30);
/** The same at first for a server that proved it knows PCP: its refusals may have been forged while it was away. */
const LOST_VERSION_INTERVAL = minutes(1);
const LEAST_VERSION_GAP = minutes(1);

// | state   | event                                                    | becomes                          |
// |---------|----------------------------------------------------------|----------------------------------|
// | PCP     | version refused, the server never proved itself          | NAT-PMP, or no version in common |
// | PCP     | version refused otherwise                                | PCP, suspected; asked for proof  |
// | PCP     | suspected, and the proof fails                           | NAT-PMP, or no version in common |
// | PCP     | proved                                                   | PCP, proven                      |
// | NAT-PMP | proved                                                   | PCP, proven                      |
// | NAT-PMP | its interval is over, or something came in PCP's form    | asked for proof                  |
// | any     | the server moved to other addresses                      | PCP, not proven                  |
// "No version in common" is a standing of the server, which goes on being PCP.
type State =
  | {
      readonly kind: 'PCP';
      /** An answer under a nonce of ours came from this server, at the addresses it has now. */
      readonly isProven: boolean;
      /** A refusal of our version that is not believed yet. */
      readonly suspected: VersionReply | undefined;
    }
  | { readonly kind: 'NAT-PMP'; readonly askForPcpAt: Instant; readonly interval: Duration };

/** What follows for the server. */
export type VersionStep =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'repeat requests soon' }
  /** The question under a nonce, to be sent in PCP: the deletion of this. */
  | { readonly kind: 'send proof'; readonly key: MapKey; readonly isRepeated: boolean }
  | { readonly kind: 'speak PCP' }
  | { readonly kind: 'speak NAT-PMP' }
  | { readonly kind: 'no version in common'; readonly reply: VersionReply };

const NO_STEP: VersionStep = { kind: 'nothing' };

export class Versions {
  readonly #mayFallBack: boolean;
  readonly #proof: Proof;
  #state: State = { kind: 'PCP', isProven: false, suspected: undefined };
  /** When the last question for a proof went unanswered. */
  #unprovenAt: Instant | undefined;

  /** `mayFallBack`: to NAT-PMP. `unit` draws from [0, 1). */
  constructor(mayFallBack: boolean, unit: () => number) {
    this.#mayFallBack = mayFallBack;
    this.#proof = new Proof(unit);
  }

  get dialect(): Dialect {
    return this.#state.kind === 'PCP' ? PCP_DIALECT : NAT_PMP_DIALECT;
  }

  get isNatPmp(): boolean {
    return this.#state.kind === 'NAT-PMP';
  }

  /** The question under a nonce is open. */
  get isAskingForProof(): boolean {
    return this.#proof.isAsked;
  }

  isProvedBy(reply: MapReply): boolean {
    return this.#proof.isAnsweredBy(reply);
  }

  nextWake(): Wake | undefined {
    const state = this.#state;
    const forPcp = state.kind === 'NAT-PMP' ? { at: state.askForPcpAt, why: 'ask for PCP again' } : undefined;
    return earliestWake([this.#proof.nextWake(), forPcp]);
  }

  handleTimeout(now: Instant): readonly VersionStep[] {
    const step = this.#proof.handleTimeout(now);
    const steps = [step.kind === 'unanswered' ? this.#handleNoProof(now) : step];
    if (this.#state.kind !== 'NAT-PMP' || this.#state.askForPcpAt > now) return steps;
    const interval = shorter(scale(this.#state.interval, 2), NEWER_VERSION_INTERVAL);
    this.#state = { kind: 'NAT-PMP', askForPcpAt: after(now, interval), interval };
    return [...steps, this.askForProof(now)];
  }

  /** Something came that anybody could have written. */
  askForProof(now: Instant): VersionStep {
    const step = this.#proof.ask(now);
    return step.kind === 'unanswered' ? NO_STEP : step;
  }

  /** In PCP, the version of one of our requests was refused. */
  handleRefusal(reply: VersionReply, now: Instant): VersionStep {
    // RFC 6887 §9: it names the version we speak, so it is asked again with it.
    if (reply.version === PCP_VERSION) return { kind: 'repeat requests soon' };
    if (this.#state.kind !== 'PCP' || !this.#state.isProven) return this.#believe(reply, now);
    this.#state = { ...this.#state, suspected: reply };
    return this.askForProof(now);
  }

  /** In NAT-PMP, something in PCP's form came: from a gateway that was renewed, or from anybody. */
  handlePcpSign(now: Instant): VersionStep {
    const isTooSoon = this.#unprovenAt !== undefined && between(this.#unprovenAt, now) < LEAST_VERSION_GAP;
    return isTooSoon ? NO_STEP : this.askForProof(now);
  }

  /** The question was answered. */
  endQuestion(now: Instant): void {
    this.#proof.end(now);
  }

  /** An answer under a nonce of ours came. */
  handleProof(): VersionStep {
    const wasNatPmp = this.isNatPmp;
    this.#state = { kind: 'PCP', isProven: true, suspected: undefined };
    this.#unprovenAt = undefined;
    return wasNatPmp ? { kind: 'speak PCP' } : NO_STEP;
  }

  /** Other addresses: what was proved and refused there says nothing here. */
  handleMove(now: Instant): VersionStep {
    this.#proof.end(now);
    const wasNatPmp = this.isNatPmp;
    this.#state = { kind: 'PCP', isProven: false, suspected: undefined };
    this.#unprovenAt = undefined;
    return wasNatPmp ? { kind: 'speak PCP' } : NO_STEP;
  }

  /** The question under a nonce was left unanswered. */
  #handleNoProof(now: Instant): VersionStep {
    this.#unprovenAt = now;
    const suspected = this.#state.kind === 'PCP' ? this.#state.suspected : undefined;
    return suspected === undefined ? NO_STEP : this.#believe(suspected, now);
  }

  #believe(reply: VersionReply, now: Instant): VersionStep {
    const isProven = this.#state.kind === 'PCP' && this.#state.isProven;
    if (reply.version === NAT_PMP_VERSION && this.#mayFallBack) {
      const interval = isProven ? LOST_VERSION_INTERVAL : NEWER_VERSION_INTERVAL;
      this.#state = { kind: 'NAT-PMP', askForPcpAt: after(now, interval), interval };
      return { kind: 'speak NAT-PMP' };
    }
    this.#state = { kind: 'PCP', isProven, suspected: undefined };
    return { kind: 'no version in common', reply };
  }
}

/** The discard port (RFC 863). A mapping there has another nonce, so this deletion cannot touch it (RFC 6887 §15). */
const INTERNAL_PORT = portNumber(9);

/** A flood of forged messages draws no more than one question in this time. */
const LEAST_GAP = seconds(1);

// | state | event                                                | becomes |
// |-------|------------------------------------------------------|---------|
// | idle  | asked for                                            | asked   |
// | asked | answered, or all tries used up, or nobody needs it   | idle    |
type Question =
  | { readonly kind: 'idle'; readonly notBefore: Instant | undefined }
  | {
      readonly kind: 'asked';
      readonly key: MapKey;
      readonly attempts: number;
      readonly timeout: Duration | undefined;
      readonly dueAt: Instant;
    };

type ProofStep =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'send proof'; readonly key: MapKey; readonly isRepeated: boolean }
  /** Once, when all tries are used up. */
  | { readonly kind: 'unanswered' };

/**
 * A question that only the server itself can answer: the deletion of nothing, under a nonce of ours (RFC 6887 §11.4, §15). A
 * message that can be forged is a reason to ask it, and nothing else. Whoever asks decides what a missing answer means.
 */
class Proof {
  readonly #unit: () => number;
  #question: Question = { kind: 'idle', notBefore: undefined };

  constructor(unit: () => number) {
    this.#unit = unit;
  }

  get isAsked(): boolean {
    return this.#question.kind === 'asked';
  }

  /** Asks, unless the question is open already. */
  ask(now: Instant): ProofStep {
    if (this.#question.kind === 'asked') return { kind: 'nothing' };
    const { notBefore } = this.#question;
    const dueAt = notBefore === undefined ? now : later(now, notBefore);
    this.#question = { kind: 'asked', key: this.#freshKey(), attempts: 0, timeout: undefined, dueAt };
    return this.handleTimeout(now);
  }

  isAnsweredBy(reply: MapReply): boolean {
    const { nonce } = reply;
    if (this.#question.kind === 'idle' || nonce === undefined) return false;
    return mapKeyText({ ...reply, nonce }) === mapKeyText(this.#question.key);
  }

  /** It was answered, or nobody needs the answer any more. */
  end(now: Instant): void {
    this.#question = { kind: 'idle', notBefore: after(now, LEAST_GAP) };
  }

  nextWake(): Wake | undefined {
    if (this.#question.kind === 'idle') return undefined;
    return { at: this.#question.dueAt, why: 'ask the PCP server under a nonce' };
  }

  /** RFC 6887 §8.1.1. */
  handleTimeout(now: Instant): ProofStep {
    const question = this.#question;
    const rule = PCP_DIALECT.retransmission;
    if (question.kind === 'idle' || question.dueAt > now) return { kind: 'nothing' };
    if (question.attempts >= rule.tries) {
      this.end(now);
      return { kind: 'unanswered' };
    }
    const timeout = timeoutAfter(rule, question.timeout, this.#unit());
    this.#question = { ...question, attempts: question.attempts + 1, timeout, dueAt: after(now, timeout) };
    return { kind: 'send proof', key: question.key, isRepeated: question.attempts > 0 };
  }

  /** A nonce that was never sent cannot be known to anybody. */
  #freshKey(): MapKey {
    const octets = Uint8Array.from({ length: NONCE_BYTES }, () => Math.floor(this.#unit() * 256));
    return { nonce: nonceFromBytes(octets), protocol: 'UDP', internalPort: INTERNAL_PORT, thirdParty: undefined };
  }
}
