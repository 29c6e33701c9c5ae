import { describe, expect, it } from 'vitest';
import { lookForLans } from '../../src/lan/lan-addresses.ts';
import { SimulatedWorld } from '../doubles/simulated-host.ts';

const host = new SimulatedWorld().host([
  { name: 'lo', address: '127.0.0.1/8' },
  { name: 'br-lan', address: '192.168.1.1/24' },
  { name: 'br-lan', address: '192.168.2.1/24' },
  { name: 'br-lan', address: 'fd00::1/64' },
  { name: 'wan', address: '100.64.1.2/24' },
]);

const found = (...wanted: string[]) => {
  const { lans, obstacles } = lookForLans(wanted, host.network.interfaces(), 'wan');
  return [
    ...lans.map((lan) => `${lan.interfaceName} ${lan.address.text} ${lan.prefix}`),
    ...obstacles.map(({ wish, why }) => `${wish}: ${why}`),
  ];
};

describe('LAN addresses', () => {
  it('an interface brings all its IPv4 addresses, an address only itself', () => {
    expect(found('br-lan')).toEqual(['br-lan 192.168.1.1 192.168.1.1/24', 'br-lan 192.168.2.1 192.168.2.1/24']);
    expect(found('192.168.2.1')).toEqual(['br-lan 192.168.2.1 192.168.2.1/24']);
  });

  it('named twice is served once', () => {
    expect(found('br-lan', '192.168.1.1')).toHaveLength(2);
  });

  it('all of 127.0.0.0/8 is there', () => {
    expect(found('127.0.0.2')).toEqual(['lo 127.0.0.2 127.0.0.1/8']);
  });

  it('says what there is when something is not', () => {
    expect(found('br-lna', '192.168.2.1')).toEqual([
      'br-lan 192.168.2.1 192.168.2.1/24',
      'br-lna: no interface "br-lna" is up with an IPv4 address; there are lo (127.0.0.1), br-lan (192.168.1.1), br-lan (192.168.2.1), wan (100.64.1.2)',
    ]);
    expect(found('10.0.0.1').join()).toContain('no interface has the address 10.0.0.1');
  });

  it('of the external interface there are none, by whatever name', () => {
    const reason = 'is the external interface, and strangers are not served';
    expect(found('wan').join()).toContain(`wan: it ${reason}`);
    expect(found('br-lan', '100.64.1.2')).toHaveLength(3);
    expect(found('100.64.1.2').join()).toContain(`100.64.1.2: it is on wan, which ${reason}`);
  });

  it('follow the interfaces: what has no address now keeps what it had, wish by wish', () => {
    const { lans } = lookForLans(['br-lan'], host.network.interfaces(), 'wan');
    const other = new SimulatedWorld().host([{ name: 'eth1', address: '10.0.0.1/24' }]).network.interfaces();
    const names = (wanted: string[]) => lookForLans(wanted, other, 'wan', lans).lans.map((lan) => lan.address.text);
    expect(names(['br-lan', 'eth1'])).toEqual(['192.168.1.1', '192.168.2.1', '10.0.0.1']);
    expect(names(['192.168.2.1'])).toEqual(['192.168.2.1']);
    expect(names(['eth1'])).toEqual(['10.0.0.1']);
  });
});
