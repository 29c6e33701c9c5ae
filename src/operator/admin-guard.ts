// Who may ask the admin listener. Its address is reachable by every page in every browser of this network, so each
// request must show that it was meant for us: no foreign name in Host (DNS rebinding), no foreign Origin (cross-site).

import type { HttpRequest } from '../base/http.ts';
import { IpAddress } from '../base/ip-address.ts';
import { after, type Instant, minutes } from '../base/time.ts';

/** Undefined: welcome. Otherwise why not. */
export function unwelcomeBecause(request: HttpRequest): string | undefined {
  const host = request.headers['host'];
  if (host === undefined || !namesThisBox(host)) {
    return 'open this page by its address, such as http://127.0.0.1:5080/: other names are refused, because a foreign site could claim them';
  }
  return request.method === 'GET' || request.method === 'HEAD' ? undefined : crossSiteProblem(request);
}

/** Browsers say which site's page sends a request: in Origin, and to loopback addresses in Sec-Fetch-Site, too. */
export function crossSiteProblem({ headers }: HttpRequest): string | undefined {
  const origin = headers['origin'];
  if (origin !== undefined && origin !== `http://${headers['host']}`) return 'this request comes from another site';
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return 'this request comes from another site';
  return undefined;
}

/** An address cannot be rebound; "localhost" is always this machine. */
function namesThisBox(host: string): boolean {
  const [, bracketed, plain = ''] = /^(?:\[([^\]]+)\]|([^:]+))(?::\d{1,5})?$/.exec(host) ?? [];
  return plain.toLowerCase() === 'localhost' || IpAddress.parse(bracketed ?? plain) !== undefined;
}

/** Takes as long for a near miss as for a wild guess. */
export function sameSecret(given: string, secret: string): boolean {
  let difference = given.length ^ secret.length;
  for (let i = 0; i < secret.length; i += 1)
    difference |= secret.charCodeAt(i) ^ given.charCodeAt(i % (given.length || 1));
  return difference === 0;
}

export const bearerToken = (request: HttpRequest): string | undefined =>
  /^bearer\s+(\S+)$/i.exec(request.headers['authorization'] ?? '')?.[1];

// Who showed a wrong token, at either door: the page's form and the API's bearer token share the tries. Each peer has its
// own: nobody is locked out by what somebody else guesses.

/** Guessing a token of 20 letters at this pace takes longer than anybody lives. */
const MOST_FAILURES = 5;
const FAILURES_FORGOTTEN_AFTER = minutes(1);
/** Beyond that the peer that has been quiet for longest is forgotten. */
const MOST_PEERS = 256;
/** Whoever has one IPv6 address has all of its network, a /64. */
const IPV6_NETWORK_OCTETS = 8;

type Guess = 'right' | 'wrong' | 'too many tries';

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
