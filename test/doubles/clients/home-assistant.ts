import { seconds } from '../../../src/base/time.ts';
import type { CallStep, ClientProfile } from './client-profile.ts';
import { getExternalAddress, getLinkProperties, getStatus, WAN_COMMON, WAN_IP_1, WAN_IP_2 } from './usual-calls.ts';

const counter = (name: string): CallStep => ({
  kind: 'call',
  action: `GetTotal${name}`,
  service: 'common',
  needs: { result: 'success', out: { [`NewTotal${name}`]: 'present' } },
});

export const HOME_ASSISTANT: ClientProfile = {
  key: 'home-assistant',
  title: 'Home Assistant (async_upnp_client)',
  source: 'searches the gateway by its own address in HOST; polls counters; subscribes',
  userAgent: 'async-upnp-client/0.44',
  searches: [{ target: 'ssdp:all', mx: 4 }],
  accepts: {
    services: [WAN_IP_1, WAN_IP_2],
    chooses: 'first described',
    alsoNeeds: [WAN_COMMON],
    serviceIdContains: 'WANIPConn1',
  },
  patience: seconds(10),
  steps: [
    { kind: 'fetch-scpd', which: 'all' },
    { kind: 'subscribe', timeout: 'Second-1800' },
    { kind: 'await-event', variable: 'ConnectionStatus', within: seconds(5) },
    getStatus,
    getExternalAddress,
    ...['BytesReceived', 'BytesSent', 'PacketsReceived', 'PacketsSent'].map(counter),
    getLinkProperties,
    { kind: 'renew', timeout: 'Second-1800' },
    { kind: 'unsubscribe' },
  ],
};
