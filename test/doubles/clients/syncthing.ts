import { seconds } from '../../../src/base/time.ts';
import type { ClientProfile } from './client-profile.ts';
import { add, getExternalAddress, IGD_1, IGD_2, WAN_IP_1, WAN_IP_2, WAN_PPP_1 } from './usual-calls.ts';

export const SYNCTHING: ClientProfile = {
  key: 'syncthing',
  title: 'Syncthing',
  source: 'read in its source: IGD:2 first, then IGD:1; the answer must name exactly the type; one hour of lease',
  userAgent: 'syncthing/1.0',
  searches: [
    { target: IGD_2, mx: 3 },
    { target: IGD_1, mx: 3 },
  ],
  accepts: { rootTypes: [IGD_1, IGD_2], services: [WAN_IP_2, WAN_IP_1, WAN_PPP_1], chooses: 'best liked' },
  patience: seconds(10),
  steps: [
    add('TCP', 'syncthing-{external}', '3600', { again: [{ after: [725], with: 'no lease', atMost: 1 }] }),
    getExternalAddress,
    add('TCP', 'syncthing-{external}', '3600'),
  ],
};
