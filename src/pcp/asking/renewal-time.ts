// When to renew a mapping: one packet in each of the windows 1/2-5/8, 3/4-13/16, 7/8-29/32 ... of the granted lifetime
// (RFC 6887 §11.2.1). Pure: the random number comes in, and somebody else sends the packet.

import { after, type Duration, type Instant, later, scale, seconds } from '../../base/time.ts';

export interface RenewalTime {
  readonly renewAt: Instant;
  /** 1 is the first. */
  readonly window: number;
}

/** A window that was used, and when its packet went out. */
export interface UsedWindow {
  readonly window: number;
  readonly sentAt: Instant;
}

/** RFC 6887 §11.2.1: two renewal packets are never closer than this. */
const LEAST_GAP = seconds(4);

/** With a short lifetime, the first windows are over before the least gap is. Then the packet leaves as soon as it may. */
export function firstRenewal(grantedAt: Instant, lifetime: Duration, random: number): RenewalTime | undefined {
  const earliest = after(grantedAt, LEAST_GAP);
  const usual = renewalIn(1, grantedAt, lifetime, earliest, random);
  if (usual !== undefined || lifetime <= LEAST_GAP) return usual;
  return { renewAt: earliest, window: 1 };
}

/** Undefined when no window is left: the mapping will end, and must be made anew. */
export function nextRenewal(
  grantedAt: Instant,
  lifetime: Duration,
  used: UsedWindow,
  random: number,
): RenewalTime | undefined {
  const earliest = after(used.sentAt, LEAST_GAP);
  for (let window = used.window + 1; hasWindow(window, lifetime); window += 1) {
    const renewal = renewalIn(window, grantedAt, lifetime, earliest, random);
    if (renewal !== undefined) return renewal;
  }
  return undefined;
}

/** Window k begins 2^-(k+1) of the lifetime before the next one. There is none where that is less than the least gap. */
const hasWindow = (window: number, lifetime: Duration): boolean => lifetime * 2 ** -(window + 1) >= LEAST_GAP;

function renewalIn(
  window: number,
  grantedAt: Instant,
  lifetime: Duration,
  earliest: Instant,
  random: number,
): RenewalTime | undefined {
  const opens = after(grantedAt, scale(lifetime, 1 - 2 ** -window));
  const closes = after(opens, scale(lifetime, 2 ** -(window + 2)));
  const from = later(opens, earliest);
  if (from > closes) return undefined;
  return { renewAt: after(from, scale((closes - from) as Duration, random)), window };
}
