// What the network of this box may do before and after the daemon starts: the WAN comes late, moves to another line, has two
// addresses; LAN interfaces are not there yet; a LAN turns out to be the Internet.

import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../src/base/ip-address.ts';
import { seconds } from '../../src/base/time.ts';
import { disagreements } from '../doubles/agreement.ts';
import { CARRIER, DaemonWorld, ROUTER, WAN } from '../doubles/daemon-world.ts';
import { ACCESS } from '../doubles/scenario-carrier.ts';

const DESK = '192.168.1.20';
const SECOND_LINE = '100.64.1.9';
const NOTICED = seconds(10);

/** A daemon that is started again, in a network that `before` has changed. */
async function startedIn(
  before: (world: DaemonWorld) => void,
  settings: Readonly<Record<string, string>> = {},
): Promise<DaemonWorld> {
  const world = await DaemonWorld.open({ settings });
  world.kill();
  before(world);
  await world.boots();
  return world;
}

const health = async (world: DaemonWorld): Promise<string> => {
  const answer = await world.admin({ method: 'GET', path: '/api/status' });
  if (!answer.ok) throw new Error(answer.error);
  return JSON.parse(answer.value.body).health.sentence;
};

const isServed = (world: DaemonWorld, address: string): boolean =>
  world.simulated.network.hasHttp({ address: IpAddress.of(address), port: 5000 });

describe.each([
  ['found by the default route', '""'],
  ['named', '"wan"'],
])('with nftables and an external interface that comes up after us, %s', (_how, name) => {
  it('starts, says Disconnected, refuses with the reason, and maps within ten seconds when it is there', async () => {
    const world = await startedIn((each) => each.wanGoesDown(), { 'wan.interface': name });
    const desk = world.computer(DESK);
    expect(await desk.connectionStatus()).toBe('Disconnected');
    expect(await desk.add({ external: 6881 })).toBe('error 501');
    expect(world.logged(/refused/).join()).toMatch(/external interface/);
    expect(await health(world)).toMatch(/external interface/);
    world.wanComesUp(WAN);
    await world.passes(NOTICED);
    expect(await desk.connectionStatus()).toBe('Connected');
    expect(await desk.add({ external: 6881 })).toBe('ok');
    expect(world.nft.rules('arrivals').join()).toContain('iifname "wan"');
    expect(await disagreements(world)).toEqual([]);
  });
});

describe('an external interface', () => {
  it('is another one after SIGHUP: rules and requests follow the configuration', async () => {
    const world = await DaemonWorld.open();
    const desk = world.computer(DESK);
    expect(await desk.add({ external: 6881, lease: 0 })).toBe('ok');
    world.box.removeInterface('wan');
    world.box.addInterface({ name: 'pppoe-wan', address: `${WAN}/24`, segment: ACCESS });
    world.box.defaultRoutes = { IPv4: { interfaceName: 'pppoe-wan', gateway: IpAddress.of(CARRIER) } };
    await world.reloads({ 'wan.interface': '"pppoe-wan"' });
    await world.passes(seconds(1));
    expect(world.nft.rules('arrivals').join()).toContain('iifname "pppoe-wan"');
    expect(world.logged(/wait for a restart/)).toEqual([]);
  });

  it('that nobody named is where the default route leads: it fails over, and the rules with it', async () => {
    const world = await DaemonWorld.open({ settings: { 'wan.interface': '""' } });
    const desk = world.computer(DESK);
    expect(await desk.add({ external: 6881, lease: 0 })).toBe('ok');
    world.wanGoesDown();
    world.box.addInterface({ name: 'lte', address: `${SECOND_LINE}/24`, segment: ACCESS });
    world.box.defaultRoutes = { IPv4: { interfaceName: 'lte', gateway: IpAddress.of(CARRIER) } };
    world.wanAddress = SECOND_LINE;
    world.carrier.restarts({ announce: false, keepTable: false });
    await world.passes(seconds(20));
    expect(world.nft.rules('arrivals').every((rule) => rule.includes('iifname "lte"'))).toBe(true);
    expect(Object.keys(world.nft.elements('in'))).toEqual([`${SECOND_LINE} . tcp . 6881`]);
    expect(world.carrier.ports()).toEqual([6881]);
    expect(await disagreements(world)).toEqual([]);
  });

  it('with two addresses has its rules at the one that the PCP server sees', async () => {
    const world = await startedIn((each) => {
      each.box.removeInterface('wan');
      each.box.addInterface({ name: 'wan', address: '203.0.113.7/24', segment: 'elsewhere' });
      each.box.addInterface({ name: 'wan', address: `${WAN}/24`, segment: ACCESS });
    });
    expect(await world.computer(DESK).add({ external: 6881 })).toBe('ok');
    expect(Object.keys(world.nft.elements('in'))).toEqual([`${WAN} . tcp . 6881`]);
    expect(await disagreements(world)).toEqual([]);
  });

  it('that is not the one by which the PCP server is asked opens nothing, and the health sentence names both', async () => {
    const world = await startedIn((each) => {
      each.box.addInterface({ name: 'lte', address: '203.0.113.7/24', segment: 'elsewhere' });
      each.settings = { ...each.settings, 'wan.interface': '"lte"' };
    });
    const desk = world.computer(DESK);
    expect(await desk.add({ external: 6881 })).toBe('error 501');
    expect(await desk.connectionStatus()).toBe('Disconnected');
    expect(world.carrier.ports()).toEqual([]);
    expect(await health(world)).toMatch(/100\.64\.1\.2 \(wan\).*lte/);
  });
});

