// Unsolicited MAP responses (RFC 6970 §5.10; RFC 6887 §14.2): the server tells of another address or port, or that it
// cannot keep a mapping. Treated like any answer, then acknowledged by one renewal.

import { after, earlier, minutes } from '../base/time.ts';
import { type Mapping, mappingKeyText } from '../mapping/mapping.ts';
import type { MappingUpdate } from '../pcp/asking/map-outcome.ts';
import { resultName } from '../pcp/asking/result-code.ts';
import { acceptGrant } from './accept-grant.ts';
import type { Interworking } from './interworking.ts';
import { freshSchedule } from './renewal-schedule.ts';

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
  if (next.state === 'granted') iw.table.put({ ...next, upstream: { ...next.upstream, renewAt: now } });
}

const isAbout = (update: MappingUpdate, { protocol, upstream }: Mapping): boolean =>
  protocol === update.protocol &&
  upstream.server === update.server &&
  upstream.internalPort === update.internalPort &&
  upstream.internalAddress.equals(update.internalAddress);
