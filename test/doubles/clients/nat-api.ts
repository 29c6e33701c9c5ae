import { seconds } from '../../../src/base/time.ts';
import type { ClientProfile } from './client-profile.ts';
import { add, deleteMapping, getExternalAddress, IGD_1, WAN_IP_1, WAN_IP_2, WAN_PPP_1 } from './usual-calls.ts';

export const NAT_API: ClientProfile = {
  key: 'nat-api',
  title: 'nat-api (Node.js)',
  source: 'a lease of 0 is written as an empty element; the answer must name exactly the type searched for',
  searches: [{ target: IGD_1, mx: 1 }],
  accepts: { services: [WAN_IP_1, WAN_IP_2, WAN_PPP_1], chooses: 'best liked' },
  patience: seconds(10),
  steps: [
    getExternalAddress,
    add('TCP', 'nat-api', ''),
    add('UDP', 'nat-api', ''),
    { kind: 'list-entries', endsWith: [713, 714], atMost: 100 },
    deleteMapping('TCP'),
    deleteMapping('UDP'),
  ],
};

/** indutny's library, which nat-api grew out of: version 1 only. */
export const NAT_UPNP: ClientProfile = {
  ...NAT_API,
  key: 'nat-upnp',
  title: 'nat-upnp (Node.js)',
  source: 'exactly WANIPConnection:1; lease 1800',
  accepts: { services: [WAN_IP_1, WAN_PPP_1], chooses: 'best liked' },
  steps: [
    getExternalAddress,
    add('TCP', 'node:nat:upnp', '1800'),
    { kind: 'list-entries', endsWith: [713, 714], atMost: 100 },
    deleteMapping('TCP'),
  ],
};
