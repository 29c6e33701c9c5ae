// DeletePortMappingRange (RFC 6970 §5.8; WANIPConnection:2 §2.5.19): one change of the table, one event; the server is
// told behind the answer, as the RFC allows; that it is still to be told is on the disk before the answer.

import { isInPortRange } from '../base/port-number.ts';
import { ok, refused } from '../base/result.ts';
import type { Mapping } from '../mapping/mapping.ts';
import { maySeeAll, objectionToDeleting } from './authorization.ts';
import { releaseInBackground } from './delete-port-mapping.ts';
import type { Answer, ControlPoint, PortMappingSelection } from './gateway.ts';
import type { Interworking } from './interworking.ts';

export async function deletePortMappingRange(
  iw: Interworking,
  asker: ControlPoint,
  selection: PortMappingSelection,
): Promise<Answer<void>> {
  if (selection.ports.first > selection.ports.last) return refused(733);
  const selected = selectMappings(iw, asker, selection);
  if (selected.length === 0) return refused(730);
  // What may not be deleted is skipped; if that is all of it, the control point should know.
  const allowed = selected.filter((mapping) => objectionToDeleting(asker, mapping, iw.policy()) === undefined);
  if (allowed.length === 0) return refused(606);
  iw.table.batch(() => {
    for (const mapping of allowed) {
      iw.releases.owe(mapping);
      iw.table.remove(mapping, 'deleted', `${asker.address.text} deleted a range`);
    }
  });
  for (const mapping of allowed) void releaseInBackground(iw, mapping);
  return (await iw.durable()) ? ok(undefined) : refused(501);
}

/** The asker's own entries, or everybody's for those who may see them; lowest port first. */
export function selectMappings(
  iw: Interworking,
  asker: ControlPoint,
  { protocol, ports, manage }: PortMappingSelection,
): readonly Mapping[] {
  const isAll = manage && maySeeAll(asker, iw.policy());
  const candidates = isAll ? [...iw.table.all()] : iw.table.ofClient(asker.address);
  return candidates
    .filter((mapping) => mapping.protocol === protocol && isInPortRange(mapping.externalPort, ports))
    .sort((a, b) => a.externalPort - b.externalPort);
}
