// AddPortMapping (RFC 6970 §5.6.2; WANIPConnection:2 §2.5.16): this external port or 718.

import { ok, type Result, refused } from '../base/result.ts';
import type { Mapping } from '../mapping/mapping.ts';
import { isKeptForOperator } from './authorization.ts';
import type { Answer, ControlPoint, PortMappingRequest } from './gateway.ts';
import type { Interworking } from './interworking.ts';
import { type Added, keptOrTakenBack, made, refreshed } from './kept-promise.ts';
import { type Asking, type Failure, failure, makeMapping } from './make-mapping.ts';
import { refreshMapping, replaceMapping } from './refresh-mapping.ts';
import { objectionToCount, objectionToRequest } from './request-objection.ts';
import { withResends } from './resend.ts';

export async function addPortMapping(
  iw: Interworking,
  asker: ControlPoint,
  request: PortMappingRequest,
): Promise<Answer<void>> {
  const objection = objectionToRequest(iw, asker, request, 'AddPortMapping');
  if (objection !== undefined) {
    iw.refusals.tell(asker, request, objection);
    return refused(objection.code);
  }
  const turn = `${request.protocol} ${request.externalPort}`;
  const added = await withResends(iw, asker, (deadline) =>
    iw.turns.take(turn, () =>
      iw.turns.take(serviceTurn(request), () => addOnce(iw, { asker, request, action: 'AddPortMapping', deadline })),
    ),
  );
  if (!added.ok) {
    iw.refusals.tell(asker, request, added.error);
    return refused(added.error.code);
  }
  const kept = await keptOrTakenBack(iw, asker, request, added.value);
  return kept.ok ? ok(undefined) : kept;
}

/** Taken after the external port's, never before it. */
export const serviceTurn = (request: PortMappingRequest): string =>
  `${request.internalClient.text} ${request.protocol} ${request.internalPort}`;

async function addOnce(iw: Interworking, asking: Asking): Promise<Result<Added, Failure>> {
  const { asker, request } = asking;
  const here = iw.table.onExternalPort(request.protocol, request.externalPort);
  const existing = here.find((mapping) => mapping.remoteHost === request.remoteHost) ?? here[0];
  if (existing !== undefined) {
    // WANIPConnection:2 §2.5.16: another client's port is 718; another remote host is ours to decide, and a PCP
    // server has one mapping per external port.
    if (!existing.internalClient.equals(request.internalClient))
      return refused(failure(718, `${existing.internalClient.text} has this port`));
    if (existing.remoteHost !== request.remoteHost) return refused(failure(718, 'the port has another remote host'));
  }
  if (existing !== undefined && isKeptForOperator(asker, existing)) {
    const isSame = existing.internalPort === request.internalPort;
    return isSame ? refreshed(ok(existing)) : refused(failure(718, 'the operator made it'));
  }
  const twin = otherPortOfSameService(iw, request);
  if (twin !== undefined) return refused(failure(718, `the server maps ${twin.internalPort} to ${twin.externalPort}`));
  if (existing !== undefined) {
    return existing.internalPort === request.internalPort || existing.nat1Port !== undefined
      ? refreshed(await refreshMapping(iw, existing, asking))
      : made(await replaceMapping(iw, existing, asking, () => makeMapping(iw, asking)));
  }
  const tooMany = objectionToCount(iw, asker, request);
  return tooMany === undefined ? made(await makeMapping(iw, asking)) : refused(failure(tooMany.code, tooMany.why));
}

/** RFC 6887 §11.3: without a NAT of our own, one internal port has one external port. */
function otherPortOfSameService(iw: Interworking, request: PortMappingRequest): Mapping | undefined {
  if (iw.localNat !== undefined) return undefined;
  const same = iw.table.onInternalPort(request.internalClient, request.protocol, request.internalPort);
  return same.find((mapping) => mapping.externalPort !== request.externalPort);
}
