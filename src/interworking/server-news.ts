// What the external side tells on its own, and which entries it puts in doubt (RFC 6970 §5.10; RFC 6887 §8.5, §14, §15).

import { applyMappingUpdate } from './accept-grant.ts';
import type { Interworking } from './interworking.ts';
import { restoreMappings } from './restore-mappings.ts';

export interface ServerNewsListener {
  /** The external address known so far may be another one now. */
  doubtAddress(): void;
  /** There is nobody to have one from. */
  forgetAddress(): void;
  healthChanged(): void;
}

export function listenToServer(iw: Interworking, listener: ServerNewsListener): void {
  iw.pcp.listen({
    serverLostState: (server) => {
      iw.doubts.count += 1;
      listener.doubtAddress();
      const count = restoreMappings(iw, (mapping) => mapping.upstream.server === server);
      iw.log.warn('The PCP server lost its state; its mappings are made again', { server, count });
    },
    mappingUpdated: (update) => applyMappingUpdate(iw, update),
    serverChanged: (server) => {
      if (server === undefined) {
        listener.forgetAddress();
        return;
      }
      listener.doubtAddress();
      restoreMappings(iw, (mapping) => mapping.upstream.server !== server);
      iw.releases.takeUp();
    },
    sourceAddressChanged: (address) => {
      if (address === undefined) {
        listener.forgetAddress();
        return;
      }
      listener.doubtAddress();
      iw.doubts.count += 1;
      // RFC 6970 §5.10: the mappings belong to the address we had.
      restoreMappings(iw, () => true);
      iw.releases.takeUp();
    },
    withdrawal: (withdrawal) => iw.releases.withdrawn(withdrawal),
    healthChanged: () => {
      // Recoveries that found no server need not wait for their next attempt.
      if (iw.pcp.health() === 'up') {
        restoreMappings(iw, ({ state }) => state === 'restoring' || state === 'waiting');
        iw.releases.takeUp();
      }
      listener.healthChanged();
    },
  });
}
