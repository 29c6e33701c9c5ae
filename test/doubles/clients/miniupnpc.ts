import { seconds } from '../../../src/base/time.ts';
import type { ClientProfile } from './client-profile.ts';
import {
  add,
  deleteMapping,
  getExternalAddress,
  getLinkProperties,
  getSpecific,
  getStatus,
  MINIUPNPC_SEARCHES,
  OURS,
  SUCCESS,
  WAN_COMMON,
  WAN_IP_1,
  WAN_IP_2,
  WAN_PPP_1,
} from './usual-calls.ts';

const LIST_ARGUMENTS = [
  ['NewStartPort', '0'],
  ['NewEndPort', '65535'],
  ['NewProtocol', 'TCP'],
  ['NewManage', '1'],
  ['NewNumberOfPorts', '1000'],
] as const;

/** upnpc -s, -a, -l, -L, -A, -d, one after the other. */
export const MINIUPNPC: ClientProfile = {
  key: 'miniupnpc',
  title: 'miniupnpc (upnpc)',
  source: 'read in its source',
  userAgent: 'Debian/12 UPnP/1.1 MiniUPnPc/2.2.8',
  searches: MINIUPNPC_SEARCHES,
  accepts: { services: [WAN_IP_1, WAN_IP_2, WAN_PPP_1], chooses: 'first described', alsoNeeds: [WAN_COMMON] },
  patience: seconds(30),
  steps: [
    getStatus,
    getExternalAddress,
    add('TCP', 'libminiupnpc', '0'),
    getSpecific('TCP', OURS),
    { kind: 'call', action: 'GetConnectionTypeInfo', needs: SUCCESS },
    getLinkProperties,
    { kind: 'list-entries', endsWith: [713], atMost: 65536 },
    {
      kind: 'call',
      action: 'GetListOfPortMappings',
      arguments: LIST_ARGUMENTS,
      needs: { result: 'success', out: { NewPortListing: 'present' } },
    },
    deleteMapping('TCP'),
  ],
};
