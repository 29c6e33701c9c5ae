// Notices when searches no longer reach us. Now and then it searches for our own root, as any control point on the LAN
// would; its answer shows that sending, membership, hearing and answering all work on this interface. What it cannot see
// is a switch that forgot our membership: there, only the silence of everybody else speaks, and joining again is cheap.

import type { Machine, Wake } from '../../base/machine.ts';
import { after, between, type Instant, minutes, seconds } from '../../base/time.ts';

export type SearchWatchdogOutput =
  | { readonly kind: 'ask' }
  | { readonly kind: 'rejoin'; readonly why: 'unanswered' | 'quiet' }
  | { readonly kind: 'answered again' };

type State =
  | { readonly state: 'off' }
  | { readonly state: 'content'; readonly at: Instant }
  | { readonly state: 'asking'; readonly at: Instant; readonly asked: number };

/** How long an interface that came back under the same address may leave us deaf; costs one small datagram. */
const ASK_EVERY = minutes(2);
/** The search says MX 1: an answer later than this is lost. */
const ANSWER_WITHIN = seconds(3);
/** One lost datagram is no failure. */
const ASK_AT_MOST = 2;
/** Snooping switches forget a member after 260 s without a report (RFC 3376 §8.4), so a silence this long is worth one. */
const QUIET_AFTER = minutes(15);

export class SearchWatchdog implements Machine<SearchWatchdogOutput> {
  #state: State = { state: 'off' };
  #isDeaf = false;
  #heardOthersAt: Instant | undefined;

  handleStart(now: Instant): readonly SearchWatchdogOutput[] {
    this.#heardOthersAt = now;
    this.#state = { state: 'content', at: after(now, ASK_EVERY) };
    return [];
  }

  /** A search of another machine came in. */
  handleOthersSearch(now: Instant): readonly SearchWatchdogOutput[] {
    this.#heardOthersAt = now;
    return [];
  }

  /** Our own search was answered. */
  handleAnswer(now: Instant): readonly SearchWatchdogOutput[] {
    if (this.#state.state !== 'asking') return [];
    this.#state = { state: 'content', at: after(now, ASK_EVERY) };
    if (this.#isDeaf) {
      this.#isDeaf = false;
      return [{ kind: 'answered again' }];
    }
    if (between(this.#heardOthersAt ?? now, now) < QUIET_AFTER) return [];
    this.#heardOthersAt = now;
    return [{ kind: 'rejoin', why: 'quiet' }];
  }

  nextWake(): Wake | undefined {
    return this.#state.state === 'off' ? undefined : { at: this.#state.at, why: 'check that searches reach us' };
  }

  handleTimeout(now: Instant): readonly SearchWatchdogOutput[] {
    if (this.#state.state === 'off' || this.#state.at > now) return [];
    const asked = this.#state.state === 'asking' ? this.#state.asked : 0;
    if (asked < ASK_AT_MOST) {
      this.#state = { state: 'asking', at: after(now, ANSWER_WITHIN), asked: asked + 1 };
      return [{ kind: 'ask' }];
    }
    this.#isDeaf = true;
    this.#state = { state: 'content', at: after(now, ASK_EVERY) };
    return [{ kind: 'rejoin', why: 'unanswered' }];
  }
}
