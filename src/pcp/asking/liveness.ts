// Whether a server is there, at which of its addresses, and when to ask it. RFC 6887 §14.1.1: a unicast ANNOUNCE changes
// nothing and shows the epoch. A round of tries decides about an address (RFC 7488 §3); between rounds, single packets look for
// a server that is down.

import { earliestWake, type Wake } from '../../base/machine.ts';
import { after, between, type Duration, type Instant, minutes, scale, seconds, shorter } from '../../base/time.ts';
import { AddressChoice, type ServerAddress } from './address-order.ts';
import { type RetransmissionRule, timeoutAfter } from './dialect.ts';

export type Health = 'up' | 'unknown' | 'down';

// | state   | event                                        | becomes                                         |
// |---------|----------------------------------------------|-------------------------------------------------|
// | unheard | asked                                        | asking                                          |
// | asking  | an answer                                    | up                                              |
// | asking  | all tries used up, and its silence says much | asking at the next address; after the last, down |
// | asking  | all tries used up otherwise                  | what it was before, asked again 15 min later    |
// | up      | quiet for 45 s, or in doubt                  | asking                                          |
// | down    | 15 min, or in doubt                          | asking                                          |
// | down    | the next search, or somebody wants it        | down, with a single packet out                  |
// | any     | heard                                        | up                                              |

/** Not heard yet at the addresses it has now. `mute`: it left a whole round of questions unanswered then. */
interface Unheard {
  readonly kind: 'unheard';
  readonly mute: Instant | undefined;
}

/** `mute`: when it left a whole round of questions unanswered, although it is there. */
interface Up {
  readonly kind: 'up';
  readonly heardAt: Instant;
  readonly mute: Instant | undefined;
}

interface Down {
  readonly kind: 'down';
  readonly nextRoundAt: Instant;
  readonly nextSearchAt: Instant;
  /** When somebody last wanted it, until a packet leaves for that. */
  readonly demandedAt: Instant | undefined;
  /** When the last single packet left. An answer to it is one to a question of ours. */
  readonly askedAt: Instant | undefined;
}

/** A round of tries, which decides about an address (RFC 7488 §3). */
interface Asking {
  readonly kind: 'asking';
  readonly before: Unheard | Up | Down;
  readonly startedAt: Instant;
  readonly attempts: number;
  readonly timeout: Duration | undefined;
  readonly dueAt: Instant;
}

/** With a retransmission after 3 s, a silent restart shows within a minute even when the first packet is lost. */
const QUIET_INTERVAL = seconds(45);
const QUIET_JITTER = 0.2;
/** RFC 7488 §3: how often a server is tried that was silent at all its addresses. Also the pace when nothing is at stake. */
const ROUND_INTERVAL = minutes(15);
/** A server that just refused may be restarting. While mappings depend on it, we look for it soon, then less and less often. */
const FIRST_SEARCH = seconds(5);
/** Control points that ask while the server is down make us look for it no more often than this. */
const LEAST_DEMAND_GAP = seconds(10);
/** ICMP errors, which may be forged, make us ask the server no more often than this. */
const LEAST_DOUBT_GAP = seconds(3);
/** After this time we do not expect an answer any more. */
const LONG_ROUND_TRIP = seconds(1);

export class Liveness {
  #choice: AddressChoice;
  #state: Unheard | Up | Down | Asking = { kind: 'unheard', mute: undefined };
  /** Kept over all states: when the server was last heard, and whether it was at the address in use. */
  #heardAt: Instant | undefined;
  #hasAnswered = false;
  /** Whether it ever answered the question itself: only then does its silence on it mean something. */
  #answersAsked = false;
  #lastSentAt: Instant | undefined;
  #search: Duration = FIRST_SEARCH;
  #jitter = 0;

  constructor(addresses: readonly ServerAddress[]) {
    this.#choice = new AddressChoice(addresses);
  }

  get choice(): AddressChoice {
    return this.#choice;
  }

  get health(): Health {
    const state = this.#settledState;
    return state.kind === 'unheard' ? 'unknown' : state.kind;
  }

  get heardAt(): Instant | undefined {
    return this.#heardAt;
  }

  /** Whether the server was heard at the address that is used now. */
  get hasAnswered(): boolean {
    return this.#hasAnswered;
  }

  isAsking(): boolean {
    const state = this.#state;
    return state.kind === 'asking' || (state.kind === 'down' && state.askedAt !== undefined);
  }

  /** When the only packet so far was sent: its answer shows the round-trip time (Karn's rule). */
  askedOnceAt(): Instant | undefined {
    const state = this.#state;
    if (state.kind === 'asking') return state.attempts === 1 ? this.#lastSentAt : undefined;
    return state.kind === 'down' ? state.askedAt : undefined;
  }

