import { seconds } from '../../../src/base/time.ts';
import type { ClientProfile } from './client-profile.ts';
import { add, getExternalAddress, getSpecific, IGD_1, OURS, WAN_IP_1, WAN_PPP_1 } from './usual-calls.ts';

const probe = (protocol: string) => ({
  ...getSpecific(protocol, { result: 'error', codes: [714] }),
  again: [{ after: 'success' as const, with: 'the next port' as const, atMost: 10 }],
});

/** Looks for a port that nobody has, then takes it. */
export const UTORRENT: ClientProfile = {
  key: 'utorrent',
  title: 'uTorrent 2.2',
  source:
    'closed; reports and RFC 6970 §5.6.2: probes ports until one is free, waits 90 s and more. Search order is a guess.',
  searches: [
    { target: IGD_1, mx: 3 },
    { target: 'upnp:rootdevice', mx: 3 },
  ],
  accepts: { services: [WAN_IP_1, WAN_PPP_1], chooses: 'first described' },
  patience: seconds(90),
  steps: [
    getExternalAddress,
    probe('TCP'),
    add('TCP', 'uTorrent (TCP)', '0'),
    getSpecific('TCP', OURS),
    probe('UDP'),
    add('UDP', 'uTorrent (UDP)', '0'),
  ],
};