describe('with nftables', () => {
  it('a PCP server is asked by IPv4 alone: one that DHCPv6 or the IPv6 default route names could open nothing', async () => {
    const world = await startedIn((each) => {
      each.wanGoesDown();
      each.box.addInterface({ name: 'wan', address: '2001:db8::2/64', segment: ACCESS });
      each.box.defaultRoutes = { IPv6: { interfaceName: 'wan', gateway: IpAddress.of('2001:db8::1') } };
      each.box.files.put('/tmp/pcp-servers', '2001:db8::1\n');
      each.settings = { ...each.settings, 'pcp.dhcp_file': '"/tmp/pcp-servers"' };
    });
    expect(world.daemon.operator.snapshot().servers).toEqual([]);
    expect(await world.computer(DESK).add({ external: 6881 })).toBe('error 501');
    expect(world.daemon.operator.snapshot().noServerBecause).toMatch(/IPv4/);
  });
});

describe('a LAN interface that is not there at the start', () => {
  it('beside one that is: the other is served, the missing one is named, and served when it comes', async () => {
    const world = await startedIn((each) => {
      each.settings = { ...each.settings, 'lan.interfaces': '["br-lan", "br-guest"]' };
    });
    expect(await world.computer(DESK).add({ external: 6881 })).toBe('ok');
    expect(world.logged(/^warn .*br-guest/)).toHaveLength(1);
    expect(await health(world)).toMatch(/br-guest is not served/);
    world.box.addInterface({ name: 'br-guest', address: '192.168.50.1/24', segment: 'lan' });
    await world.passes(NOTICED);
    expect(isServed(world, '192.168.50.1')).toBe(true);
    expect(await health(world)).toMatch(/^All is well/);
  });

  it('alone: the daemon waits with one warning, and serves it when it comes', async () => {
    const world = await startedIn((each) => each.box.removeInterface('br-lan'));
    await world.passes(seconds(60));
    expect(world.logged(/^warn .*br-lan/)).toHaveLength(1);
    expect(await health(world)).toMatch(/Nobody on the LAN is served.*br-lan/);
    world.lanMovesTo(ROUTER);
    await world.passes(NOTICED);
    expect(await world.computer(DESK).add({ external: 6881 })).toBe('ok');
  });

  it('is followed under the name that SIGHUP gives', async () => {
    const world = await DaemonWorld.open();
    world.box.addInterface({ name: 'br-new', address: '192.168.50.1/24', segment: 'lan' });
    await world.reloads({ 'lan.interfaces': '["br-new"]' });
    expect([isServed(world, ROUTER), isServed(world, '192.168.50.1')]).toEqual([false, true]);
  });
});

describe('a LAN interface that is the external one is never served', () => {
  it.each([
    ['by its name, where the default route leads', { 'lan.interfaces': '["wan"]', 'wan.interface': '""' }],
    ['by its address', { 'lan.interfaces': `["${WAN}"]` }],
    ['beside a true LAN', { 'lan.interfaces': `["br-lan", "${WAN}"]` }],
  ])('%s: the daemon does not start', async (_how, settings) => {
    const world = await DaemonWorld.open();
    world.kill();
    world.settings = { ...world.settings, ...settings };
    await expect(world.boots()).rejects.toThrow(/lan\.interfaces: .*external interface/);
    expect(isServed(world, WAN)).toBe(false);
  });

  it('by an address that has a label of its own there', async () => {
    const world = await DaemonWorld.open();
    world.kill();
    world.box.addInterface({ name: 'wan:1', address: '203.0.113.7/24', segment: ACCESS });
    world.settings = { ...world.settings, 'lan.interfaces': '["203.0.113.7"]' };
    await expect(world.boots()).rejects.toThrow(/external interface/);
  });

  it('when the default route moves onto it: its doors close within seconds, which is said, and open again after', async () => {
    const world = await DaemonWorld.open({ settings: { 'wan.interface': '""' } });
    expect(isServed(world, ROUTER)).toBe(true);
    const routes = world.box.defaultRoutes;
    world.box.defaultRoutes = { IPv4: { interfaceName: 'br-lan', gateway: IpAddress.of('192.168.1.254') } };
    await world.passes(NOTICED);
    expect(isServed(world, ROUTER)).toBe(false);
    expect(world.logged(/^warn .*br-lan.*external interface/)).toHaveLength(1);
    expect(await health(world)).toMatch(/Nobody on the LAN is served.*external interface/);
    world.box.defaultRoutes = routes;
    await world.passes(NOTICED);
    expect(isServed(world, ROUTER)).toBe(true);
  });
});
