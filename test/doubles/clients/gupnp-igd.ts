import { seconds } from '../../../src/base/time.ts';
import type { Again, ClientProfile } from './client-profile.ts';
import { add, deleteMapping, getExternalAddress, WAN_IP_1, WAN_PPP_1 } from './usual-calls.ts';

const RETRIES: readonly Again[] = [{ after: [718], with: 'a random port', atMost: 10 }];

export const GUPNP_IGD: ClientProfile = {
  key: 'gupnp-igd',
  title: 'gupnp-igd (Empathy, Pidgin and kin)',
  source: 'read in its source: searches the service, subscribes, renews at half of the lease',
  userAgent: 'gupnp-igd GUPnP/1.6 DLNADOC/1.50',
  searches: [
    { target: WAN_IP_1, mx: 3 },
    { target: WAN_PPP_1, mx: 3 },
  ],
  accepts: { services: [WAN_IP_1, WAN_PPP_1], chooses: 'first described' },
  patience: seconds(15),
  steps: [
    { kind: 'fetch-scpd', which: 'connection' },
    { kind: 'subscribe', timeout: 'Second-300' },
    { kind: 'await-event', variable: 'ExternalIPAddress', within: seconds(5) },
    getExternalAddress,
    add('UDP', 'nice', '600', { again: RETRIES }),
    add('UDP', 'nice', '600', { again: RETRIES }),
    { kind: 'renew', timeout: 'Second-300' },
    deleteMapping('UDP'),
    { kind: 'unsubscribe' },
  ],
};
