// How long and how insistently a MAP is asked for. The session above turns a hang-up into `cancel`.

import type { Duration, Instant } from '../../base/time.ts';

export type Patience =
  /** Somebody waits: retransmit (RFC 6887 §8.1.1), give up after the budget and withdraw. */
  | { readonly kind: 'answer within'; readonly budget: Duration }
  /** A renewal: one packet (RFC 6887 §11.2.1). */
  | { readonly kind: 'one packet'; readonly until: Instant }
  /** A recovery. */
  | { readonly kind: 'keep trying'; readonly until: Instant };
