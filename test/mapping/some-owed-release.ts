// A release as it may be owed; what a test cares about is given.

import { IpAddress } from '../../src/base/ip-address.ts';
import { portNumber } from '../../src/base/port-number.ts';
import { after, hours } from '../../src/base/time.ts';
import type { OwedRelease } from '../../src/mapping/ledger.ts';
import { START } from './some-mapping.ts';

export const someOwed = (internalPort: number, change: Partial<OwedRelease> = {}): OwedRelease => ({
  server: 'carrier',
  protocol: 'TCP',
  internalAddress: IpAddress.of('192.0.2.2'),
  internalPort: portNumber(internalPort),
  nonce: '0123456789abcdef01234567',
  isThirdParty: false,
  endsAt: after(START, hours(1)),
  ...change,
});
