// Requests that wait for the kernel: each sets or ends one rule, or asks for a look only. They become claims when their
// transaction is written, not before, so that what nft refuses is theirs alone; and they are taken back when it does.

import type { HeldRule, Nat1Claims, RuleKey } from './nat1-claims.ts';

export type RequestId = number;

export interface RuleRequest {
  readonly id: RequestId;
  /** `held` undefined: the rule ends. The whole left out: only a look at the table. */
  readonly wish: { readonly key: RuleKey; readonly held: HeldRule | undefined } | undefined;
}

export interface ClaimedRequest extends RuleRequest {
  /** What to return to when the kernel says no. */
  readonly before: HeldRule | undefined;
}

/** `touch` hears of every element that may be another one now. */
export const claim = (
  requests: readonly RuleRequest[],
  claims: Nat1Claims,
  touch: (ids: Iterable<string>) => void,
): readonly ClaimedRequest[] =>
  requests.map((request) => {
    const { wish } = request;
    if (wish === undefined) return { ...request, before: undefined };
    const before = claims.get(wish.key);
    touch(claims.set(wish.key, wish.held));
    return { ...request, before };
  });

/** Newest first. A rule that was to end stays ended: the next check removes what nobody claims. */
export function takeBack(
  requests: readonly ClaimedRequest[],
  claims: Nat1Claims,
  touch: (ids: Iterable<string>) => void,
): void {
  for (const { wish, before } of [...requests].reverse()) {
    if (wish?.held !== undefined && claims.get(wish.key) === wish.held) touch(claims.set(wish.key, before));
  }
}

/** One rule that nft refuses fails its whole transaction: the others are found by halving. */
export function halves(requests: readonly RuleRequest[]): readonly (readonly RuleRequest[])[] {
  const middle = Math.ceil(requests.length / 2);
  return [requests.slice(0, middle), requests.slice(middle)].filter((half) => half.length > 0);
}
