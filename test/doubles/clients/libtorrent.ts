import { seconds } from '../../../src/base/time.ts';
import type { Again, ClientProfile } from './client-profile.ts';
import { add, deleteMapping, getExternalAddress, WAN_IP_1, WAN_IP_2, WAN_PPP_1 } from './usual-calls.ts';

const RETRIES: readonly Again[] = [
  { after: [725], with: 'no lease', atMost: 1 },
  { after: [718, 501], with: 'a random port', atMost: 4 },
];

/** Any error it does not know ends the mapping for good. */
export const LIBTORRENT: ClientProfile = {
  key: 'libtorrent',
  title: 'libtorrent (qBittorrent, Deluge)',
  source: 'read in its source: odd spacing in the search, "Soapaction", 10 s patience, 718 and 501 retried',
  userAgent: 'libtorrent/2.0.11.0',
  searches: [
    {
      target: 'upnp:rootdevice',
      mx: 3,
      lines: ['HOST: 239.255.255.250:1900', 'ST:{target}', 'MAN:"ssdp:discover"', 'MX:{mx}', '', ''],
    },
  ],
  accepts: { services: [WAN_IP_1, WAN_IP_2, WAN_PPP_1], chooses: 'first described' },
  soap: { field: 'Soapaction', contentType: 'text/xml; charset="utf-8"' },
  patience: seconds(10),
  steps: [
    getExternalAddress,
    add('TCP', 'qBittorrent/5.0.0', '3600', { again: RETRIES }),
    add('UDP', 'qBittorrent/5.0.0', '3600', { again: RETRIES }),
    add('TCP', 'qBittorrent/5.0.0', '3600', { again: RETRIES }),
    deleteMapping('TCP'),
    deleteMapping('UDP'),
  ],
};
