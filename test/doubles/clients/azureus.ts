import { seconds } from '../../../src/base/time.ts';
import type { ClientProfile } from './client-profile.ts';
import {
  add,
  deleteMapping,
  getExternalAddress,
  getLinkProperties,
  getStatus,
  WAN_IP_1,
  WAN_IP_2,
  WAN_PPP_1,
} from './usual-calls.ts';

const insistent = { again: [{ after: 'any error' as const, with: 'the same' as const, atMost: 5 }] };

/** Asks for the same port five more times, whatever the gateway says. */
export const AZUREUS: ClientProfile = {
  key: 'azureus',
  title: 'Azureus / Vuze',
  source: 'its successor BiglyBT, and RFC 6970 §5.6.2: on a conflict the same port again, five times',
  userAgent: 'Azureus/5.7.6.0',
  searches: [{ target: 'upnp:rootdevice', mx: 3 }],
  accepts: { services: [WAN_IP_1, WAN_IP_2, WAN_PPP_1], chooses: 'first described' },
  patience: seconds(30),
  steps: [
    { kind: 'fetch-scpd', which: 'all' },
    getLinkProperties,
    { kind: 'list-entries', endsWith: [713, 714, 402], atMost: 512 },
    add('TCP', 'Azureus UPnP {external} TCP', '0', insistent),
    add('UDP', 'Azureus UPnP {external} UDP', '0', insistent),
    getStatus,
    getExternalAddress,
    deleteMapping('TCP'),
    deleteMapping('UDP'),
  ],
};
