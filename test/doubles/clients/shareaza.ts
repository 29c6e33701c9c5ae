import { seconds } from '../../../src/base/time.ts';
import type { ClientProfile } from './client-profile.ts';
import { add, getExternalAddress, getSpecific, getStatus, IGD_1, WAN_IP_1, WAN_PPP_1 } from './usual-calls.ts';

/** Looks once whether its port is free; if it is not, it gives up. */
export const SHAREAZA: ClientProfile = {
  key: 'shareaza',
  title: 'Shareaza',
  source: 'the Windows UPnP finder, and RFC 6970 §5.7: relies on GetSpecificPortMappingEntry alone. Order is a guess.',
  userAgent: 'Mozilla/4.0 (compatible; UPnP/1.0; Windows 9x)',
  searches: [{ target: IGD_1, mx: 3 }],
  accepts: { rootTypes: [IGD_1], services: [WAN_IP_1, WAN_PPP_1], chooses: 'first described' },
  patience: seconds(30),
  steps: [
    { kind: 'fetch-scpd', which: 'all' },
    getStatus,
    getExternalAddress,
    getSpecific('TCP', { result: 'error', codes: [714] }),
    add('TCP', 'Shareaza TCP', '0'),
    getSpecific('UDP', { result: 'error', codes: [714] }),
    add('UDP', 'Shareaza UDP', '0'),
  ],
};
