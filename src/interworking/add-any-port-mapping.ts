// AddAnyPortMapping (RFC 6970 §5.6.1; WANIPConnection:2 §2.5.17): the port asked for if it can be had, another if not.

import { ANY_PORT, type PortNumber } from '../base/port-number.ts';
import { ok, type Result, refused } from '../base/result.ts';
import type { Mapping } from '../mapping/mapping.ts';
import { serviceTurn } from './add-port-mapping.ts';
import { isKeptForOperator } from './authorization.ts';
import type { Answer, ControlPoint, PortMappingRequest } from './gateway.ts';
import type { Interworking } from './interworking.ts';
import { type Added, keptOrTakenBack, made, refreshed } from './kept-promise.ts';
import { type Asking, type Failure, failure, makeMapping } from './make-mapping.ts';
import { refreshMapping } from './refresh-mapping.ts';
import { objectionToCount, objectionToRequest } from './request-objection.ts';
import { withResends } from './resend.ts';

export async function addAnyPortMapping(
  iw: Interworking,
  asker: ControlPoint,
  request: PortMappingRequest,
): Promise<Answer<PortNumber>> {
  const objection = objectionToRequest(iw, asker, request, 'AddAnyPortMapping');
  if (objection !== undefined) {
    iw.refusals.tell(asker, request, objection);
    return refused(objection.code);
  }
  // The port is not known before the answer: what must not happen twice at once is the same service of the same client.
  const added = await withResends(iw, asker, (deadline) =>
    iw.turns.take(serviceTurn(request), () => addOnce(iw, { asker, request, action: 'AddAnyPortMapping', deadline })),
  );
  if (!added.ok) {
    iw.refusals.tell(asker, request, added.error);
    return refused(added.error.code);
  }
  const kept = await keptOrTakenBack(iw, asker, request, added.value);
  return kept.ok ? ok(added.value.mapping.externalPort) : kept;
}

async function addOnce(iw: Interworking, asking: Asking): Promise<Result<Added, Failure>> {
  const existing = entryThatServes(iw, asking.request);
  if (existing !== undefined && isKeptForOperator(asking.asker, existing)) return refreshed(ok(existing));
  if (existing !== undefined) return refreshed(await refreshMapping(iw, existing, asking));
  const twin = iw.localNat === undefined ? sameService(iw, asking.request)[0] : undefined;
  if (twin !== undefined) return refused(failure(728, `the server maps ${twin.internalPort} for another remote host`));
  const { request } = asking;
  const tooMany = objectionToCount(iw, asking.asker, request);
  if (tooMany !== undefined) return refused(failure(tooMany.code, tooMany.why));
  // A port that is taken here is taken there: suggesting it would only confuse who holds it.
  const isTaken = iw.table.onExternalPort(request.protocol, request.externalPort).length > 0;
  return made(await makeMapping(iw, isTaken ? { ...asking, request: { ...request, externalPort: ANY_PORT } } : asking));
}

/** An entry for the same service that answers the question: the same port, or one that was "any" before. */
function entryThatServes(iw: Interworking, request: PortMappingRequest): Mapping | undefined {
  const same = sameService(iw, request).filter((mapping) => mapping.remoteHost === request.remoteHost);
  const exact = same.find((mapping) => mapping.externalPort === request.externalPort);
  if (exact !== undefined) return exact;
  // Without a NAT of our own there is one external port per internal port (RFC 6887 §11.3), whoever asked for it.
  // With it, a control point that repeats its request must not collect a new port each time.
  const isAnyGood = iw.localNat === undefined || request.externalPort === ANY_PORT;
  return same.find((mapping) => isAnyGood || mapping.madeBy.by === 'AddAnyPortMapping');
}

const sameService = (iw: Interworking, request: PortMappingRequest): readonly Mapping[] =>
  iw.table.onInternalPort(request.internalClient, request.protocol, request.internalPort);
