// What a MAP response means for the request it answers (RFC 6887 §11.4, §13.2). Pure: what follows is done by the
// conversation.

import { ANY_IPV4, type IpAddress } from '../../base/ip-address.ts';
import type { PortNumber } from '../../base/port-number.ts';
import { type Duration, hours, seconds, shorter } from '../../base/time.ts';
import type { MapForm, MapReply } from './dialect.ts';
import type { MapRequest } from './map-request.ts';
import { EXCESSIVE_REMOTE_PEERS, MALFORMED_OPTION, SUCCESS, UNSUPP_OPTION } from './result-code.ts';

export type Verdict =
  | {
      readonly kind: 'granted';
      readonly assignedAddress: IpAddress;
      readonly assignedPort: PortNumber;
      readonly lifetime: Duration;
    }
  | { readonly kind: 'refused' }
  /** Not what was asked; the right answer may still come. */
  | { readonly kind: 'another port' }
  /** Not what was asked, and nothing else will come: an emulated PREFER_FAILURE. */
  | { readonly kind: 'conflict' }
  /** The server's answer to an earlier deletion. */
  | { readonly kind: 'stale' }
  | { readonly kind: 'ask again'; readonly form: MapForm; readonly without: 'PREFER_FAILURE' | 'FILTER reset' };

// RFC 6887 §15: a client should not believe absurd lifetimes (static mappings say 2^32-1), so it looks again after a day.
const LONGEST_BELIEVED = hours(24);

export const believedLifetime = (lifetimeSeconds: number): Duration =>
  shorter(seconds(lifetimeSeconds), LONGEST_BELIEVED);

export function judgeAnswer(
  request: MapRequest,
  form: MapForm,
  reply: MapReply,
  server: { readonly externalAddress: IpAddress | undefined; readonly emulatesPreferFailure: boolean },
): Verdict {
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

function judgeRefusal(request: MapRequest, form: MapForm, reply: MapReply, emulates: boolean): Verdict {
  if (reply.code === UNSUPP_OPTION && form.preferFailure && emulates) {
    return { kind: 'ask again', form: { ...form, preferFailure: false }, without: 'PREFER_FAILURE' };
  }
  const isAboutFilters = reply.code === EXCESSIVE_REMOTE_PEERS || reply.code === MALFORMED_OPTION;
  // Servers need only take one FILTER (RFC 6887 §13.3): the one that counts goes alone then.
  if (isAboutFilters && form.resetFilters && request.remotePeers.length > 0) {
    return { kind: 'ask again', form: { ...form, resetFilters: false }, without: 'FILTER reset' };
  }
  return { kind: 'refused' };
}
