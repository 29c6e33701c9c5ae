// A mapping for tests about the table and its file; what matters to a test is passed in.

import { IpAddress } from '../../src/base/ip-address.ts';
import { portNumber } from '../../src/base/port-number.ts';
import { instant, wallTime } from '../../src/base/time.ts';
import type { Mapping, Upstream } from '../../src/mapping/mapping.ts';

export const START = instant(1_000_000);

export function someMapping(port: number, change: Partial<Mapping> = {}, upstream: Partial<Upstream> = {}): Mapping {
  return {
    protocol: 'TCP',
    externalPort: portNumber(port),
    remoteHost: '',
    remotePeers: [],
    internalClient: IpAddress.of(`192.168.1.${1 + (port % 200)}`),
    internalPort: portNumber(port),
    description: 'game',
    madeBy: {
      address: IpAddress.of('192.168.1.20'),
      name: 'test',
      via: 'IGD:1',
    },
    isPublished: true,
    createdAt: wallTime(1_700_000_000_000),
    leaseEndsAt: instant(START + 3_600_000),
    leaseSeconds: 3600,
    nat1Port: portNumber(port),
    state: 'granted',
    ...change,
    upstream: {
      server: 'carrier',
      nonce: port.toString(16).padStart(24, '0'),
      internalAddress: IpAddress.of('192.0.2.2'),
      internalPort: portNumber(port),
      isThirdParty: false,
      assignedAddress: IpAddress.of('198.51.100.7'),
      assignedPort: portNumber(port),
      grantedAt: START,
      expiresAt: instant(START + 7_200_000),
      renewAt: instant(START + 3_600_000),
      window: 1,
      ...upstream,
    },
  };
}
