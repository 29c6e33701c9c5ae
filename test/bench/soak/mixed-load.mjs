// What the soak's control points do: mostly Adds and Deletes, sometimes a walk through the list. Each has ports of its own, so
// that who holds which is never in doubt.

import { clientAddress } from '../parts/network.mjs';

export const CLIENTS = 16;
const PORTS_EACH = 40;
const FIRST_PORT = 20_000;
const CALLS_AT_ONCE = 3;
export const LONGEST_SHORT_LEASE_S = 60;
/** Longer than the daemon's own patience with its carrier. */
export const PATIENCE_MS = 15_000;

export function mixedLoad(random) {
  return Array.from({ length: CLIENTS }, (_, client) => {
    const from = clientAddress(client);
    return Array.from({ length: CALLS_AT_ONCE }, () => oneCall(from, client, random));
  });
}

function oneCall(from, client, random) {
  const port = FIRST_PORT + client * PORTS_EACH + Math.floor(random() * PORTS_EACH);
  const dice = random();
  if (dice < 0.5) {
    return { action: 'AddPortMapping', from, port, lease: random() < 0.5 ? 3600 * 24 : LONGEST_SHORT_LEASE_S };
  }
  if (dice < 0.8) return { action: 'DeletePortMapping', from, port };
  if (dice < 0.95) return { action: 'GetGenericPortMappingEntry', from, index: Math.floor(random() * 50) };
  return { action: 'GetExternalIPAddress', from };
}
