// Takes the mappings away of hosts that have left (RFC 6970 §5.10). How that is known: `host-departure.ts`.

import { endMapping } from './close-port.ts';
import type { DepartedHost, HostDeparture, HostObservation } from './host-departure.ts';
import type { Interworking } from './interworking.ts';

export function letGoOfDeparted(iw: Interworking, hosts: HostDeparture, observation: HostObservation): void {
  if (iw.table.size === 0) return;
  letGo(iw, hosts.observe(observation, [...iw.table.clients()], iw.now(), iw.wallTime()));
}

/** All mappings bound to the address go, here as one change. */
function letGo(iw: Interworking, departed: readonly DepartedHost[]): void {
  const { table } = iw;
  const gone = departed.flatMap((host) => {
    const mappings = [...table.all()].filter((mapping) => mapping.internalClient.text === host.address);
    // Silence alone is no proof: what ends by itself may as well do so.
    return mappings
      .filter((mapping) => host.isCertain || mapping.leaseEndsAt === undefined)
      .map((mapping) => ({ mapping, why: host.why }));
  });
  table.batch(() => {
    for (const { mapping, why } of gone) endMapping(iw, mapping, 'host gone', why);
  });
}
