// Makes one new mapping (RFC 6970 §5.6): a place to come in, a MAP, the NAT1 rule, then the table, then the disk.
// Whatever fails takes back what was done before it.

import { ANY_IPV4 } from '../base/ip-address.ts';
import { ANY_PORT, type PortNumber } from '../base/port-number.ts';
import { ok, type Result, refused } from '../base/result.ts';
import { cutToOctets } from '../base/texts.ts';
import type { Instant } from '../base/time.ts';
import type { Maker, Mapping } from '../mapping/mapping.ts';
import type { Granted } from '../pcp/asking/map-outcome.ts';
import type { MapRequest } from '../pcp/asking/map-request.ts';
import { askForMapping, patienceUntil } from './ask-for-mapping.ts';
import { objectionToMapping } from './authorization.ts';
import type { Asker, Wish } from './gateway.ts';
import type { Interworking } from './interworking.ts';
import { applyNat1RuleUntil, nat1RuleOf } from './nat1-rule.ts';
import { type Refusal, refusal, refusalOf } from './refusal.ts';
import { firstLifetime, leaseEnd, upstreamOf } from './renewal-schedule.ts';
import { doubtedEntry } from './restore-mappings.ts';
import { descriptionFor, objectionToThirdParty, thirdPartyFor, type UpstreamPlace } from './upstream-request.ts';

export interface Asking {
  readonly asker: Asker;
  readonly wish: Wish;
  /** When the asker must have its answer. */
  readonly deadline: Instant;
}

/** Counts against the quota from the first moment on. Does not touch the disk: the caller waits for that. */
export const makeMapping = (iw: Interworking, asking: Asking): Promise<Result<Mapping, Refusal>> =>
  iw.quota.during(asking.wish.internalClient, async () => {
    const disk = iw.diskProblem();
    if (disk !== undefined) return refused(refusal('not kept', `it could not be kept: ${disk}`));
    const place = await findPlace(iw, asking);
    if (!place.ok) return place;
    const request = mapRequestFor(iw, asking, place.value);
    const made = await iw.releases.during(request, () => obtain(iw, asking, place.value, request));
    if (!made.ok && place.value.nat1Port !== undefined)
      iw.localNat?.unreserve(asking.wish.protocol, place.value.nat1Port);
    return made;
  });

async function findPlace(iw: Interworking, { wish }: Asking): Promise<Result<UpstreamPlace, Refusal>> {
  const probed = await iw.probes.takeFor(wish);
  if (iw.localNat === undefined) {
    const thirdParty = thirdPartyFor(iw, wish.internalClient);
    const why = objectionToThirdParty(iw, thirdParty);
    if (why !== undefined) return refused(refusal('cannot be mapped', why));
    return ok({ internalPort: wish.internalPort, thirdParty, nat1Port: undefined });
  }
  const obstacle = iw.localNat.obstacle();
  if (obstacle !== undefined) return refused(refusal('not carried', obstacle));
  // RFC 6970 §5.5: what the server sees is this box's address and a port of its NAT.
  const wished = wish.externalPort === ANY_PORT ? wish.internalPort : wish.externalPort;
  const nat1Port = probed?.nat1Port ?? (await iw.localNat.reserve(wish.protocol, wished));
  if (nat1Port === undefined) return refused(refusal('no port left', 'no NAT1 port is left'));
  return ok({ internalPort: nat1Port, thirdParty: undefined, nat1Port });
}

function mapRequestFor(iw: Interworking, { wish }: Asking, place: UpstreamPlace): MapRequest {
  const { protocol, externalPort, isExact } = wish;
  const server = iw.pcp.currentServer() ?? '';
  return {
    protocol,
    internalPort: place.internalPort,
    thirdParty: place.thirdParty,
    nonce: iw.nonces.nonceFor({ server, thirdParty: place.thirdParty, protocol, internalPort: place.internalPort }),
    suggestedPort: externalPort,
    // A known address helps to keep all of a host's ports on one; with PREFER_FAILURE it could only do harm.
    suggestedAddress: isExact ? ANY_IPV4 : (iw.external.ofClient(wish.internalClient) ?? ANY_IPV4),
    // RFC 6970 §5.6.1, §5.6.2: PREFER_FAILURE only where one particular port is demanded.
    exactPort: isExact,
    remotePeers: wish.remotePeers,
    lifetimeSeconds: firstLifetime(wish.leaseSeconds),
    ...descriptionFor(iw, wish.description),
  };
}

async function obtain(
  iw: Interworking,
  asking: Asking,
  place: UpstreamPlace,
  request: MapRequest,
): Promise<Result<Mapping, Refusal>> {
  const { asker, deadline } = asking;
  const patience = () => patienceUntil(deadline, iw.now(), asker.hungUp);
  const doubts = iw.doubts.count;
  const outcome = await iw.releases.asking(request, () => askForMapping(iw, request, patience));
  if (outcome.kind !== 'granted') return refused(refusalOf(outcome));
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
  // The rule takes its time. A server that lost its state meanwhile has lost this mapping as well.
  const now = iw.now();
  iw.table.put(iw.doubts.count === doubts ? mapping : doubtedEntry(mapping, now, now));
  return ok(mapping);
}

function mappingOf(
  iw: Interworking,
  { asker, wish }: Asking,
  place: UpstreamPlace,
  mapRequest: MapRequest,
  granted: Granted,
): Mapping {
  const now = iw.now();
  return {
    protocol: wish.protocol,
    // RFC 6970 §5.3: the table holds what the server says, not what was asked.
    externalPort: granted.assignedPort,
    isPublished: wish.isExact,
    remoteHost: wish.remoteHost,
    remotePeers: wish.remotePeers,
    internalClient: wish.internalClient,
    internalPort: wish.internalPort,
    description: wish.description,
    madeBy: makerOf(asker),
    createdAt: iw.wallTime(),
    leaseEndsAt: leaseEnd(now, wish.leaseSeconds),
    leaseSeconds: wish.leaseSeconds,
    nat1Port: place.nat1Port,
    upstream: upstreamOf(granted, mapRequest, now, iw.unit),
    state: 'granted',
  };
}

/** Some programs name every library they are built from; the page and the disk need the first of them. */
const MOST_OF_NAME = 128;

export const makerOf = ({ address, via, name }: Asker): Maker => ({
  address,
  via,
  name: cutToOctets(name, MOST_OF_NAME),
});

/** The server may give a port the operator does not, or one that an entry it has forgotten still stands on. */
function objectionToGrant(iw: Interworking, { asker, wish }: Asking, mapping: Mapping): Refusal | undefined {
  const assigned: PortNumber = mapping.externalPort;
  const others = iw.table.onExternalPort(mapping.protocol, assigned);
  if (
    others.some((other) => other.nat1Port !== mapping.nat1Port || !other.internalClient.equals(mapping.internalClient))
  )
    return refusal('overtaken', `the server gave port ${assigned}, which another mapping has`);
  return objectionToMapping(asker, { ...wish, externalPort: assigned }, iw.policy(), iw.macOf(wish.internalClient));
}

async function applyInTime(iw: Interworking, mapping: Mapping, deadline: Instant): Promise<Refusal | undefined> {
  const problem = await applyNat1RuleUntil(iw, mapping, deadline);
  return problem === undefined ? undefined : refusal('not carried', `NAT1: ${problem}`);
}
