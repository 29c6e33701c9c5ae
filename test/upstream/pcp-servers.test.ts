import { describe, expect, it } from 'vitest';
import type { DefaultRoute } from '../../src/base/host.ts';
import { endpointText, IpAddress } from '../../src/base/ip-address.ts';
import { portNumber } from '../../src/base/port-number.ts';
import type { PcpServerChoice } from '../../src/config/config-network-kinds.ts';
import { considerPlaces, readDhcpServers, serversIn, whyNoServer } from '../../src/upstream/pcp-servers.ts';
import { SimulatedWorld } from '../doubles/simulated-host.ts';
import { hexOf, vector } from '../pcp/wire/vectors.ts';

const AUTO: readonly PcpServerChoice[] = [{ kind: 'auto' }];
const gateway = (address: string | undefined): DefaultRoute => ({
  interfaceName: 'wan',
  gateway: address === undefined ? undefined : IpAddress.of(address),
});

async function found(
  servers: readonly PcpServerChoice[],
  around: {
    readonly ipv4?: DefaultRoute;
    readonly ipv6?: DefaultRoute;
    readonly dhcp?: string;
    readonly dhcpFile?: string;
  } = {},
) {
  const host = new SimulatedWorld().host([]);
  host.defaultRoutes = {
    ...(around.ipv4 === undefined ? {} : { IPv4: around.ipv4 }),
    ...(around.ipv6 === undefined ? {} : { IPv6: around.ipv6 }),
  };
  host.names.set('pcp.example.org', [IpAddress.of('192.0.2.7')]);
  if (around.dhcp !== undefined) await host.files.replace('/tmp/pcp', around.dhcp);
  const dhcpFile = around.dhcpFile ?? (around.dhcp === undefined ? '' : '/tmp/pcp');
  const places = await considerPlaces(host, { servers, dhcpFile });
  const list = serversIn(places).map(({ id, endpoints }) => [String(id), ...endpoints.map(endpointText)]);
  return { places, list, why: whyNoServer(places) };
}

describe('where PCP servers are looked for (RFC 6887 §8.1)', () => {
  it('"auto": the default gateway', async () => {
    expect((await found(AUTO, { ipv4: gateway('192.0.2.1') })).list).toEqual([['192.0.2.1', '192.0.2.1:5351']]);
  });

  it('"auto": what DHCP said replaces the gateway; each line is one server (RFC 7291 §4)', async () => {
    const dhcp = '# from the lease\n192.0.2.1 192.0.2.2\n198.51.100.1\n';
    expect((await found(AUTO, { ipv4: gateway('203.0.113.1'), dhcp })).list).toEqual([
      ['192.0.2.1, 192.0.2.2', '192.0.2.1:5351', '192.0.2.2:5351'],
      ['198.51.100.1', '198.51.100.1:5351'],
    ]);
  });

  it('"auto": an IPv6 gateway only where there is no IPv4 one, with its interface (link-local)', async () => {
    const ipv6 = gateway('fe80::1');
    const { places } = await found(AUTO, { ipv4: gateway(undefined), ipv6 });
    expect(serversIn(places)).toMatchObject([{ id: 'fe80::1', interfaceName: 'wan' }]);
    expect((await found(AUTO, { ipv4: gateway('192.0.2.1'), ipv6 })).list).toHaveLength(1);
  });

  it('listed ones in their order, a nested list as one server, names resolved, each once', async () => {
    const address = (host: string, port = 5351) => ({ host, port: portNumber(port) });
    const { list } = await found([
      { kind: 'server', addresses: [address('127.0.0.1', 5361)] },
      { kind: 'server', addresses: [address('192.0.2.1'), address('2001:db8::1')] },
      { kind: 'server', addresses: [address('pcp.example.org')] },
      { kind: 'server', addresses: [address('127.0.0.1', 5361)] },
    ]);
    expect(list).toEqual([
      ['127.0.0.1 port 5361', '127.0.0.1:5361'],
      ['192.0.2.1, 2001:db8::1', '192.0.2.1:5351', '[2001:db8::1]:5351'],
      ['pcp.example.org', '192.0.2.7:5351'],
    ]);
  });

  it('anycast and AFTR addresses are contacted only when listed (RFC 7723, RFC 6333)', async () => {
    expect((await found(AUTO)).list).toEqual([]);
    const listed = [{ kind: 'server', addresses: [{ host: '192.0.0.9', port: portNumber(5351) }] }] as const;
    expect((await found(listed)).list).toEqual([['192.0.0.9', '192.0.0.9:5351']]);
  });

  it.each([
    [{}, 'there is no IPv4 default route'],
    [{ ipv4: gateway(undefined) }, 'the IPv4 default route has no next hop'],
    [{ dhcpFile: '/nowhere' }, 'the DHCP file cannot be read'],
    [{ dhcp: 'nonsense\n' }, 'the DHCP file /tmp/pcp names no server'],
    [{}, 'no DHCP file is configured'],
  ])('says why there is none: %j', async (around, why) => {
    expect((await found(AUTO, around)).why).toContain(why);
  });

  it('a name without an address is a reason, too', async () => {
    const unknown = [{ kind: 'server', addresses: [{ host: 'nobody.example.org', port: portNumber(5351) }] }] as const;
    expect((await found(unknown)).why).toBe('the name nobody.example.org has no address');
  });
});

describe('what DHCP clients leave behind (RFC 7291)', () => {
  const texts = (text: string) => readDhcpServers(text).map((list) => list.map(String));

  it.each([
    ['addresses with commas', '192.0.2.1,192.0.2.2', [['192.0.2.1', '192.0.2.2']]],
    [
      'D01 as udhcpc has it',
      `opt158=${hexOf(vector('D01').subarray(2))}`,
      [['192.0.2.1', '192.0.2.2'], ['198.51.100.1']],
    ],
    ['D02 as odhcp6c has it', `OPTION_86="${hexOf(vector('D02').subarray(4))}"`, [['2001:db8:1111::1', '192.0.2.1']]],
    ['octets with colons', '0x04:c0:00:02:01', [['192.0.2.1']]],
    ['a payload that is none', '05c000020100', []],
    ['a comment', '# 192.0.2.1', []],
    ['multicast', '224.0.0.1', []],
    ['an empty file', '', []],
  ])('%s', (_what, text, expected) => {
    expect(texts(text)).toEqual(expected);
  });

  it('reads eight servers and no more', () => {
    expect(texts('192.0.2.1\n'.repeat(20))).toHaveLength(8);
  });
});
