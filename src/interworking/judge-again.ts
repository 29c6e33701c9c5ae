// Whether an entry may stay: the operator's rules may have changed since it was made, or the server may have moved it to a
// port that they keep from its host (RFC 6970 §6).

import type { Mapping } from '../mapping/mapping.ts';
import { objectionToMapping } from './authorization.ts';
import { endMapping } from './close-port.ts';
import type { Interworking } from './interworking.ts';

/** Why this entry would be refused today; undefined: it would not, or nobody can tell. */
export function objectionToEntry(iw: Interworking, mapping: Mapping): string | undefined {
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
