// Whether an entry may stay: the operator's rules may have changed since it was made, or the server may have moved it to a
// port that they keep from its host (RFC 6970 §6).

import type { Mapping } from '../mapping/mapping.ts';
import { objectionToMapping } from './authorization.ts';
import { releaseInBackground } from './delete-port-mapping.ts';
import type { Interworking } from './interworking.ts';

/** Why this entry would be refused today; undefined: it would not. */
export function objectionToEntry(iw: Interworking, mapping: Mapping): string | undefined {
  const { madeBy, internalClient } = mapping;
  return objectionToMapping(madeBy, mapping, iw.policy(), iw.macOf(internalClient))?.why;
}

/** After the rules were read again: what they do not allow any more is closed, here and at the server. */
export function judgeAgain(iw: Interworking): void {
  const unwanted = [...iw.table.all()].flatMap((mapping) => {
    const why = objectionToEntry(iw, mapping);
    return why === undefined ? [] : [{ mapping, why }];
  });
  iw.table.batch(() => {
    for (const { mapping, why } of unwanted) {
      iw.releases.owe(mapping);
      iw.table.remove(mapping, 'deleted', `the rules do not allow it any more: ${why}`);
    }
  });
  for (const { mapping } of unwanted) void releaseInBackground(iw, mapping);
}
