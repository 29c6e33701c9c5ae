// What a grant for an entry that is there already does to it (RFC 6970 §5.9, §5.10): a renewal, a recovery or a
// Mapping Update. The control point hears of a new port only if it never told anybody the old one.

import type { Mapping, Upstream } from '../mapping/mapping.ts';
import { mappingKeyText } from '../mapping/mapping.ts';
import { endMapping } from './close-port.ts';
import type { Interworking } from './interworking.ts';
import { objectionToEntry } from './judge-again.ts';
import { refreshNat1Rule } from './nat1-rule.ts';
import { returnAttempt } from './renewal-schedule.ts';

/** The entry as it stands afterwards. */
export function acceptGrant(iw: Interworking, current: Mapping, upstream: Upstream): Mapping {
  iw.trouble.delete(mappingKeyText(current));
  iw.lost.regained(current);
  const next = entryAfter(iw, current, upstream);
  const objection = next.externalPort === current.externalPort ? undefined : objectionToEntry(iw, next);
  if (objection !== undefined) return endForbidden(iw, current, next, objection);
  iw.table.move(current, next);
  refreshNat1Rule(iw, next);
  return next;
}

/** The server moved it to a port that its host may not have: better no port than that one. */
function endForbidden(iw: Interworking, current: Mapping, next: Mapping, why: string): Mapping {
  endMapping(iw, current, 'lost', `the PCP server moved it to port ${next.externalPort}: ${why}`, next);
  return current;
}

function entryAfter(iw: Interworking, current: Mapping, upstream: Upstream): Mapping {
  if (upstream.assignedPort === current.externalPort) return { ...current, upstream, state: 'granted' };
  const moved: Mapping = { ...current, externalPort: upstream.assignedPort, upstream, state: 'granted' };
  const isFree = iw.table.onExternalPort(moved.protocol, moved.externalPort).length === 0;
  // RFC 6887 §11.2.1: a renewal may come back with another port. An entry for any port follows it.
  if (!current.isPublished && isFree) return moved;
  // A published port stays in the table: its peers know no other. It is tried again while the hole is kept open.
  const attempt = current.state === 'degraded' ? current.upstream.window + 1 : 1;
  const renewAt = returnAttempt(upstream, iw.now(), attempt);
  return { ...current, upstream: { ...upstream, renewAt, window: attempt }, state: 'degraded' };
}
