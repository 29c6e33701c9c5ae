// When an entry is looked at again after a grant, and what the table keeps of a grant (RFC 6887 §11.2.1).

import {
  after,
  between,
  type Duration,
  earlier,
  hours,
  type Instant,
  inSeconds,
  minutes,
  scale,
  seconds,
  shorter,
} from '../base/time.ts';
import type { Upstream } from '../mapping/mapping.ts';
import type { Granted } from '../pcp/asking/map-outcome.ts';
import { LONGEST_LIFETIME_SECONDS, type MapRequest } from '../pcp/asking/map-request.ts';
import { firstRenewal, nextRenewal } from '../pcp/asking/renewal-time.ts';

/** A published port that went to somebody else: not asked for more often than this, nor less often than that. */
const FIRST_RETURN = minutes(1);
const LONGEST_RETURN = hours(1);

export function upstreamOf(granted: Granted, request: MapRequest, now: Instant, random: () => number): Upstream {
  return {
    server: granted.server,
    nonce: request.nonce,
    internalAddress: granted.internalAddress,
    internalPort: request.internalPort,
    isThirdParty: request.thirdParty !== undefined,
    assignedAddress: granted.assignedAddress,
    assignedPort: granted.assignedPort,
    ...freshSchedule(now, granted.lifetime, random),
  };
}

type Schedule = Pick<Upstream, 'grantedAt' | 'expiresAt' | 'renewAt' | 'window'>;

export function freshSchedule(now: Instant, lifetime: Duration, random: () => number): Schedule {
  const expiresAt = after(now, lifetime);
  const first = firstRenewal(now, lifetime, random());
  return { grantedAt: now, expiresAt, renewAt: first?.renewAt ?? expiresAt, window: 1 };
}

/** The window after the one that is used now; past the last one, the end of the lifetime. */
export function nextWindow(upstream: Upstream, now: Instant, random: () => number): Upstream {
  const lifetime = between(upstream.grantedAt, upstream.expiresAt);
  const next = nextRenewal(upstream.grantedAt, lifetime, { window: upstream.window, sentAt: now }, random());
  return { ...upstream, renewAt: next?.renewAt ?? upstream.expiresAt, window: next?.window ?? upstream.window + 1 };
}

/** Attempts to get a published port back: 1 min, 2 min, 4 min … apart, and never later than the renewal. */
export function returnAttempt(upstream: Upstream, now: Instant, attempt: number): Instant {
  const wait = shorter(scale(FIRST_RETURN, 2 ** Math.min(attempt - 1, 10)), LONGEST_RETURN);
  return earlier(after(now, wait), upstream.renewAt);
}

// How long the PCP server is asked for so that a lease is kept (RFC 6970 §5.9), and what is left to tell an asker.

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
