// GetSpecificPortMappingEntry (RFC 6970 §5.7; WANIPConnection:2 §2.5.15): from the table; on request of the operator
// a port that is not in it is tried at the server, and kept for the AddPortMapping that usually follows.

import { ok, refused } from '../base/result.ts';
import { after } from '../base/time.ts';
import { objectionToMapping, objectionToSeeing } from './authorization.ts';
import type { Answer, ControlPoint, ListedMapping, PortMappingName } from './gateway.ts';
import type { Interworking } from './interworking.ts';
import { listed } from './list-port-mappings.ts';
import { objectionToHaste } from './request-objection.ts';

export async function getSpecificPortMappingEntry(
  iw: Interworking,
  asker: ControlPoint,
  name: PortMappingName,
): Promise<Answer<ListedMapping>> {
  const mapping = iw.table.find(name);
  if (mapping !== undefined) {
    const objection = objectionToSeeing(asker, mapping, iw.policy());
    return objection === undefined ? ok(listed(mapping, iw.now())) : refused(objection.code);
  }
  const isTakenHere = iw.table.onExternalPort(name.protocol, name.externalPort).length > 0;
  if (iw.options.probe === 'off' || isTakenHere || !mayProbe(iw, asker, name)) return refused(714);
  if (objectionToHaste(iw, asker) !== undefined) return refused(714);
  const deadline = after(iw.now(), iw.options.answerWithin);
  const turn = `${name.protocol} ${name.externalPort}`;
  const found = await iw.turns.take(turn, () => iw.probes.probe(iw, asker, name, deadline));
  // Free or not, there is no entry (RFC 6970 §5.7); only a server out of reach is another answer.
  return refused(found === 'unanswered' ? 501 : 714);
}

/** A port the asker could not map is none of its business. */
function mayProbe(iw: Interworking, asker: ControlPoint, name: PortMappingName): boolean {
  const request = {
    ...name,
    remotePeers: [],
    internalClient: asker.address,
    internalPort: name.externalPort,
    isEnabled: true,
    description: '',
    leaseSeconds: 0,
  };
  return (
    name.externalPort !== 0 && objectionToMapping(asker, request, iw.policy(), iw.macOf(asker.address)) === undefined
  );
}
