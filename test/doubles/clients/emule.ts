import { seconds } from '../../../src/base/time.ts';
import type { ClientProfile } from './client-profile.ts';
import {
  add,
  deleteMapping,
  getSpecific,
  MINIUPNPC_SEARCHES,
  OURS,
  WAN_COMMON,
  WAN_IP_1,
  WAN_IP_2,
  WAN_PPP_1,
  WHATEVER,
} from './usual-calls.ts';

/** Posts to the right URL under the wrong service's name, and believes only what it can read back. */
export const EMULE: ClientProfile = {
  key: 'emule',
  title: 'eMule 0.50',
  source: 'Delete, Add with lease 0, verify by GetSpecific; names WANCommonInterfaceConfig:1 in every SOAPACTION',
  searches: MINIUPNPC_SEARCHES,
  accepts: { services: [WAN_IP_1, WAN_IP_2, WAN_PPP_1], chooses: 'first described', alsoNeeds: [WAN_COMMON] },
  soap: { serviceType: WAN_COMMON },
  patience: seconds(30),
  steps: ['TCP', 'UDP'].flatMap((protocol) => [
    deleteMapping(protocol, WHATEVER),
    add(protocol, `eMule_${protocol}`, '0'),
    getSpecific(protocol, OURS),
  ]),
};
