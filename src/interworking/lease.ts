// What a lease means by version of the service (RFC 6970 §4.1, §5.9; WANIPConnection:2 §2.2.19), how long the PCP
// server is asked for, and what is left to tell a control point.

import { after, between, type Instant, inSeconds, seconds } from '../base/time.ts';
import { LONGEST_LIFETIME_SECONDS } from '../pcp/asking/map-request.ts';

/** A week: the most IGD:2 can promise. */
const LONGEST_LEASE_SECONDS = 604_800;
/** RFC 6887 §15: servers grant no less, so asking for less only shortens what a renewal buys. */
const SHORTEST_RENEWAL_SECONDS = 120;

/** Seconds that are promised; 0: endless. */
export function promisedLease(askedSeconds: number, igd: 1 | 2): number {
  // IGD:1: 0 is static. IGD:2: 0 is a week, and longer is clamped rather than refused: control points give up on 402.
  if (igd === 1) return askedSeconds;
  return askedSeconds === 0 ? LONGEST_LEASE_SECONDS : Math.min(askedSeconds, LONGEST_LEASE_SECONDS);
}

export const leaseEnd = (now: Instant, promisedSeconds: number): Instant | undefined =>
  promisedSeconds === 0 ? undefined : after(now, seconds(promisedSeconds));

/** What Get… tells: counts down, never reaches 0 while the entry lives; 0 for endless. */
export const leaseLeft = (leaseEndsAt: Instant | undefined, now: Instant): number =>
  leaseEndsAt === undefined ? 0 : Math.max(1, Math.ceil(inSeconds(between(now, leaseEndsAt))));

// RFC 6970 §5.9 asks for 4294967296 for an endless lease: it does not fit in 32 bits, and 0 would delete.
export const firstLifetime = (promisedSeconds: number): number =>
  promisedSeconds === 0 ? LONGEST_LIFETIME_SECONDS : Math.min(promisedSeconds, LONGEST_LIFETIME_SECONDS);

/** A renewal asks for what is left, so that the server's entry does not outlive the lease by much. */
export function renewalLifetime(leaseEndsAt: Instant | undefined, now: Instant): number {
  if (leaseEndsAt === undefined) return LONGEST_LIFETIME_SECONDS;
  const left = Math.ceil(inSeconds(between(now, leaseEndsAt)));
  return Math.min(Math.max(left, SHORTEST_RENEWAL_SECONDS), LONGEST_LIFETIME_SECONDS);
}
