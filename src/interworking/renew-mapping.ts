// One renewal, told from the request to what becomes of the entry (RFC 6970 §5.9, §5.10; RFC 6887 §11.2.1).
// The control point hears nothing of it unless the mapping moved or was lost.

import { ANY_IPV4 } from '../base/ip-address.ts';
import { after, between, durationInWords, earlier, type Instant, longer, seconds } from '../base/time.ts';
import { type Mapping, mappingKeyText } from '../mapping/mapping.ts';
import type { Granted, MapOutcome, Refused, Unanswered } from '../pcp/asking/map-outcome.ts';
import type { MapRequest } from '../pcp/asking/map-request.ts';
import { CANNOT_PROVIDE_EXTERNAL, isShortLifetimeError, resultName } from '../pcp/asking/result-code.ts';
import { acceptGrant } from './accept-grant.ts';
import { mapSomehow } from './ask-for-mapping.ts';
import type { Interworking } from './interworking.ts';
import type { Patience } from './pcp-service.ts';
import { upstreamOf } from './renewal-schedule.ts';
import { renewalRequest } from './upstream-request.ts';

/** A recovery that was refused or found no server is tried again no sooner than this. */
const RECOVERY_AGAIN = seconds(30);

export async function renewMapping(iw: Interworking, mapping: Mapping, until: Instant): Promise<void> {
  // The latest request for a mapping takes the place of the one before: a renewal must not take that of a delete.
  if (iw.releases.isUnderWay(mapping)) return;
  const request = renewalRequest(iw, mapping);
  const kind = mapping.state === 'granted' ? 'one packet' : 'keep trying';
  const turn = Symbol(mappingKeyText(mapping));
  iw.renewals.set(request.nonce, turn);
  const outcome = await ask(iw, mapping, request, { kind, until });
  const isLatest = iw.renewals.get(request.nonce) === turn;
  if (isLatest) iw.renewals.delete(request.nonce);
  const current = currentFor(iw, mapping, request);
  if (outcome.kind === 'granted') accept(iw, current, request, outcome);
  else if (current !== undefined && current.state !== 'deleting') fail(iw, current, outcome, isLatest);
}

async function ask(iw: Interworking, mapping: Mapping, request: MapRequest, patience: Patience): Promise<MapOutcome> {
  // An entry that could not follow its mapping keeps another one of ours from the port that one has published.
  if (mapping.state === 'degraded' && !request.exactPort && !(await clearTheWay(iw, mapping, request))) return DELETED;
  const first = await mapUnlessDeleted(iw, mapping, request, patience);
  if (!isConflict(first)) return first;
  // The server may have another external address since: its old one cannot be had any more (RFC 6970 §5.10).
  const anywhere = { ...request, suggestedAddress: ANY_IPV4 };
  const isAnywhere = request.suggestedAddress.equals(ANY_IPV4);
  const second = isAnywhere ? first : await mapUnlessDeleted(iw, mapping, anywhere, patience);
  if (!isConflict(second)) return second;
  // The published port is somebody else's, or our own entry stands in the way under another port, as one internal port
  // has one external port (RFC 6887 §11.3). Without it the server can give the port back; if not, any keeps the hole open.
  const isElsewhere = mapping.upstream.assignedPort !== mapping.externalPort;
  if ((second.by === 'server' || !isElsewhere) && !(await clearTheWay(iw, mapping, request))) return DELETED;
  return iw.pcp.map({ ...anywhere, exactPort: false }, patience);
}

const mapUnlessDeleted = async (
  iw: Interworking,
  mapping: Mapping,
  request: MapRequest,
  patience: Patience,
): Promise<MapOutcome> => (iw.releases.isUnderWay(mapping) ? DELETED : mapSomehow(iw, request, () => patience));

/** False: somebody has it deleted meanwhile. A MAP behind that would take the place of the delete. */
async function clearTheWay(iw: Interworking, mapping: Mapping, request: MapRequest): Promise<boolean> {
  const { protocol, internalPort, thirdParty, nonce } = request;
  await iw.pcp.release({ protocol, internalPort, thirdParty, nonce }, after(iw.now(), RECOVERY_AGAIN));
  return !iw.releases.isUnderWay(mapping);
}

const DELETED: Unanswered = { kind: 'unanswered', why: 'hung up' };

const isConflict = (outcome: MapOutcome): outcome is MapOutcome & { kind: 'refused' } =>
  outcome.kind === 'refused' && outcome.code === CANNOT_PROVIDE_EXTERNAL;

function accept(iw: Interworking, current: Mapping | undefined, request: MapRequest, outcome: Granted): void {
  // It ended meanwhile: a grant that came after the delete would leave a hole behind.
  if (current === undefined) iw.releases.giveBack(request, outcome);
  else if (current.state !== 'deleting') acceptGrant(iw, current, upstreamOf(outcome, request, iw.now(), iw.unit));
}

function fail(iw: Interworking, current: Mapping, outcome: Refused | Unanswered, isLatest: boolean): void {
  const now = iw.now();
  const why = outcome.kind === 'refused' ? `${outcome.by} says ${resultName(outcome.code)}` : outcome.why;
  iw.trouble.set(mappingKeyText(current), { why, isRefusal: outcome.kind === 'refused' });
  if (current.state === 'waiting') {
    if (isLatest) waitOn(iw, current, outcome, why);
    return;
  }
  iw.log.info(`Renewing ${mappingKeyText(current).trim()} failed`, {
    why,
    endsIn: durationInWords(between(now, current.upstream.expiresAt)),
  });
  // A renewal has its next window already, and so has an attempt that a later one took over.
  if (current.state === 'granted' || !isLatest) return;
  const hold = outcome.kind === 'refused' ? longer(outcome.hold, RECOVERY_AGAIN) : RECOVERY_AGAIN;
  const renewAt = earlier(after(now, hold), current.upstream.expiresAt);
  iw.table.put({ ...current, state: 'restoring', upstream: { ...current.upstream, renewAt } });
}

/** A server that is back and says no for long has decided; silence and passing troubles are waited out. */
function waitOn(iw: Interworking, waiting: Mapping, outcome: Refused | Unanswered, why: string): void {
  const now = iw.now();
  const hasDecided = outcome.kind === 'refused' && outcome.by === 'server' && !isShortLifetimeError(outcome.code);
  if (hasDecided) {
    iw.table.remove(waiting, 'lost', `the PCP server is back and does not give it: ${why}`);
    return;
  }
  const hold = outcome.kind === 'refused' ? longer(outcome.hold, RECOVERY_AGAIN) : RECOVERY_AGAIN;
  iw.table.put({ ...waiting, upstream: { ...waiting.upstream, renewAt: after(now, hold) } });
}

/** The entry the answer is about: it may have moved to another external port, or be there for somebody else. */
function currentFor(iw: Interworking, asked: Mapping, request: MapRequest): Mapping | undefined {
  const isSame = (mapping: Mapping): boolean =>
    mapping.internalClient.equals(asked.internalClient) &&
    mapping.protocol === request.protocol &&
    mapping.upstream.internalPort === request.internalPort;
  const found = iw.table.find(asked);
  return found !== undefined && isSame(found) ? found : iw.table.withNonce(request.nonce).find(isSame);
}

/** Undefined: nobody said no. */
export function refusalOf(iw: Interworking, mapping: Mapping): string | undefined {
  const trouble = iw.trouble.get(mappingKeyText(mapping));
  return trouble?.isRefusal === true ? trouble.why : undefined;
}
