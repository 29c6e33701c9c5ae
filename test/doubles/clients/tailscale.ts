import { seconds } from '../../../src/base/time.ts';
import type { Again, ClientProfile } from './client-profile.ts';
import {
  add,
  addArguments,
  deleteMapping,
  getExternalAddress,
  getStatus,
  IGD_1,
  SUCCESS,
  WAN_IP_1,
  WAN_IP_2,
  WAN_PPP_1,
} from './usual-calls.ts';

const RETRIES: readonly Again[] = [{ after: [402, 725], with: 'no lease', atMost: 1 }];

export const TAILSCALE: ClientProfile = {
  key: 'tailscale',
  title: 'Tailscale',
  source: 'read in its source: searches the gateway itself with multicast headers, then the group; likes version 2',
  userAgent: 'Go-http-client/1.1',
  searches: [
    { target: 'ssdp:all', mx: 2, isUnicast: true },
    { target: IGD_1, mx: 2, isUnicast: true },
    { target: 'ssdp:all', mx: 2 },
    { target: IGD_1, mx: 2 },
  ],
  accepts: { services: [WAN_IP_2, WAN_IP_1, WAN_PPP_1], chooses: 'best liked' },
  patience: seconds(5),
  steps: [
    getStatus,
    getExternalAddress,
    {
      kind: 'call',
      action: 'AddAnyPortMapping',
      arguments: addArguments('UDP', 'tailscale-portmap', '7200'),
      onlyVersion: 2,
      needs: { result: 'success', out: { NewReservedPort: 'present' } },
      keeps: { NewReservedPort: 'external' },
      again: RETRIES,
    },
    add('UDP', 'tailscale-portmap', '7200', { onlyVersion: 1, again: RETRIES }),
    getExternalAddress,
    deleteMapping('UDP', SUCCESS),
  ],
};
