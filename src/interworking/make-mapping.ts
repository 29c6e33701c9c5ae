// Makes one new mapping (RFC 6970 §5.6): a place to come in, a MAP, the NAT1 rule, then the table, then the disk.
// Whatever fails takes back what was done before it.

import { cutToOctets } from '../base/cut-to-octets.ts';
import { ANY_IPV4 } from '../base/ip-address.ts';
import { ANY_PORT, type PortNumber } from '../base/port-number.ts';
import { ok, type Result, refused } from '../base/result.ts';
import type { Instant } from '../base/time.ts';
import type { Maker, Mapping } from '../mapping/mapping.ts';
import type { Granted, Refused } from '../pcp/asking/map-outcome.ts';
import type { MapRequest } from '../pcp/asking/map-request.ts';
import {
  CANNOT_PROVIDE_EXTERNAL,
  isShortConflict,
  isShortLifetimeError,
  resultName,
} from '../pcp/asking/result-code.ts';
import type { UpnpErrorCode } from '../upnp/upnp-error.ts';
import { askForMapping, patienceUntil } from './ask-for-mapping.ts';
import { objectionToMapping } from './authorization.ts';
import { upnpErrorOf } from './error-translation.ts';
import type { ControlPoint, PortMappingRequest } from './gateway.ts';
import type { Interworking } from './interworking.ts';
import { firstLifetime, leaseEnd, promisedLease } from './lease.ts';
import { applyNat1RuleUntil, nat1RuleOf } from './nat1-rule.ts';
import { upstreamOf } from './renewal-schedule.ts';
import { descriptionFor, objectionToThirdParty, thirdPartyFor, type UpstreamPlace } from './upstream-request.ts';

export interface Asking {
  readonly asker: ControlPoint;
  readonly request: PortMappingRequest;
  readonly action: 'AddPortMapping' | 'AddAnyPortMapping';
  /** When the control point must have its answer. */
  readonly deadline: Instant;
}

export interface Failure {
  readonly code: UpnpErrorCode;
  readonly why: string;
  /** The same request may do better in a while (RFC 6970 §5.6.1, §5.6.2). */
  readonly isWorthAResend: 'after short error' | 'after short conflict' | 'no';
}

export const failure = (code: UpnpErrorCode, why: string): Failure => ({ code, why, isWorthAResend: 'no' });

/** Counts against the quota from the first moment on. Does not touch the disk: the caller waits for that. */
export const makeMapping = (iw: Interworking, asking: Asking): Promise<Result<Mapping, Failure>> =>
  iw.quota.during(asking.request.internalClient, async () => {
    const disk = iw.diskProblem();
    if (disk !== undefined) return refused(failure(501, `it could not be kept: ${disk}`));
    const place = await findPlace(iw, asking);
    if (!place.ok) return place;
    const request = mapRequestFor(iw, asking, place.value);
    const made = await iw.releases.during(request, () => obtain(iw, asking, place.value, request));
    if (!made.ok && place.value.nat1Port !== undefined)
      iw.localNat?.unreserve(asking.request.protocol, place.value.nat1Port);
    return made;
  });

async function findPlace(iw: Interworking, { asker, request }: Asking): Promise<Result<UpstreamPlace, Failure>> {
  const probed = await iw.probes.takeFor(request);
  if (iw.localNat === undefined) {
    const thirdParty = thirdPartyFor(iw, request.internalClient);
    const why = objectionToThirdParty(iw, thirdParty);
    if (why !== undefined) return refused(failure(501, why));
    return ok({ internalPort: request.internalPort, thirdParty, nat1Port: undefined });
  }
  const obstacle = iw.localNat.obstacle();
  if (obstacle !== undefined) return refused(failure(501, obstacle));
  // RFC 6970 §5.5: what the server sees is this box's address and a port of its NAT.
  const wished = request.externalPort === ANY_PORT ? request.internalPort : request.externalPort;
  const nat1Port = probed?.nat1Port ?? (await iw.localNat.reserve(request.protocol, wished));
  if (nat1Port === undefined) return refused(failure(asker.igd === 1 ? 501 : 728, 'no NAT1 port is left'));
  return ok({ internalPort: nat1Port, thirdParty: undefined, nat1Port });
}

