// Layer3Forwarding:1: names the one connection everything goes over. It can be "set" to what it already is.

import { ok, refused } from '../../base/result.ts';
import type { ActionAnswer, ActionTable } from '../../upnp/control/controlled-service.ts';
import type { ConnectionPlace, IgdContext } from './igd-context.ts';

export function layer3ForwardingActions({ connection }: IgdContext): ActionTable {
  return {
    SetDefaultConnectionService: {
      handle: (given) => checkSelection(given.string('NewDefaultConnectionService'), connection),
    },
    GetDefaultConnectionService: {
      handle: () => ok({ NewDefaultConnectionService: defaultConnectionService(connection) }),
    },
  };
}

export function layer3ForwardingVariable({ connection }: IgdContext, name: string): string | undefined {
  return name === 'DefaultConnectionService' ? defaultConnectionService(connection) : undefined;
}

const defaultConnectionService = ({ udn, device, serviceId }: ConnectionPlace): string =>
  `${udn}:${device},${serviceId}`;

/** "<udn>:WANConnectionDevice:<n>,<service id>", each part with a code of its own. */
function checkSelection(text: string, { udn, device, serviceId }: ConnectionPlace): ActionAnswer {
  const [place = '', service, ...rest] = text.trim().split(',');
  if (service === undefined || rest.length > 0) return refused(402);
  // UUIDs compare in any case (RFC 4122 §3).
  if (place.slice(0, udn.length).toLowerCase() !== udn) return refused(720);
  if (service.trim() !== serviceId) return refused(721);
  return place.slice(udn.length) === `:${device}` ? ok({}) : refused(723);
}
