// One MAP and what it takes to be sure of its answer: an exact port is checked, emulated where the server cannot
// promise it, and given back when it is another one. Nothing is kept here.

import { between, type Instant, longer, milliseconds } from '../base/time.ts';
import type { MapOutcome } from '../pcp/asking/map-outcome.ts';
import type { MapRequest } from '../pcp/asking/map-request.ts';
import {
  CANNOT_PROVIDE_EXTERNAL,
  EXCESSIVE_REMOTE_PEERS,
  MALFORMED_OPTION,
  UNSUPP_OPTION,
} from '../pcp/asking/result-code.ts';
import type { Interworking } from './interworking.ts';
import type { Patience } from './pcp-service.ts';

/** What of a control point's patience is left at `now`. */
export const patienceUntil = (deadline: Instant, now: Instant, hungUp: AbortSignal | undefined): Patience => ({
  kind: 'answer within',
  budget: longer(between(now, deadline), milliseconds(0)),
  ...(hungUp === undefined ? {} : { hungUp }),
});

/** For a mapping yet to be made: the port that was asked for, or nothing. */
export async function askForMapping(
  iw: Interworking,
  request: MapRequest,
  patience: () => Patience,
): Promise<MapOutcome> {
  const outcome = await mapSomehow(iw, request, patience);
  return request.exactPort ? exactOrNothing(iw, request, outcome) : outcome;
}

/**
 * Without the options the server lacks, where something else does their work: NAT1 keeps strangers out as FILTER would,
 * and PREFER_FAILURE is emulated, if the operator wants that, by looking at the port one gets.
 */
export async function mapSomehow(iw: Interworking, request: MapRequest, patience: () => Patience): Promise<MapOutcome> {
  const canDropPeers = request.remotePeers.length > 0 && iw.localNat !== undefined;
  if (canDropPeers && !iw.pcp.canFilterRemotePeers()) return mapSomehow(iw, withoutPeers(request), patience);
  if (patience().kind === 'answer within') await iw.serverReturn.awaited();
  const outcome = await iw.pcp.map(request, patience());
  if (outcome.kind !== 'refused') return outcome;
  if (canDropPeers && FILTER_REFUSED.includes(outcome.code)) return mapSomehow(iw, withoutPeers(request), patience);
  // RFC 6970 §4.3: UNSUPP_OPTION is how a server without PREFER_FAILURE answers.
  const canEmulate = outcome.code === UNSUPP_OPTION && request.exactPort && iw.options.emulatesPreferFailure;
  return canEmulate ? iw.pcp.map({ ...request, exactPort: false }, patience()) : outcome;
}

/** UNSUPP_OPTION does not say which option it means; the one we can do without goes first. */
const FILTER_REFUSED: readonly number[] = [UNSUPP_OPTION, MALFORMED_OPTION, EXCESSIVE_REMOTE_PEERS];

const withoutPeers = (request: MapRequest): MapRequest => ({ ...request, remotePeers: [] });

/** RFC 6887 §13.2: another port is no success for who asked for this one. Some servers give one all the same. */
function exactOrNothing(iw: Interworking, request: MapRequest, outcome: MapOutcome): MapOutcome {
  if (outcome.kind !== 'granted' || outcome.assignedPort === request.suggestedPort) return outcome;
  iw.releases.giveBack(request, outcome);
  return {
    kind: 'refused',
    server: outcome.server,
    code: CANNOT_PROVIDE_EXTERNAL,
    lifetimeSeconds: 0,
    hold: milliseconds(0),
    by: 'client',
  };
}