function mapRequestFor(iw: Interworking, { request, action, asker }: Asking, place: UpstreamPlace): MapRequest {
  const { protocol, externalPort } = request;
  const server = iw.pcp.currentServer() ?? '';
  const isExact = action === 'AddPortMapping';
  return {
    protocol,
    internalPort: place.internalPort,
    thirdParty: place.thirdParty,
    nonce: iw.nonces.nonceFor({ server, thirdParty: place.thirdParty, protocol, internalPort: place.internalPort }),
    suggestedPort: externalPort,
    // A known address helps to keep all of a host's ports on one; with PREFER_FAILURE it could only do harm.
    suggestedAddress: isExact ? ANY_IPV4 : (iw.external.ofClient(request.internalClient) ?? ANY_IPV4),
    // RFC 6970 §5.6.1, §5.6.2: PREFER_FAILURE only where one particular port is demanded.
    exactPort: isExact,
    remotePeers: request.remotePeers,
    lifetimeSeconds: firstLifetime(promisedLease(request.leaseSeconds, asker.igd)),
    ...descriptionFor(iw, request.description),
  };
}

async function obtain(
  iw: Interworking,
  asking: Asking,
  place: UpstreamPlace,
  request: MapRequest,
): Promise<Result<Mapping, Failure>> {
  const { asker, action, deadline } = asking;
  const patience = () => patienceUntil(deadline, iw.now(), asker.hungUp);
  const outcome = await askForMapping(iw, request, patience);
  if (outcome.kind === 'unanswered') return refused(failure(501, outcome.why));
  if (outcome.kind === 'refused') return refused(failureOf(outcome, action, asker.igd));
  const mapping = mappingOf(iw, asking, place, request, outcome);
  const problem =
    objectionToGrant(iw, asking, mapping) ??
    (await applyInTime(iw, mapping, deadline)) ??
    objectionToGrant(iw, asking, mapping);
  if (problem !== undefined) {
    const rule = nat1RuleOf(mapping);
    if (rule !== undefined) void iw.localNat?.remove(rule);
    iw.releases.giveBack(request, outcome);
    return refused(problem);
  }
  iw.table.put(mapping);
  return ok(mapping);
}

function mappingOf(
  iw: Interworking,
  { asker, request, action }: Asking,
  place: UpstreamPlace,
  mapRequest: MapRequest,
  granted: Granted,
): Mapping {
  const now = iw.now();
  const leaseSeconds = promisedLease(request.leaseSeconds, asker.igd);
  return {
    protocol: request.protocol,
    // RFC 6970 §5.3: the table holds what the server says, not what was asked.
    externalPort: granted.assignedPort,
    remoteHost: request.remoteHost,
    remotePeers: request.remotePeers,
    internalClient: request.internalClient,
    internalPort: request.internalPort,
    description: request.description,
    madeBy: makerOf(asker, action),
    createdAt: iw.wallTime(),
    leaseEndsAt: leaseEnd(now, leaseSeconds),
    leaseSeconds,
    nat1Port: place.nat1Port,
    upstream: upstreamOf(granted, mapRequest, now, iw.unit),
    state: 'granted',
  };
}

/** Some clients name every library they are built from; the page and the disk need the first of them. */
const MOST_OF_USER_AGENT = 128;

export const makerOf = (asker: ControlPoint, action: Asking['action']): Maker => ({
  address: asker.address,
  userAgent: cutToOctets(asker.userAgent, MOST_OF_USER_AGENT),
  by: action,
  isOperator: asker.isOperator,
  igd: asker.igd,
});

/** The server may give a port the operator does not, or one that an entry it has forgotten still stands on. */
function objectionToGrant(iw: Interworking, asking: Asking, mapping: Mapping): Failure | undefined {
  const assigned: PortNumber = mapping.externalPort;
  const others = iw.table.onExternalPort(mapping.protocol, assigned);
  if (
    others.some((other) => other.nat1Port !== mapping.nat1Port || !other.internalClient.equals(mapping.internalClient))
  )
    return failure(501, `the server gave port ${assigned}, which another mapping has`);
  const request = { ...asking.request, externalPort: assigned };
  const objection = objectionToMapping(asking.asker, request, iw.policy(), iw.macOf(request.internalClient));
  return objection === undefined ? undefined : failure(objection.code, objection.why);
}

async function applyInTime(iw: Interworking, mapping: Mapping, deadline: Instant): Promise<Failure | undefined> {
  const problem = await applyNat1RuleUntil(iw, mapping, deadline);
  return problem === undefined ? undefined : failure(501, `NAT1: ${problem}`);
}

export function failureOf(outcome: Refused, action: Asking['action'], igd: 1 | 2): Failure {
  return {
    code: upnpErrorOf(outcome.code, action, igd),
    why: `${outcome.by} says ${resultName(outcome.code)}`,
    isWorthAResend: resendOf(outcome),
  };
}

function resendOf(outcome: Refused): Failure['isWorthAResend'] {
  if (outcome.code === CANNOT_PROVIDE_EXTERNAL)
    return isShortConflict(outcome.lifetimeSeconds) ? 'after short conflict' : 'no';
  return isShortLifetimeError(outcome.code) ? 'after short error' : 'no';
}
