// Entries as control points see them, from the table alone: GetGenericPortMappingEntry and GetListOfPortMappings are
// never relayed (RFC 6970 §5.7). A control point that maps for itself only sees its own only, here as everywhere.

import { ok, refused } from '../base/result.ts';
import type { Instant } from '../base/time.ts';
import type { Mapping } from '../mapping/mapping.ts';
import { maySeeAll } from './authorization.ts';
import { selectMappings } from './delete-port-mapping-range.ts';
import type { Answer, ControlPoint, ListedMapping, PortMappingSelection } from './gateway.ts';
import type { Interworking } from './interworking.ts';
import { leaseLeft } from './lease.ts';

export function getGenericPortMappingEntry(
  iw: Interworking,
  asker: ControlPoint,
  index: number,
): Answer<ListedMapping> {
  const mapping = maySeeAll(asker, iw.policy()) ? iw.table.at(index) : iw.table.atOfClient(asker.address, index);
  return mapping === undefined ? refused(713) : ok(listed(mapping, iw.now()));
}

/** `most`: 0 for no limit. */
export function getListOfPortMappings(
  iw: Interworking,
  asker: ControlPoint,
  selection: PortMappingSelection,
  most: number,
): Answer<readonly ListedMapping[]> {
  if (selection.ports.first > selection.ports.last) return refused(733);
  const selected = selectMappings(iw, asker, selection);
  if (selected.length === 0) return refused(730);
  const shown = most === 0 ? selected : selected.slice(0, most);
  return ok(shown.map((mapping) => listed(mapping, iw.now())));
}

/** RFC 6970 §5.9: the lease as it was asked for, counting down, not what the PCP server granted. */
export const listed = (mapping: Mapping, now: Instant): ListedMapping => ({
  protocol: mapping.protocol,
  externalPort: mapping.externalPort,
  remoteHost: mapping.remoteHost,
  internalClient: mapping.internalClient,
  internalPort: mapping.internalPort,
  description: mapping.description,
  leaseSeconds: leaseLeft(mapping.leaseEndsAt, now),
  isEnabled: mapping.state !== 'waiting',
});
