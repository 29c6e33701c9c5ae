import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../src/base/ip-address.ts';
import { LanHosts } from '../../src/lan/lan-hosts.ts';
import { SimulatedWorld } from '../doubles/simulated-host.ts';

const LEASES = '1767300000 02:00:00:00:00:10 192.168.1.10 desk-pc *\n1767300000 02:00:00:00:00:11 192.168.1.11 * *\n';

describe('the hosts on the LAN', () => {
  it('have names from the lease file and MACs from the neighbour table', async () => {
    const host = new SimulatedWorld().host([]);
    host.files.put('/leases', LEASES);
    const address = IpAddress.of('192.168.1.10');
    host.neighbours = [{ address, mac: '02:00:00:00:00:10', interfaceName: 'br-lan', isReachable: true }];
    const hosts = new LanHosts(host, '/leases');
    const observation = await hosts.look();
    expect(observation.leases).toBe(LEASES);
    expect(hosts.nameOf('192.168.1.10')).toBe('desk-pc');
    expect(hosts.nameOf('192.168.1.11')).toBeUndefined();
    expect(hosts.macOf(address)).toBe('02:00:00:00:00:10');
    expect(hosts.macOf(IpAddress.of('192.168.1.99'))).toBeUndefined();
  });

  it('have a lease file by default on OpenWrt only: elsewhere anybody may put one there', async () => {
    const host = new SimulatedWorld().host([]);
    host.files.put('/tmp/dhcp.leases', LEASES);
    expect((await new LanHosts(host, 'auto').look()).leases).toBeUndefined();
    host.files.put('/etc/openwrt_release', "DISTRIB_ID='OpenWrt'\n");
    expect((await new LanHosts(host, 'auto').look()).leases).toBe(LEASES);
  });

  it('follow the file when it changes, and do without it', async () => {
    const host = new SimulatedWorld().host([]);
    const hosts = new LanHosts(host, '/leases');
    expect((await hosts.look()).leases).toBeUndefined();
    host.files.put('/leases', LEASES);
    await hosts.look();
    expect(hosts.nameOf('192.168.1.10')).toBe('desk-pc');
    host.files.put('/leases', LEASES.replace('desk-pc', 'console'));
    await hosts.look();
    expect(hosts.nameOf('192.168.1.10')).toBe('console');
    hosts.useLeaseFile('');
    expect((await hosts.look()).leases).toBeUndefined();
  });

  it('have not left because the file cannot be read for a moment; afterwards it is read', async () => {
    const host = new SimulatedWorld().host([]);
    host.files.put('/leases', LEASES);
    const hosts = new LanHosts(host, '/leases');
    await hosts.look();
    const renamed = LEASES.replace('desk-pc', 'console');
    host.files.put('/leases', renamed);
    host.files.unreadable = 'failed';
    expect((await hosts.look()).leases).toBe(LEASES);
    expect(hosts.nameOf('192.168.1.10')).toBe('desk-pc');
    host.files.unreadable = undefined;
    expect((await hosts.look()).leases).toBe(renamed);
    expect(hosts.nameOf('192.168.1.10')).toBe('console');
  });
});
