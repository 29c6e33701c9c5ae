// A question that only the server itself can answer: the deletion of nothing, under a nonce of ours (RFC 6887 §11.4, §15).
// Whoever forges the server's address can write everything that carries no nonce. Such a message is a reason to ask this
// question, and nothing else. What a missing answer means is decided by whoever asked.

import type { Wake } from '../../base/machine.ts';
import { portNumber } from '../../base/port-number.ts';
import { keyText } from '../../base/texts.ts';
import { after, type Duration, type Instant, later, seconds } from '../../base/time.ts';
import { type MapReply, PCP_DIALECT, timeoutAfter } from './dialect.ts';
import type { MapKey } from './map-request.ts';
import { baseKeyText } from './map-request.ts';
import { NONCE_BYTES, nonceFromBytes } from './mapping-nonce.ts';
import { NOTHING, type Outputs, type ServerContext } from './server-context.ts';

/** The discard port (RFC 863). A mapping there has another nonce, so this deletion cannot touch it (RFC 6887 §15). */
const INTERNAL_PORT = portNumber(9);

/** A flood of forged messages draws no more than one question in this time. */
const LEAST_GAP = seconds(1);

interface Question {
  readonly key: MapKey;
  attempts: number;
  timeout: Duration | undefined;
  dueAt: Instant;
}

export class Proof {
  readonly #context: ServerContext;
  #question: Question | undefined;
  #earliestNext: Instant | undefined;

  constructor(context: ServerContext) {
    this.#context = context;
  }

  get isAsked(): boolean {
    return this.#question !== undefined;
  }

  /** Asks, unless the question is open already. */
  ask(now: Instant): Outputs {
    if (this.#question !== undefined) return NOTHING;
    const dueAt = this.#earliestNext === undefined ? now : later(now, this.#earliestNext);
    this.#question = { key: this.#freshKey(), attempts: 0, timeout: undefined, dueAt };
    return this.due(now).outputs;
  }

  isAnsweredBy(reply: MapReply): boolean {
    if (this.#question === undefined || reply.nonce === undefined) return false;
    return (
      keyText(baseKeyText(reply), reply.nonce) === keyText(baseKeyText(this.#question.key), this.#question.key.nonce)
    );
  }

  /** It was answered, or another answer under a nonce of ours made it needless. */
  end(now: Instant): void {
    this.#question = undefined;
    this.#earliestNext = after(now, LEAST_GAP);
  }

  nextWake(): Wake | undefined {
    return this.#question && { at: this.#question.dueAt, why: 'ask the PCP server under a nonce' };
  }

  /** RFC 6887 §8.1.1: `isUnanswered` once, when all tries are used up. */
  due(now: Instant): { readonly outputs: Outputs; readonly isUnanswered: boolean } {
    const { choice, counters, unit } = this.#context;
    const question = this.#question;
    const rule = PCP_DIALECT.retransmission;
    if (question === undefined || question.dueAt > now || choice.active === undefined) return NOT_DUE;
    if (question.attempts >= rule.tries) {
      this.end(now);
      return { outputs: NOTHING, isUnanswered: true };
    }
    // Counted with the other questions whether the server is there: no mapping is released.
    counters.sent('announce', question.attempts > 0);
    question.attempts += 1;
    question.timeout = timeoutAfter(rule, question.timeout, unit());
    question.dueAt = after(now, question.timeout);
    const bytes = PCP_DIALECT.encodeRelease(question.key, choice.active.source);
    return { outputs: [{ kind: 'transmit', to: choice.active.endpoint, bytes }], isUnanswered: false };
  }

  /** A nonce that was never sent cannot be known to anybody. */
  #freshKey(): MapKey {
    const octets = Uint8Array.from({ length: NONCE_BYTES }, () => Math.floor(this.#context.unit() * 256));
    return { nonce: nonceFromBytes(octets), protocol: 'UDP', internalPort: INTERNAL_PORT, thirdParty: undefined };
  }
}

const NOT_DUE = { outputs: NOTHING, isUnanswered: false };
