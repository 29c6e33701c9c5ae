import { describe, expect, it } from 'vitest';
import { findLanAddresses, followLanAddresses } from '../../src/daemon/lan-addresses.ts';
import { SimulatedWorld } from '../doubles/simulated-host.ts';

const host = new SimulatedWorld().host([
  { name: 'lo', address: '127.0.0.1/8' },
  { name: 'br-lan', address: '192.168.1.1/24' },
  { name: 'br-lan', address: '192.168.2.1/24' },
  { name: 'br-lan', address: 'fd00::1/64' },
  { name: 'wan', address: '100.64.1.2/24' },
]);

const found = (...wanted: string[]) => {
  const result = findLanAddresses(wanted, host.network.interfaces());
  return result.ok ? result.value.map((lan) => `${lan.interfaceName} ${lan.address.text} ${lan.prefix}`) : result.error;
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
    expect(found('br-lna')).toBe(
      'lan.interfaces: no interface "br-lna" with an IPv4 address; there are lo (127.0.0.1), br-lan (192.168.1.1), br-lan (192.168.2.1), wan (100.64.1.2)',
    );
    expect(found('10.0.0.1')).toContain('no interface has the address 10.0.0.1');
  });

  it('follow the interfaces: what has no address now keeps what it had, wish by wish', () => {
    const one = findLanAddresses(['br-lan'], host.network.interfaces());
    if (!one.ok) throw new Error(one.error);
    const other = new SimulatedWorld().host([{ name: 'eth1', address: '10.0.0.1/24' }]).network.interfaces();
    const names = (wanted: string[]) => followLanAddresses(wanted, other, one.value).map((lan) => lan.address.text);
    expect(names(['br-lan', 'eth1'])).toEqual(['192.168.1.1', '192.168.2.1', '10.0.0.1']);
    expect(names(['192.168.2.1'])).toEqual(['192.168.2.1']);
    expect(names(['eth1'])).toEqual(['10.0.0.1']);
  });
});
