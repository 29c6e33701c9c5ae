// How long the PCP server is asked for so that a lease is kept (RFC 6970 §5.9), and what is left to tell an asker.

import { after, between, type Instant, inSeconds, seconds } from '../base/time.ts';
import { LONGEST_LIFETIME_SECONDS } from '../pcp/asking/map-request.ts';

/** RFC 6887 §15: servers grant no less, so asking for less only shortens what a renewal buys. */
const SHORTEST_RENEWAL_SECONDS = 120;

export const leaseEnd = (now: Instant, leaseSeconds: number): Instant | undefined =>
  leaseSeconds === 0 ? undefined : after(now, seconds(leaseSeconds));

/** What Get… tells: counts down, never reaches 0 while the entry lives; 0 for endless. */
export const leaseLeft = (leaseEndsAt: Instant | undefined, now: Instant): number =>
  leaseEndsAt === undefined ? 0 : Math.max(1, Math.ceil(inSeconds(between(now, leaseEndsAt))));

// RFC 6970 §5.9 asks for 4294967296 for an endless lease: it does not fit in 32 bits, and 0 would delete.
export const firstLifetime = (leaseSeconds: number): number =>
  leaseSeconds === 0 ? LONGEST_LIFETIME_SECONDS : Math.min(leaseSeconds, LONGEST_LIFETIME_SECONDS);

/** A renewal asks for what is left, so that the server's entry does not outlive the lease by much. */
export function renewalLifetime(leaseEndsAt: Instant | undefined, now: Instant): number {
  if (leaseEndsAt === undefined) return LONGEST_LIFETIME_SECONDS;
  const left = Math.ceil(inSeconds(between(now, leaseEndsAt)));
  return Math.min(Math.max(left, SHORTEST_RENEWAL_SECONDS), LONGEST_LIFETIME_SECONDS);
}
