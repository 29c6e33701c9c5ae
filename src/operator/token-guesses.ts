// Who showed a wrong token, at either door: the page's form and the API's bearer token share the tries. Each peer has its
// own: nobody is locked out by what somebody else guesses.

import type { IpAddress } from '../base/ip-address.ts';
import { after, type Instant, minutes } from '../base/time.ts';
import { sameSecret } from './admin-guard.ts';

/** Guessing a token of 20 letters at this pace takes longer than anybody lives. */
const MOST_FAILURES = 5;
const FAILURES_FORGOTTEN_AFTER = minutes(1);
/** Beyond that the peer that has been quiet for longest is forgotten. */
const MOST_PEERS = 256;
/** Whoever has one IPv6 address has all of its network, a /64. */
const IPV6_NETWORK_OCTETS = 8;

export type Guess = 'right' | 'wrong' | 'too many tries';

export class TokenGuesses {
  /** The latest failure last. */
  readonly #failures = new Map<string, { count: number; endsAt: Instant }>();

  judge(peer: IpAddress, given: string, token: string, now: Instant): Guess {
    const key = peer.isIPv4 ? peer.text : peer.bytes.slice(0, IPV6_NETWORK_OCTETS).join(':');
    const before = this.#failures.get(key);
    const count = before !== undefined && now < before.endsAt ? before.count : 0;
    // Not compared any more, so that the answer to the sixth try tells nothing.
    if (count >= MOST_FAILURES) return 'too many tries';
    this.#failures.delete(key);
    if (sameSecret(given, token)) return 'right';
    this.#failures.set(key, { count: count + 1, endsAt: after(now, FAILURES_FORGOTTEN_AFTER) });
    const [quietest] = this.#failures.keys();
    if (this.#failures.size > MOST_PEERS && quietest !== undefined) this.#failures.delete(quietest);
    return 'wrong';
  }
}
