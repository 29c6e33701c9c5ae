// How long to wait for an answer before asking again (RFC 6887 §8.1.1, RFC 6886 §3.1). Pure: the random unit comes in.

import { type Duration, milliseconds, scale, seconds, shorter } from '../../base/time.ts';

export interface RetransmissionRule {
  /** IRT. */
  readonly initial: Duration;
  /** MRT. */
  readonly most: Duration;
  /** Half the width of RAND, which is uniform around 0. */
  readonly jitter: number;
  /** MRC: packets to one address of a server before it counts as silent (RFC 7488 §3). */
  readonly tries: number;
}

export const PCP_RETRANSMISSION: RetransmissionRule = {
  initial: seconds(3),
  most: seconds(1024),
  jitter: 0.1,
  tries: 4,
};

/** RFC 6886 §3.1: 250 ms, doubling, nine packets, the last wait 64 s. */
export const NAT_PMP_RETRANSMISSION: RetransmissionRule = {
  initial: milliseconds(250),
  most: seconds(64),
  jitter: 0,
  tries: 9,
};

/** `previous` is undefined for the first packet; `unit` is drawn anew for each (RFC 6887 §8.1.1). */
export function timeoutAfter(rule: RetransmissionRule, previous: Duration | undefined, unit: number): Duration {
  const rand = (2 * unit - 1) * rule.jitter;
  const base = previous === undefined ? rule.initial : shorter(scale(previous, 2), rule.most);
  return scale(base, 1 + rand);
}
