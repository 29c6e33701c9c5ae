// A port is promised only when it survives a crash (RFC 6970 §5.3). Where the disk refuses it, a new port is closed again
// and the control point hears 501: otherwise it would be gone after the next start, and nobody would know.

import { ok, type Result, refused } from '../base/result.ts';
import type { Mapping } from '../mapping/mapping.ts';
import { releaseInBackground } from './delete-port-mapping.ts';
import type { Answer, ControlPoint, PortMappingRequest } from './gateway.ts';
import type { Interworking } from './interworking.ts';
import { type Failure, failure } from './make-mapping.ts';

export interface Added {
  readonly mapping: Mapping;
  /** False: the entry was there and has new terms. */
  readonly isNew: boolean;
}

export const made = (result: Result<Mapping, Failure>): Result<Added, Failure> =>
  result.ok ? ok({ mapping: result.value, isNew: true }) : result;

export const refreshed = (result: Result<Mapping, Failure>): Result<Added, Failure> =>
  result.ok ? ok({ mapping: result.value, isNew: false }) : result;

export async function keptOrTakenBack(
  iw: Interworking,
  asker: ControlPoint,
  request: PortMappingRequest,
  { mapping, isNew }: Added,
): Promise<Answer<void>> {
  if (await iw.durable()) return ok(undefined);
  const why = `it could not be kept: ${iw.diskProblem() ?? 'the disk refused it'}`;
  iw.refusals.tell(asker, request, failure(501, why));
  // A refreshed entry stays: it is on the disk with its former terms.
  if (isNew && iw.table.find(mapping)?.upstream.nonce === mapping.upstream.nonce) {
    iw.releases.owe(mapping);
    iw.table.remove(mapping, 'deleted', why);
    void releaseInBackground(iw, mapping);
  }
  return refused(501);
}
