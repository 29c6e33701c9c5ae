// What a MAP response means: for the request it answers, for the release it answers, or for a mapping we hold
// (RFC 6887 §11.4, §11.5, §13.2, §15). Pure: the mapping requester does what follows.

import { ANY_IPV4, type IpAddress } from '../../base/ip-address.ts';
import type { PortNumber } from '../../base/port-number.ts';
import { after, before, between, type Duration, hours, type Instant, seconds, shorter } from '../../base/time.ts';
import type { MapForm, MapReply } from './dialect.ts';
import type { HeldMapping } from './held-mappings.ts';
import type { MappingUpdate } from './map-outcome.ts';
import type { MapRequest } from './map-request.ts';
import { EXCESSIVE_REMOTE_PEERS, MALFORMED_OPTION, NO_RESOURCES, SUCCESS, UNSUPP_OPTION } from './result-code.ts';

export interface GrantVerdict {
  readonly kind: 'granted';
  readonly assignedAddress: IpAddress;
  readonly assignedPort: PortNumber;
  readonly lifetime: Duration;
}

export type MapVerdict =
  | GrantVerdict
  | { readonly kind: 'refused' }
  /** Not what was asked. The right answer may still come. */
  | { readonly kind: 'another port' }
  /** Not what was asked, and nothing else will come: PREFER_FAILURE is emulated. */
  | { readonly kind: 'conflict' }
  /** The server's answer to an earlier deletion. */
  | { readonly kind: 'stale' }
  | { readonly kind: 'ask again'; readonly form: MapForm; readonly without: 'PREFER_FAILURE' | 'FILTER reset' };

export type ReleaseVerdict =
  /** The answer to an earlier MAP. */
  | { readonly kind: 'copy' }
  /** `busyFor`: outbound traffic keeps the mapping as long (RFC 6887 §15). */
  | { readonly kind: 'gone'; readonly busyFor: Duration; readonly isGrant: boolean }
  | { readonly kind: 'refused' };

// RFC 6887 §15: a client should not believe absurd lifetimes (static mappings say 2^32-1), so it looks again after a day.
const LONGEST_BELIEVED = hours(24);

/** Lifetimes are whole seconds. */
const ROUNDING = seconds(2);

/** We do not expect copies that come later than this. */
const LONGEST_UNDER_WAY = seconds(10);

export const believedLifetime = (lifetimeSeconds: number): Duration =>
  shorter(seconds(lifetimeSeconds), LONGEST_BELIEVED);

export function judgeMapAnswer(
  request: MapRequest,
  form: MapForm,
  reply: MapReply,
  server: { readonly externalAddress: IpAddress | undefined; readonly emulatesPreferFailure: boolean },
): MapVerdict {
  if (reply.code !== SUCCESS) return judgeRefusal(request, form, reply, server.emulatesPreferFailure);
  if (reply.lifetimeSeconds === 0) return { kind: 'stale' };
  const assignedAddress = reply.assignedAddress ?? server.externalAddress ?? ANY_IPV4;
  if (request.exactPort && !isAsAsked(request, reply))
    return { kind: form.preferFailure ? 'another port' : 'conflict' };
  const lifetime = believedLifetime(reply.lifetimeSeconds);
  return { kind: 'granted', assignedAddress, assignedPort: reply.assignedPort, lifetime };
}

/** RFC 6887 §13.2: port and, where one was suggested, address. */
function isAsAsked(request: MapRequest, reply: MapReply): boolean {
  if (reply.assignedPort !== request.suggestedPort) return false;
  if (request.suggestedAddress.isUnspecified || reply.assignedAddress === undefined) return true;
  return reply.assignedAddress.equals(request.suggestedAddress);
}

function judgeRefusal(request: MapRequest, form: MapForm, reply: MapReply, emulates: boolean): MapVerdict {
  if (reply.code === UNSUPP_OPTION && form.preferFailure && emulates) {
    return { kind: 'ask again', form: { ...form, preferFailure: false }, without: 'PREFER_FAILURE' };
  }
  const isAboutFilters = reply.code === EXCESSIVE_REMOTE_PEERS || reply.code === MALFORMED_OPTION;
  // RFC 6887 §13.3: servers need only take one FILTER. Then only the one that counts is sent.
  if (isAboutFilters && form.resetFilters && request.remotePeers.length > 0) {
    return { kind: 'ask again', form: { ...form, resetFilters: false }, without: 'FILTER reset' };
  }
  return { kind: 'refused' };
}

/** `mayMeetLateGrant`: a MAP for the same mapping was sent before the release and not answered yet. */
export function judgeReleaseAnswer(
  reply: MapReply,
  held: HeldMapping | undefined,
  mayMeetLateGrant: boolean,
  now: Instant,
): ReleaseVerdict {
  const isSuccess = reply.code === SUCCESS;
  const isGrant = isSuccess && reply.lifetimeSeconds > 0 && reply.assignedPort !== 0;
  if (isGrant && (mayMeetLateGrant || isCopyOfGrant(held, reply, now))) return { kind: 'copy' };
  if (isSuccess) return { kind: 'gone', busyFor: seconds(reply.lifetimeSeconds), isGrant };
  // Some servers answer NO_RESOURCES for a mapping they do not have: it is gone as well.
  return reply.code === NO_RESOURCES ? { kind: 'gone', busyFor: seconds(0), isGrant } : { kind: 'refused' };
}

/** The answer to a deletion may say how long traffic keeps the mapping (RFC 6887 §15); a copy of the grant looks like it. */
function isCopyOfGrant(held: HeldMapping | undefined, reply: MapReply, now: Instant): boolean {
  if (held === undefined || held.grant.lifetimeSeconds !== reply.lifetimeSeconds) return false;
  return between(held.grant.receivedAt, now) < LONGEST_UNDER_WAY;
}

/** RFC 6887 §11.5: what the server changed by itself. Undefined: nothing new. */
export function judgeUpdate(held: HeldMapping, reply: MapReply, now: Instant): MappingUpdate['change'] | undefined {
  const { code, lifetimeSeconds, assignedPort } = reply;
  if (code !== SUCCESS) return held.refusedWith === code ? undefined : { kind: 'refused', code, lifetimeSeconds };
  // An earlier deletion was answered. If it arrived behind the grant, it took this mapping with it.
  if (lifetimeSeconds === 0) return { kind: 'doubted' };
  const lifetime = believedLifetime(lifetimeSeconds);
  const assignedAddress = reply.assignedAddress ?? held.assignedAddress;
  // RFC 6887 §8.3 allows several answers to one request: we go by the one that ends first.
  const isShorter = after(now, lifetime) < before(held.expiresAt, ROUNDING);
  const isSame = assignedPort === held.assignedPort && assignedAddress.equals(held.assignedAddress);
  return isSame && !isShorter ? undefined : { kind: 'granted', assignedAddress, assignedPort, lifetime };
}
