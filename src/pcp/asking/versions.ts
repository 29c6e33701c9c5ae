// Which protocol is spoken with one server (RFC 6887 §9, appendix A). A refusal of our version carries no nonce. A server
// that never proved itself is believed at once. One that did is believed only when it leaves a question under a nonce
// unanswered. PCP is taken up again only after an answer under a nonce.

import type { Wake } from '../../base/machine.ts';
import { after, between, type Duration, type Instant, minutes, scale, shorter } from '../../base/time.ts';
import { NAT_PMP_VERSION, PCP_VERSION } from '../wire/common-header.ts';
import type { VersionReply } from './dialect.ts';
import { NAT_PMP_DIALECT, PCP_DIALECT } from './dialect.ts';
import type { EpochWatch } from './epoch.ts';
import type { Presence } from './presence.ts';
import type { Proof } from './proof.ts';
import type { Requests } from './requests.ts';
import { UNSUPP_VERSION } from './result-code.ts';
import { NOTHING, type Outputs, type ServerContext } from './server-context.ts';

/** RFC 6887 §9: how often a NAT-PMP server is asked whether it learned PCP meanwhile. */
const NEWER_VERSION_INTERVAL = minutes(30);
/** The same at first for a server that proved it knows PCP: its refusals may have been forged while it was away. */
const LOST_VERSION_INTERVAL = minutes(1);
const LEAST_VERSION_GAP = minutes(1);

export class Versions {
  readonly #context: ServerContext;
  readonly #requests: Requests;
  readonly #presence: Presence;
  readonly #proof: Proof;
  readonly #epoch: EpochWatch;
  readonly #mayFallBack: boolean;
  /** An answer under a nonce of ours came from this server, at the addresses it has now. */
  #isProven = false;
  /** A refusal that is not believed yet. */
  #suspected: VersionReply | undefined;
  #isUnusable = false;
  #newerVersionAt: Instant | undefined;
  #interval: Duration = NEWER_VERSION_INTERVAL;
  /** When the last question for PCP went unanswered. */
  #notAnsweredAt: Instant | undefined;

  constructor(
    context: ServerContext,
    requests: Requests,
    presence: Presence,
    proof: Proof,
    epoch: EpochWatch,
    mayFallBack: boolean,
  ) {
    this.#context = context;
    this.#requests = requests;
    this.#presence = presence;
    this.#proof = proof;
    this.#epoch = epoch;
    this.#mayFallBack = mayFallBack;
  }

  get isNatPmp(): boolean {
    return this.#context.knowledge.dialect === NAT_PMP_DIALECT;
  }

  /** Whether the server counts as one that shares no version with us: a sign of life contradicts that. */
  get isUnusable(): boolean {
    return this.#isUnusable;
  }

  nextWake(): Wake | undefined {
    return this.#newerVersionAt === undefined ? undefined : { at: this.#newerVersionAt, why: 'ask for PCP again' };
  }

  due(now: Instant): Outputs {
    if (this.#newerVersionAt === undefined || this.#newerVersionAt > now) return NOTHING;
    this.#interval = shorter(scale(this.#interval, 2), NEWER_VERSION_INTERVAL);
    this.#newerVersionAt = after(now, this.#interval);
    return this.#proof.ask(now);
  }

  /** In PCP, one of our requests was refused for its version. */
  refused(reply: VersionReply, now: Instant): Outputs {
    // RFC 6887 §9: it names the version we speak, so it is asked again with it.
    if (reply.version === PCP_VERSION) {
      this.#requests.hurry(now);
      return NOTHING;
    }
    if (!this.#isProven) return this.#believe(reply, now);
    this.#suspected = reply;
    return this.#proof.ask(now);
  }

  /** In NAT-PMP, something in PCP's form came: a gateway that was renewed, or anybody. */
  seenInPcp(now: Instant): Outputs {
    const isTooSoon = this.#notAnsweredAt !== undefined && between(this.#notAnsweredAt, now) < LEAST_VERSION_GAP;
    return isTooSoon ? NOTHING : this.#proof.ask(now);
  }

  /** An answer under a nonce of ours. */
  proved(now: Instant): Outputs {
    this.#isProven = true;
    this.#suspected = undefined;
    this.#notAnsweredAt = undefined;
    if (this.#isUnusable) {
      this.#isUnusable = false;
      this.#context.knowledge.forget();
    }
    return this.isNatPmp ? this.speakPcp(now) : NOTHING;
  }

  /** The question under a nonce was left unanswered. */
  notProved(now: Instant): Outputs {
    this.#notAnsweredAt = now;
    const suspected = this.#suspected;
    this.#suspected = undefined;
    return suspected === undefined ? NOTHING : this.#believe(suspected, now);
  }

  /** The time is over for which no version was shared. */
  usableAgain(): void {
    this.#isUnusable = false;
  }

  /** Other addresses: what was proved and refused there says nothing here. */
  moved(): void {
    this.#isProven = false;
    this.#suspected = undefined;
    this.#isUnusable = false;
    this.#notAnsweredAt = undefined;
  }

  speakPcp(now: Instant): Outputs {
    const { knowledge, id } = this.#context;
    knowledge.dialect = PCP_DIALECT;
    knowledge.forget();
    this.#epoch.forget();
    this.#newerVersionAt = undefined;
    const changed = { kind: 'protocol changed', server: id, protocol: 'PCP' } as const;
    // What was mapped by the other protocol has no nonce and no options: it is made anew.
    return [changed, { kind: 'server lost state', server: id }, ...this.#requests.protocolChanged(now)];
  }

  #believe(reply: VersionReply, now: Instant): Outputs {
    const { knowledge, id } = this.#context;
    if (reply.version === NAT_PMP_VERSION && this.#mayFallBack) return this.#speakNatPmp(now);
    // RFC 6887 §9: no version in common; again after min(30 min, lifetime).
    const hold = knowledge.noteUnusable(UNSUPP_VERSION, reply.lifetimeSeconds, now);
    this.#isUnusable = true;
    const refused = this.#requests.protocolChanged(now);
    const unusable = { kind: 'version unusable', server: id, version: reply.version, hold } as const;
    return [unusable, ...refused, ...this.#presence.heard(now, true)];
  }

  #speakNatPmp(now: Instant): Outputs {
    const { knowledge, liveness, id } = this.#context;
    knowledge.dialect = NAT_PMP_DIALECT;
    this.#epoch.forget();
    this.#interval = this.#isProven ? LOST_VERSION_INTERVAL : NEWER_VERSION_INTERVAL;
    this.#newerVersionAt = after(now, this.#interval);
    liveness.restart(now);
    const changed = { kind: 'protocol changed', server: id, protocol: 'NAT-PMP' } as const;
    // The external address first: grants do not carry it.
    return [changed, ...this.#presence.probeIfDue(now), ...this.#requests.protocolChanged(now)];
  }
}
