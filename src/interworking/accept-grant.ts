// What a grant for an entry that is there already does to it (RFC 6970 §5.9, §5.10): a renewal, a recovery or a
// Mapping Update. The control point hears of a new port only if it never told anybody the old one.

import { after, earlier, minutes } from '../base/time.ts';
import { type Mapping, mappingKeyText, type Upstream } from '../mapping/mapping.ts';
import type { MappingUpdate } from '../pcp/asking/map-outcome.ts';
import { resultName } from '../pcp/asking/result-code.ts';
import { objectionToMapping } from './authorization.ts';
import { endMapping } from './close-port.ts';
import type { Interworking } from './interworking.ts';
import { refreshNat1Rule } from './nat1-rule.ts';
import { freshSchedule, returnAttempt } from './renewal-schedule.ts';

/** The entry as it stands afterwards; undefined: it has ended. */
export function acceptGrant(iw: Interworking, current: Mapping, upstream: Upstream): Mapping | undefined {
  iw.trouble.delete(mappingKeyText(current));
  iw.lost.regained(current);
  const next = entryAfter(iw, current, upstream);
  const objection = next.externalPort === current.externalPort ? undefined : objectionToEntry(iw, next);
  if (objection !== undefined) {
    // The server moved it to a port that its host may not have: better no port than that one.
    endMapping(iw, current, 'lost', `the PCP server moved it to port ${next.externalPort}: ${objection}`, next);
    return undefined;
  }
  iw.table.move(current, next);
  refreshNat1Rule(iw, next);
  return next;
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

// Unsolicited MAP responses (RFC 6970 §5.10; RFC 6887 §14.2): the server tells of another address or port, or that it
// cannot keep a mapping. Treated like any answer, then acknowledged by one renewal.

/** A mapping the server has revoked works no more; it gets so long to be had back. */
const REVOKED_FOR = minutes(2);

export function applyMappingUpdate(iw: Interworking, update: MappingUpdate): void {
  const mapping = iw.table.withNonce(update.nonce).find((candidate) => isAbout(update, candidate));
  if (mapping === undefined || mapping.state === 'deleting') return;
  const now = iw.now();
  const { change } = update;
  if (change.kind === 'refused') {
    iw.trouble.set(mappingKeyText(mapping), {
      why: `the server withdrew it: ${resultName(change.code)}`,
      isRefusal: true,
    });
    const expiresAt = earlier(mapping.upstream.expiresAt, after(now, REVOKED_FOR));
    iw.table.put({ ...mapping, state: 'restoring', upstream: { ...mapping.upstream, expiresAt, renewAt: now } });
    return;
  }
  if (change.kind === 'doubted') {
    // One packet is not enough to find out: it is asked for until it is there (RFC 6887 §14.1.3).
    iw.table.put({ ...mapping, state: 'restoring', upstream: { ...mapping.upstream, renewAt: now } });
    return;
  }
  const { assignedAddress, assignedPort, lifetime } = change;
  const schedule = freshSchedule(now, lifetime, iw.unit);
  const next = acceptGrant(iw, mapping, { ...mapping.upstream, assignedAddress, assignedPort, ...schedule });
  // The server repeats its update until the mapping is renewed (RFC 6887 §14.2).
  if (next?.state === 'granted') iw.table.put({ ...next, upstream: { ...next.upstream, renewAt: now } });
}

const isAbout = (update: MappingUpdate, { protocol, upstream }: Mapping): boolean =>
  protocol === update.protocol &&
  upstream.server === update.server &&
  upstream.internalPort === update.internalPort &&
  upstream.internalAddress.equals(update.internalAddress);

// Whether an entry may stay: the operator's rules may have changed since it was made, or the server may have moved it to a
// port that they keep from its host (RFC 6970 §6).

/** Why this entry would be refused today; undefined: it would not, or nobody can tell. */
function objectionToEntry(iw: Interworking, mapping: Mapping): string | undefined {
  const { madeBy, internalClient } = mapping;
  const policy = iw.policy();
  const mac = iw.macOf(internalClient);
  // A host that sleeps has no MAC in the neighbour table: rules by MAC are not held against it.
  if (mac === undefined && policy.rules.some(({ client }) => client.kind === 'mac')) return undefined;
  return objectionToMapping(madeBy, mapping, policy, mac)?.why;
}

/** After the rules were read again: what they do not allow any more is closed, here and at the server. */
export function judgeAgain(iw: Interworking): void {
  const unwanted = [...iw.table.all()].flatMap((mapping) => {
    const why = objectionToEntry(iw, mapping);
    return why === undefined ? [] : [{ mapping, why }];
  });
  iw.table.batch(() => {
    for (const { mapping, why } of unwanted)
      endMapping(iw, mapping, 'deleted', `the rules do not allow it any more: ${why}`);
  });
}
