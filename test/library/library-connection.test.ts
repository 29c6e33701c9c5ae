import { expect, it } from 'vitest';
import { ANY_IPV4, ANY_IPV6, type IpAddress } from '../../src/base/ip-address.ts';
import { ANY_PORT, portNumber } from '../../src/base/port-number.ts';
import { seconds } from '../../src/base/time.ts';
import { LibraryConnection } from '../../src/library/library-connection.ts';
import { decodeRequest } from '../../src/pcp/wire/pcp-request.ts';
import { attachSimulator } from '../doubles/attach-simulator.ts';
import { nonce } from '../doubles/pcp-asker.ts';
import { SimulatedWorld } from '../doubles/simulated-host.ts';
import { at } from '../doubles/simulated-network.ts';

const FAMILIES = [
  { box: '192.168.1.10/24', router: '192.168.1.1', length: 24, family: ANY_IPV4 },
  { box: '2001:db8::10/64', router: '2001:db8::1', length: 64, family: ANY_IPV6 },
] as const;

it('P-08: on two stacks, each family has its own server and its own all-zero suggestion (RFC 6887 §5, §8.1)', async () => {
  const world = new SimulatedWorld();
  const link = FAMILIES.map(({ box }) => ({ name: 'eth0', address: box, segment: 'link' }));
  const box = world.host(link);
  const wished = new Map<string, IpAddress>();
  world.network.watch = ({ to, bytes }) => {
    const decoded = decodeRequest(bytes);
    if (decoded.kind !== 'request' || decoded.request.kind !== 'map') return;
    wished.set(to.address.text, decoded.request.externalAddress);
  };
  for (const { router, length } of FAMILIES) {
    const carrier = world.host([{ name: 'eth0', address: `${router}/${length}`, segment: 'link' }]);
    await attachSimulator(carrier, at(router, 5351));
    const opened = LibraryConnection.over(box, { servers: [router], answerWithinSeconds: 4, natPmp: true });
    if (!opened.ok) throw new Error(opened.error);
    const request = {
      protocol: 'TCP',
      internalPort: portNumber(80),
      thirdParty: undefined,
      nonce: nonce(1),
      suggestedPort: ANY_PORT,
      suggestedAddress: ANY_IPV4,
      exactPort: false,
      remotePeers: [],
      lifetimeSeconds: 3600,
    } as const;
    const { outcome } = await world.clock.resolve(opened.value.map(request), seconds(5));
    expect(outcome.kind).toBe('granted');
    await opened.value.close();
  }
  for (const { router, family } of FAMILIES) expect(wished.get(router)?.text).toBe(family.text);
});
