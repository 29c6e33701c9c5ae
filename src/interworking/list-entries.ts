// Entries as askers see them (RFC 6970 §5.7): from the table alone. An asker that maps for itself only sees its own only, here
// as everywhere. On request of the operator a port that is not in the table is tried at the server, and kept for the
// wish that usually follows (`probe-reservations.ts`).

import { ANY_PORT } from '../base/port-number.ts';
import { ok, refused } from '../base/result.ts';
import { after, type Instant } from '../base/time.ts';
import type { Mapping } from '../mapping/mapping.ts';
import { maySeeAll, objectionToHaste, objectionToMapping, objectionToSeeing } from './authorization.ts';
import { selectMappings } from './close-port.ts';
import type { Answer, Asker, ListedMapping, PortName, PortSelection } from './gateway.ts';
import type { Interworking } from './interworking.ts';
import { refusal } from './refusal.ts';
import { leaseLeft } from './renewal-schedule.ts';

const NO_SUCH_ENTRY = refusal('no such entry', 'there is no such mapping');

export function entryAt(iw: Interworking, asker: Asker, index: number): Answer<ListedMapping> {
  const mapping = maySeeAll(asker, iw.policy()) ? iw.table.at(index) : iw.table.atOfClient(asker.address, index);
  return mapping === undefined ? refused(NO_SUCH_ENTRY) : ok(listed(mapping, iw.now()));
}

export function entries(
  iw: Interworking,
  asker: Asker,
  selection: PortSelection,
  most: number,
): Answer<readonly ListedMapping[]> {
  const selected = selectMappings(iw, asker, selection);
  if (selected.length === 0) return refused(NO_SUCH_ENTRY);
  const shown = most === 0 ? selected : selected.slice(0, most);
  return ok(shown.map((mapping) => listed(mapping, iw.now())));
}

export async function entryOf(iw: Interworking, asker: Asker, name: PortName): Promise<Answer<ListedMapping>> {
  const mapping = iw.table.find(name);
  if (mapping !== undefined) {
    const objection = objectionToSeeing(asker, mapping, iw.policy());
    return objection === undefined ? ok(listed(mapping, iw.now())) : refused(objection);
  }
  const isTakenHere = iw.table.onExternalPort(name.protocol, name.externalPort).length > 0;
  if (iw.options.probe === 'off' || isTakenHere || !mayProbe(iw, asker, name)) return refused(NO_SUCH_ENTRY);
  if (objectionToHaste(iw, asker) !== undefined) return refused(NO_SUCH_ENTRY);
  const deadline = after(iw.now(), iw.options.answerWithin);
  const turn = `${name.protocol} ${name.externalPort}`;
  const found = await iw.turns.take(turn, () => iw.probes.probe(iw, asker, name, deadline));
  // Free or not, there is no entry (RFC 6970 §5.7); only a server out of reach is another answer.
  return refused(found === 'unanswered' ? refusal('unanswered', 'the server does not answer') : NO_SUCH_ENTRY);
}

/** A port the asker could not map is none of its business. */
function mayProbe(iw: Interworking, asker: Asker, { externalPort }: PortName): boolean {
  const place = { internalClient: asker.address, internalPort: externalPort, externalPort };
  return (
    externalPort !== ANY_PORT && objectionToMapping(asker, place, iw.policy(), iw.macOf(asker.address)) === undefined
  );
}

/** RFC 6970 §5.9: the lease as it was asked for, counting down, not what the PCP server granted. */
const listed = (mapping: Mapping, now: Instant): ListedMapping => ({
  protocol: mapping.protocol,
  externalPort: mapping.externalPort,
  remoteHost: mapping.remoteHost,
  internalClient: mapping.internalClient,
  internalPort: mapping.internalPort,
  description: mapping.description,
  leaseSeconds: leaseLeft(mapping.leaseEndsAt, now),
  isEnabled: mapping.state !== 'waiting',
});
