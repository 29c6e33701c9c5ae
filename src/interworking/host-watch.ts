// Looks now and then whether hosts have left, and takes the mappings of those that did away (RFC 6970 §5.10).

import { after, seconds } from '../base/time.ts';
import { releaseInBackground } from './delete-port-mapping.ts';
import { type DepartedHost, HostDeparture } from './host-departure.ts';
import type { Interworking } from './interworking.ts';

/** How often the address leases and the neighbour table are looked at while somebody has a mapping. */
const LOOK_EVERY = seconds(15);

/** Ends when the alarms are cancelled. */
export async function watchHosts(iw: Interworking): Promise<void> {
  const { lookAtHosts, alarms, table, options, now } = iw;
  if (lookAtHosts === undefined) return;
  const hosts = new HostDeparture({ grace: options.hostGrace, unseen: options.unseenHostKept });
  while ((await alarms.until(after(now(), LOOK_EVERY), 'look whether hosts have left')) === 'rang') {
    if (table.size === 0) continue;
    const observation = await lookAtHosts();
    letGo(iw, hosts.observe(observation, [...table.clients()], now(), iw.wallTime()));
  }
}

/** All mappings bound to the address go, here as one change. */
function letGo(iw: Interworking, departed: readonly DepartedHost[]): void {
  const { table, releases } = iw;
  const gone = departed.flatMap((host) => {
    const mappings = [...table.all()].filter((mapping) => mapping.internalClient.text === host.address);
    // Silence alone is no proof: what ends by itself may as well do so.
    return mappings
      .filter((mapping) => host.isCertain || mapping.leaseEndsAt === undefined)
      .map((mapping) => ({ mapping, why: host.why }));
  });
  table.batch(() => {
    for (const { mapping, why } of gone) {
      releases.owe(mapping);
      table.remove(mapping, 'host gone', why);
    }
  });
  for (const { mapping } of gone) void releaseInBackground(iw, mapping);
}
