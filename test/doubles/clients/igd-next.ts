import { seconds } from '../../../src/base/time.ts';
import type { ClientProfile } from './client-profile.ts';
import {
  add,
  addArguments,
  deleteMapping,
  getExternalAddress,
  IGD_1,
  SUCCESS,
  WAN_IP_1,
  WAN_IP_2,
  WAN_PPP_1,
} from './usual-calls.ts';

export const IGD_NEXT: ClientProfile = {
  key: 'igd-next',
  title: 'igd-next (libp2p, iroh)',
  source: 'read in its source: header names in lower case; AddAny where the SCPD lists it',
  searches: [
    {
      target: IGD_1,
      mx: 3,
      lines: ['Host:239.255.255.250:1900', 'Man:"ssdp:discover"', 'ST:{target}', 'MX:{mx}'],
    },
  ],
  accepts: { services: [WAN_IP_1, WAN_IP_2, WAN_PPP_1], chooses: 'first described' },
  patience: seconds(10),
  steps: [
    { kind: 'fetch-scpd', which: 'connection' },
    getExternalAddress,
    {
      kind: 'call',
      action: 'AddAnyPortMapping',
      arguments: addArguments('TCP', 'igd-next', '3600'),
      onlyVersion: 2,
      needs: SUCCESS,
      keeps: { NewReservedPort: 'external' },
    },
    add('TCP', 'igd-next', '3600', { onlyVersion: 1, again: [{ after: [718], with: 'a random port', atMost: 20 }] }),
    deleteMapping('TCP'),
  ],
};

/** The one client that finds nothing where there is no IGD:2. */
export const NAT_PORT_MAPPER: ClientProfile = {
  key: 'nat-port-mapper',
  title: '@achingbrain/nat-port-mapper (js-libp2p)',
  source: 'read in its source: searches IGD:2 alone; deletes without a protocol',
  searches: [{ target: 'urn:schemas-upnp-org:device:InternetGatewayDevice:2', mx: 1 }],
  accepts: { services: [WAN_IP_2], chooses: 'best liked' },
  patience: seconds(10),
  steps: [
    getExternalAddress,
    {
      kind: 'call',
      action: 'AddAnyPortMapping',
      arguments: addArguments('TCP', '@achingbrain/nat-port-mapper', '3600'),
      needs: { result: 'success', out: { NewReservedPort: 'present' } },
      keeps: { NewReservedPort: 'external' },
    },
    deleteMapping(''),
  ],
};