  /** Starts a round unless one is under way. */
  ask(now: Instant): void {
    if (this.#state.kind !== 'asking') this.#state = newRound(this.#state, now);
  }

  /** RFC 5927 §4: an ICMP error is a reason to ask, not a reason to believe that nobody is there. */
  doubt(now: Instant): void {
    if (!this.#wasSentWithin(LEAST_DOUBT_GAP, now)) this.ask(now);
  }

  /** Starts over: at another address, or in another protocol. */
  restart(now: Instant): void {
    this.#hasAnswered = false;
    this.#state = newRound(this.#settledState, now);
  }

  /** Other addresses, perhaps in another network: what was found out about the server may not hold there. */
  reset(addresses: readonly ServerAddress[], now: Instant): void {
    this.#choice = new AddressChoice(addresses);
    this.#state = { kind: 'unheard', mute: undefined };
    this.restart(now);
  }

  /** Whether a server that is down can be looked for now, because somebody wants it. */
  canBeDemanded(now: Instant): boolean {
    return this.health === 'down' && !this.#wasSentWithin(LEAST_DEMAND_GAP, now);
  }

  /** Somebody wants the server. */
  demand(now: Instant): void {
    if (!this.canBeDemanded(now)) return;
    this.#changeDown((down) => ({ ...down, demandedAt: now }));
  }

  /** An answer may come at any moment. */
  wasJustAsked(now: Instant): boolean {
    return this.#wasSentWithin(LONG_ROUND_TRIP, now);
  }

  /** `isAnswered`: what came answers the open question, if any. Otherwise we go on asking it. */
  heard(now: Instant, unit: number, isAnswered: boolean): void {
    this.#choice.answered();
    this.#heardAt = now;
    this.#hasAnswered = true;
    this.#search = FIRST_SEARCH;
    this.#jitter = unit;
    const before = this.#settledState;
    const mute = isAnswered || before.kind === 'down' ? undefined : before.mute;
    const up: Up = { kind: 'up', heardAt: now, mute };
    this.#state = this.#state.kind === 'asking' && !isAnswered ? { ...this.#state, before: up } : up;
  }

  /** The server answered the question itself. From now on its silence on it means something. */
  noteAnswered(): void {
    this.#answersAsked = true;
  }

  /** RFC 7488 §3: nothing was heard at this address. The next one is tried; after the last one, the server is down. */
  handleSilence(now: Instant): 'line up' | 'line down' {
    if (this.#choice.next()) {
      this.restart(now);
      return 'line up';
    }
    const before = this.#settledState;
    this.#state = {
      kind: 'down',
      nextRoundAt: after(now, ROUND_INTERVAL),
      nextSearchAt: after(now, this.#search),
      demandedAt: before.kind === 'down' ? before.demandedAt : undefined,
      askedAt: undefined,
    };
    return 'line down';
  }

  /** What there is to do now; asked until it says "nothing". `isWatched`: mappings or requests depend on the server. */
  due(now: Instant, isWatched: boolean, rule: RetransmissionRule): 'send' | 'address failed' | 'nothing' {
    const wake = this.nextWake(isWatched);
    if (wake === undefined || wake.at > now) return 'nothing';
    const state = this.#state;
    if (state.kind === 'asking') {
      if (state.attempts < rule.tries) return 'send';
      if (this.#isSilence(state)) return 'address failed';
      const { before } = state;
      this.#state = before.kind === 'down' ? before : { ...before, mute: now };
      return 'nothing';
    }
    if (state.kind !== 'down' || state.nextRoundAt <= now) this.ask(now);
    return 'send';
  }

  sent(now: Instant, rule: RetransmissionRule, unit: number): void {
    this.#lastSentAt = now;
    this.#changeDown((down) => ({ ...down, demandedAt: undefined }));
    const state = this.#state;
    if (state.kind === 'asking') {
      const timeout = timeoutAfter(rule, state.timeout, unit);
      this.#state = { ...state, attempts: state.attempts + 1, timeout, dueAt: after(now, timeout) };
      return;
    }
    this.#search = shorter(scale(this.#search, 2), QUIET_INTERVAL);
    this.#changeDown((down) => ({ ...down, askedAt: now, nextSearchAt: after(now, this.#search) }));
  }

  nextWake(isWatched: boolean): Wake | undefined {
    const state = this.#state;
    switch (state.kind) {
      case 'asking':
        return { at: state.dueAt, why: 'ask whether the PCP server is there' };
      case 'down': {
        const candidates = [state.nextRoundAt, state.demandedAt, isWatched ? state.nextSearchAt : undefined];
        return earliestWake(
          candidates.map((at) => (at === undefined ? undefined : { at, why: 'look for the PCP server again' })),
        );
      }
      case 'unheard':
        return state.mute === undefined ? undefined : lookAgain(after(state.mute, ROUND_INTERVAL));
      case 'up': {
        const quick = scale(QUIET_INTERVAL, 1 - QUIET_JITTER * this.#jitter);
        const isQuick = isWatched && state.mute === undefined;
        return lookAgain(after(state.mute ?? state.heardAt, isQuick ? quick : ROUND_INTERVAL));
      }
    }
  }

  /** The state without the round that may be under way. */
  get #settledState(): Unheard | Up | Down {
    return this.#state.kind === 'asking' ? this.#state.before : this.#state;
  }

  #changeDown(change: (down: Down) => Down): void {
    const state = this.#state;
    if (state.kind === 'down') this.#state = change(state);
    if (state.kind === 'asking' && state.before.kind === 'down')
      this.#state = { ...state, before: change(state.before) };
  }

  #wasSentWithin(span: Duration, now: Instant): boolean {
    return this.#lastSentAt !== undefined && between(this.#lastSentAt, now) < span;
  }

  /** Some servers answer MAP only. Once they were heard otherwise, their silence on this question says nothing. */
  #isSilence(round: Asking): boolean {
    if (this.#heardAt === undefined) return true;
    return this.#heardAt <= round.startedAt && this.#answersAsked;
  }
}

const newRound = (before: Unheard | Up | Down, now: Instant): Asking => ({
  kind: 'asking',
  before,
  startedAt: now,
  attempts: 0,
  timeout: undefined,
  dueAt: now,
});

const lookAgain = (at: Instant): Wake => ({ at, why: 'see whether the PCP server is still the same' });
