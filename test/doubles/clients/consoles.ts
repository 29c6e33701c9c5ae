// Game consoles and the Windows stack they share habits with: version 1 alone, and few second chances.

import { seconds } from '../../../src/base/time.ts';
import type { ClientProfile } from './client-profile.ts';
import {
  add,
  deleteMapping,
  getExternalAddress,
  getLinkProperties,
  getSpecific,
  getStatus,
  IGD_1,
  SUCCESS,
  WAN_IP_1,
  WAN_PPP_1,
} from './usual-calls.ts';

const VERSION_1_ONLY = { rootTypes: [IGD_1], services: [WAN_IP_1, WAN_PPP_1], chooses: 'first described' } as const;
const VERSION_2_ACTIONS = ['AddAnyPortMapping', 'DeletePortMappingRange', 'GetListOfPortMappings'];

export const PLAYSTATION: ClientProfile = {
  key: 'playstation',
  title: 'PlayStation 3 to 5',
  source: 'bug reports with logs: a free port must be 714 exactly; no second try',
  searches: [{ target: IGD_1, mx: 3 }],
  accepts: VERSION_1_ONLY,
  patience: seconds(10),
  steps: [
    getExternalAddress,
    getSpecific('UDP', { result: 'error', codes: [714] }),
    add('UDP', '{client}:{internal} to {external} (UDP)', '0'),
  ],
};

export const XBOX: ClientProfile = {
  key: 'xbox',
  title: 'Xbox and Windows 10/11',
  source: 'bug reports: stops after an IGD:2 description or an SCPD with version 2 actions. Call order is a guess.',
  userAgent: 'Microsoft-Windows/10.0 UPnP/1.0',
  searches: [{ target: IGD_1, mx: 3 }],
  accepts: VERSION_1_ONLY,
  patience: seconds(10),
  steps: [
    { kind: 'fetch-scpd', which: 'all', mustNotList: VERSION_2_ACTIONS },
    getStatus,
    getExternalAddress,
    add('UDP', 'Xbox ({client}:{internal}) {external} UDP', '0'),
    deleteMapping('UDP'),
  ],
};

const counter = (name: string) =>
  ({
    kind: 'call',
    action: `GetTotal${name}`,
    service: 'common',
    needs: { result: 'success', out: { [`NewTotal${name}`]: 'present' } },
  }) as const;

export const WINDOWS_XP: ClientProfile = {
  key: 'windows-xp',
  title: 'Windows XP network connections',
  source: 'shows status, counters and address of the gateway',
  userAgent: 'Mozilla/4.0 (compatible; UPnP/1.0; Windows NT/5.1)',
  searches: [{ target: IGD_1, mx: 3 }],
  accepts: { ...VERSION_1_ONLY, serviceIdContains: 'urn:upnp-org:serviceId:WANIPC' },
  patience: seconds(30),
  steps: [
    { kind: 'fetch-scpd', which: 'all', mustNotList: VERSION_2_ACTIONS },
    { kind: 'subscribe', timeout: 'Second-1800' },
    { kind: 'await-event', variable: 'ConnectionStatus', within: seconds(5) },
    { kind: 'call', action: 'GetConnectionTypeInfo', needs: SUCCESS },
    { kind: 'call', action: 'GetNATRSIPStatus', needs: { result: 'success', out: { NewNATEnabled: ['1'] } } },
    ...['BytesSent', 'BytesReceived', 'PacketsSent', 'PacketsReceived'].map(counter),
    getLinkProperties,
    getStatus,
    getExternalAddress,
    { kind: 'query', variable: 'ConnectionStatus', needs: SUCCESS },
    { kind: 'unsubscribe' },
  ],
};
