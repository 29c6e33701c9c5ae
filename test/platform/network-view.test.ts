import { describe, expect, it } from 'vitest';
import { defaultRouteOfIPv4, defaultRouteOfIPv6, neighboursOf, nodeNetwork } from '../../src/platform/network-view.ts';

const HEAD = 'Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n';

describe('the view of the network', () => {
  it('finds the default route with the lowest metric', () => {
    const table =
      `${HEAD}wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n` +
      'wan\t00000000\t01014064\t0003\t0\t0\t100\t00000000\t0\t0\t0\n' +
      'br-lan\t0001A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n';
    const route = defaultRouteOfIPv4(table);
    expect([route?.interfaceName, route?.gateway?.text]).toEqual(['wan', '100.64.1.1']);
  });

  it('says that a link has no next hop', () => {
    const route = defaultRouteOfIPv4(`${HEAD}ppp0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0\n`);
    expect(route).toEqual({ interfaceName: 'ppp0', gateway: undefined });
  });

  it('takes neither unreachable routes nor an empty table', () => {
    expect(defaultRouteOfIPv4(`${HEAD}*\t00000000\t00000000\t0201\t0\t0\t0\t00000000\t0\t0\t0\n`)).toBeUndefined();
    expect(defaultRouteOfIPv4('')).toBeUndefined();
    expect(defaultRouteOfIPv6('')).toBeUndefined();
  });

  it('reads the IPv6 default route', () => {
    const zeros = '0'.repeat(32);
    const gateway = 'fe800000000000000000000000000001';
    const table = `${zeros} 00 ${zeros} 00 ${gateway} 00000400 00000001 00000000 00000003     wan\n`;
    const route = defaultRouteOfIPv6(table);
    expect([route?.interfaceName, route?.gateway?.text]).toEqual(['wan', 'fe80::1']);
  });

  it('reads neighbours and whether they answered', () => {
    const table =
      'IP address       HW type     Flags       HW address            Mask     Device\n' +
      '192.168.1.10     0x1         0x2         02:00:00:00:00:10     *        br-lan\n' +
      '192.168.1.11     0x1         0x0         00:00:00:00:00:00     *        br-lan\n';
    expect(neighboursOf(table).map((row) => [row.address.text, row.mac, row.isReachable])).toEqual([
      ['192.168.1.10', '02:00:00:00:00:10', true],
      ['192.168.1.11', '00:00:00:00:00:00', false],
    ]);
  });

  it('sees the loopback interface of this machine, and no interface that is not there', async () => {
    expect(nodeNetwork.interfaces().some((row) => row.isLoopback && row.address.text === '127.0.0.1')).toBe(true);
    expect((await nodeNetwork.linkState('lo'))?.isUp).toBe(true);
    expect(await nodeNetwork.linkState('no-such-link')).toBeUndefined();
  });
});
