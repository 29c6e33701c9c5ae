// The core's only word for no: a closed list of reasons, each with a sentence for people. No number of any protocol
// stands here. Each door has one table from these reasons to what it says on its wire (`lan/igd/upnp-refusal.ts`).

import type { Refused, Unanswered } from '../pcp/asking/map-outcome.ts';
import { type ResultCode, resultName } from '../pcp/asking/result-code.ts';

export type Refusal =
  | {
      readonly reason: Exclude<RefusalReason, 'upstream refused'>;
      readonly why: string;
    }
  | {
      readonly reason: 'upstream refused';
      readonly why: string;
      readonly code: ResultCode;
      /** How long the server says that this holds; 0: it did not say. */
      readonly lifetimeSeconds: number;
    };

export type RefusalReason =
  /** The wish has no meaning upstream: an IPv6 client, a group of hosts. */
  | 'cannot be mapped'
  | 'wildcard client'
  | 'wildcard internal port'
  | 'wildcard external port'
  /** Rules, or somebody else's address. */
  | 'not allowed'
  /** An entry that belongs to another asker, or to the operator. */
  | 'not yours'
  | 'used by this box'
  | 'no host of ours'
  | 'too many requests'
  | 'over quota'
  | 'taken'
  | 'no port left'
  | 'no such entry'
  /** Several entries could be meant. */
  | 'ambiguous'
  | 'upstream refused'
  | 'unanswered'
  /** The packet filter cannot or must not hold the rule. */
  | 'not carried'
  /** The disk does not take it, so it would not survive a crash. */
  | 'not kept'
  /** Something else ended it meanwhile. */
  | 'overtaken';

export const refusal = (reason: Exclude<RefusalReason, 'upstream refused'>, why: string): Refusal => ({ reason, why });

export function refusalOf(outcome: Refused | Unanswered): Refusal {
  if (outcome.kind === 'unanswered') return refusal('unanswered', outcome.why);
  const { by, code, lifetimeSeconds } = outcome;
  return { reason: 'upstream refused', why: `${by} says ${resultName(code)}`, code, lifetimeSeconds };
}
