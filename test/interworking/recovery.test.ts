import { describe, expect, it } from 'vitest';
import { ANY_IPV4, IpAddress } from '../../src/base/ip-address.ts';
import { portNumber } from '../../src/base/port-number.ts';
import { hours, milliseconds, minutes, seconds } from '../../src/base/time.ts';
import { FakePcpServer } from '../doubles/fake-pcp-server.ts';
import { controlPoint, GatewayWorld, mappingRequest } from '../doubles/gateway-world.ts';

const HOST = '192.168.1.20';
const host = controlPoint(HOST, 1);

async function worldWith(count: number, settings: Partial<Parameters<typeof GatewayWorld.open>[0]> = {}) {
  const world = await GatewayWorld.open({ nat: 'nat1', ...settings });
  for (let port = 5001; port < 5001 + count; port += 1)
    await world.add(host, mappingRequest({ client: HOST, external: port, lease: 0 }));
  world.pcp.takePackets();
  world.changes.length = 0;
  return world;
}

describe('a PCP server that lost its state (RFC 6970 §5.10)', () => {
  it('gets everything again within 5 s, with PREFER_FAILURE and the same nonces (RFC 6887 §14.1.3, IWF-93)', async () => {
    const world = await worldWith(20);
    const nonces = [...world.table.all()].map((mapping) => mapping.upstream.nonce);
    const start = world.clock.now();
    world.pcp.restartServer({ keepsTable: false, announces: true });
    expect([...world.table.all()].every((mapping) => mapping.state === 'restoring')).toBe(true);
    await world.advance(seconds(6));
    expect(world.pcp.maps).toHaveLength(20);
    expect(world.pcp.maps.every((request) => request.exactPort)).toBe(true);
    expect(new Set(world.pcp.maps.map((request) => request.nonce))).toEqual(new Set(nonces));
    const times = world.pcp.packets.map((packet) => packet.at - start);
    expect(Math.min(...times)).toBeGreaterThan(0);
    expect(Math.max(...times)).toBeLessThanOrEqual(5100);
    expect(new Set(times.map((time) => Math.floor(time / 1000))).size).toBeGreaterThan(2);
    expect(world.server.mappings()).toHaveLength(20);
    expect([...world.table.all()].every((mapping) => mapping.state === 'granted')).toBe(true);
  });

  it('asks first for what ends first (RFC 6887 §14.1.3)', async () => {
    const world = await worldWith(1);
    world.server.maxLifetime = 600;
    await world.add(host, mappingRequest({ client: HOST, external: 6001, lease: 0 }));
    world.pcp.takePackets();
    world.pcp.restartServer({ keepsTable: false, announces: true });
    await world.advance(seconds(6));
    expect(world.pcp.maps.map((request) => request.suggestedPort)).toEqual([6001, 5001]);
  });

  it('without an announcement is noticed at the next answer (RFC 6887 §8.5, IWF-93)', async () => {
    const world = await worldWith(3);
    world.pcp.restartServer({ keepsTable: false, announces: false });
    await world.add(host, mappingRequest({ client: HOST, external: 7001 }));
    await world.advance(seconds(6));
    expect(world.server.mappings()).toHaveLength(4);
  });

  it('that kept its table after all costs one round of renewals (IWF-93)', async () => {
    const world = await worldWith(5);
    world.pcp.restartServer({ keepsTable: true, announces: true });
    await world.advance(minutes(1));
    expect(world.pcp.maps).toHaveLength(5);
    expect(world.changes.flat().filter((change) => change.kind === 'updated' && change.isVisible)).toEqual([]);
  });

  it('with another external address still gives the port: asked again without the old address (RFC 6970 §5.10, Q-15)', async () => {
    const world = await worldWith(1);
    world.server.externalAddress = IpAddress.of('198.51.100.99');
    world.pcp.restartServer({ keepsTable: false, announces: true });
    await world.advance(seconds(6));
    expect(world.mapping('TCP', 5001)).toMatchObject({ state: 'granted' });
    expect(world.mapping('TCP', 5001)?.upstream.assignedAddress.text).toBe('198.51.100.99');
    expect(world.gateway.known.externalAddress()?.text).toBe('198.51.100.99');
    expect(world.events.at(-1)?.text).toMatch(/moved from .* to 198\.51\.100\.99/);
    expect(world.localNat?.rules()[0]?.rule.externalAddress.text).toBe('198.51.100.99');
  });

  it.each(['none', 'nat1'] as const)(
    'and gives the port on another address despite PREFER_FAILURE: taken as it is, never released (%s)',
    async (nat) => {
      const world = await worldWith(1, { nat });
      const asked = world.server.map.bind(world.server);
      // It looks at the port only.
      world.server.map = (request, source) => asked({ ...request, suggestedAddress: ANY_IPV4 }, source);
      world.server.externalAddress = IpAddress.of('198.51.100.99');
      world.pcp.restartServer({ keepsTable: false, announces: true });
      await world.advance(seconds(6));
      expect(await world.add(host, mappingRequest({ client: HOST, external: 6001 }))).toBe('ok');
      for (const port of [5001, 6001])
        expect(world.mapping('TCP', port)?.upstream.assignedAddress.text).toBe('198.51.100.99');
      expect(world.pcp.releases).toEqual([]);
      expect(world.server.mappings()).toHaveLength(2);
    },
  );

  it('whose port went to another subscriber: the hole stays open under another, the published one is tried again and again (RFC 6970 §5.10, IWF-94, Q-08, Q-15)', async () => {
    const world = await worldWith(1);
    world.server.foreign.add('TCP 5001');
    world.pcp.restartServer({ keepsTable: false, announces: true });
    await world.advance(minutes(5));
    expect(world.mapping('TCP', 5001)?.state).toBe('degraded');
    expect(world.server.mappings()).toHaveLength(1);
    world.server.foreign.clear();
    await world.advance(hours(2));
    expect(world.mapping('TCP', 5001)?.state).toBe('granted');
    expect(world.server.find('TCP', 5001)).toBeDefined();
  });

  it('while the rule of a new mapping is on its way: that mapping is asked for again as well (RFC 6970 §5.10, IWF-93)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    world.localNat?.stop();
    const answer = world.openExactly(host, mappingRequest({ client: HOST, external: 5001, lease: 0 }));
    await world.advance(milliseconds(100));
    expect(world.server.mappings()).toHaveLength(1);
    world.pcp.restartServer({ keepsTable: false, announces: true });
    world.localNat?.goOn();
    expect(await world.resolve(answer)).toMatchObject({ ok: true });
    await world.advance(seconds(10));
    expect(world.mapping('TCP', 5001)?.state).toBe('granted');
    expect(world.server.mappings()).toHaveLength(1);
  });

  it('a delete while the way for another port is being cleared is the last word: nothing is asked for behind it', async () => {
    const world = await worldWith(1);
    world.server.foreign.add('TCP 5001');
    world.pcp.restartServer({ keepsTable: false, announces: true });
    world.pcp.latency = seconds(1);
    for (let step = 0; step < 100 && world.pcp.maps.length < 2; step += 1) await world.advance(milliseconds(100));
    await world.advance(milliseconds(300));
    expect(world.pcp.releases).toEqual([]);
    expect(await world.delete(host, 'TCP', 5001)).toBe('ok');
    await world.advance(seconds(10));
    expect(world.table.size).toBe(0);
    expect(world.server.mappings()).toEqual([]);
    expect(world.pcp.maps).toHaveLength(2);
  });

  it('and refuses everything: tried until the grant would have ended, then lost (RFC 6970 §5.10, IWF-06)', async () => {
    const world = await worldWith(1);
    world.server.refuseAll = { code: 8, lifetimeSeconds: 30 };
    world.pcp.restartServer({ keepsTable: false, announces: true });
    await world.advance(hours(23));
    expect(world.mapping('TCP', 5001)?.state).toBe('restoring');
    await world.advance(hours(2));
    expect(world.table.size).toBe(0);
    expect(world.gateway.lost()).toMatchObject([{ why: expect.stringContaining('NO_RESOURCES') }]);
  });

  it('that is slow to come back is asked until it answers', async () => {
    const world = await worldWith(3);
    world.pcp.restartServer({ keepsTable: false, announces: true });
    world.pcp.isSilent = true;
    await world.advance(minutes(10));
    world.pcp.isSilent = false;
    // The longest wait between two retransmissions is 1024 s (RFC 6887 §8.1.1).
    await world.advance(minutes(18));
    expect(world.server.mappings()).toHaveLength(3);
  });
});

describe('Mapping Updates (RFC 6970 §5.10; RFC 6887 §14.2)', () => {
  it('with another address are accepted, evented and acknowledged by a renewal (IWF-95, Q-08, Q-10)', async () => {
    const world = await worldWith(1);
    const known: (string | undefined)[] = [];
    world.gateway.onKnownChanged(() => known.push(world.gateway.known.externalAddress()?.text));
    const before = world.gateway.known.systemUpdateId();
    const held = serverMapping(world, 5001);
    held.externalAddress = IpAddress.of('198.51.100.50');
    world.server.externalAddress = held.externalAddress;
    world.pcp.sendUpdate(held);
    expect(known).toEqual(['198.51.100.50']);
    expect(world.gateway.known.systemUpdateId()).toBe(before + 1);
    await world.advance(seconds(5));
    expect(world.pcp.maps).toHaveLength(1);
    expect(world.mapping('TCP', 5001)?.state).toBe('granted');
  });

  it('with another port degrade an AddPortMapping entry, which keeps its published number (Q-08)', async () => {
    const world = await worldWith(1);
    const held = serverMapping(world, 5001);
    held.externalPort = portNumber(6100);
    world.server.foreign.add('TCP 5001');
    world.pcp.sendUpdate(held);
    expect(world.mapping('TCP', 5001)).toMatchObject({ state: 'degraded', upstream: { assignedPort: 6100 } });
    await world.advance(minutes(10));
    expect(world.mapping('TCP', 5001)?.state).toBe('degraded');
    expect(world.server.mappings()).toHaveLength(1);
    expect(world.events.some((event) => event.text.includes('only at port'))).toBe(true);
  });

  it('a degraded entry gets its published port back as soon as it can be had (Q-08)', async () => {
    const world = await worldWith(1);
    const held = serverMapping(world, 5001);
    held.externalPort = portNumber(6100);
    world.pcp.sendUpdate(held);
    expect(world.mapping('TCP', 5001)?.state).toBe('degraded');
    await world.advance(minutes(3));
    expect(world.mapping('TCP', 5001)).toMatchObject({ state: 'granted', upstream: { assignedPort: 5001 } });
    expect(world.server.find('TCP', 5001)).toBeDefined();
  });

  it('with another port move an AddAnyPortMapping entry, which nobody promised (Q-08)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    await world.addAny(controlPoint(HOST, 2), mappingRequest({ client: HOST, external: 5001 }));
    const held = serverMapping(world, 5001);
    held.externalPort = portNumber(6100);
    world.pcp.sendUpdate(held);
    expect(world.mapping('TCP', 5001)).toBeUndefined();
    expect(world.mapping('TCP', 6100)).toMatchObject({ state: 'granted', internalPort: 5001 });
    expect(world.entryAt(host, 0)).toMatchObject({ value: { externalPort: 6100 } });
    expect(world.localNat?.rules()).toMatchObject([{ rule: { externalPort: 6100 } }]);
    const again = await world.restart();
    await again.advance(seconds(10));
    expect([...again.table.all()].map((mapping) => mapping.externalPort)).toEqual([6100]);
  });

  it('with a port that the rules keep from its host end an AddAnyPortMapping entry (RFC 6970 §6)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    await world.addAny(controlPoint(HOST, 2), mappingRequest({ client: HOST, external: 5001 }));
    world.policy = { ...world.policy, minPort: 6200 };
    const held = serverMapping(world, 5001);
    held.externalPort = portNumber(6100);
    world.pcp.sendUpdate(held);
    await world.advance(seconds(1));
    expect(world.table.size).toBe(0);
    expect(world.localNat?.rules()).toEqual([]);
    expect(world.server.mappings()).toEqual([]);
    expect(world.events.at(-1)?.text).toContain('moved it to port 6100');
  });

  it('in doubt is asked for until it is there, however the first answer turns out (RFC 6887 §14.1.3, §15, IWF-93)', async () => {
    const world = await worldWith(1);
    const held = serverMapping(world, 5001);
    world.server.forget(held);
    world.server.refuseAll = { code: 8, lifetimeSeconds: 30 };
    world.pcp.sendUpdate(held, 'doubted');
    await world.advance(seconds(10));
    expect(world.mapping('TCP', 5001)?.state).toBe('restoring');
    world.server.refuseAll = undefined;
    await world.advance(minutes(1));
    expect(world.mapping('TCP', 5001)?.state).toBe('granted');
    expect(world.server.find('TCP', 5001)).toBeDefined();
  });

  it('that withdraw a mapping have it asked for again, and lost when it cannot be had (IWF-95)', async () => {
    const world = await worldWith(1);
    const held = serverMapping(world, 5001);
    world.server.forget(held);
    world.server.refuseAll = { code: 2, lifetimeSeconds: 600 };
    world.pcp.sendUpdate(held, { code: 11, lifetimeSeconds: 600 });
    expect(world.mapping('TCP', 5001)?.state).toBe('restoring');
    await world.advance(minutes(3));
    expect(world.table.size).toBe(0);
    expect(world.gateway.lost()).toHaveLength(1);
  });

  it('for mappings that are not ours are ignored (RFC 6887 §11.4)', async () => {
    const world = await worldWith(1);
    const held = { ...serverMapping(world, 5001), internalPort: portNumber(1), externalPort: portNumber(6100) };
    world.pcp.sendUpdate(held);
    expect(world.changes).toEqual([]);
  });
});

describe('our own address and server', () => {
  it('a new WAN address means new MAPs from it (RFC 6970 §5.10, RFC 6887 §15, IWF-92, P-55)', async () => {
    const world = await worldWith(3);
    world.server.forgetAll();
    world.pcp.moveTo('192.0.2.77');
    await world.advance(seconds(6));
    expect(world.pcp.maps).toHaveLength(3);
    expect([...world.table.all()].map((mapping) => mapping.upstream.internalAddress.text)).toEqual(
      Array.from({ length: 3 }, () => '192.0.2.77'),
    );
  });

  it('while the old mapping holds the port the entry has another, and gets its own back afterwards (RFC 6970 §5.10, P-55)', async () => {
    const world = await worldWith(1);
    world.pcp.moveTo('192.0.2.77');
    await world.advance(minutes(1));
    expect(world.mapping('TCP', 5001)?.state).toBe('degraded');
    world.server.forget(world.server.find('TCP', 5001) ?? never());
    await world.advance(hours(1));
    expect(world.mapping('TCP', 5001)?.state).toBe('granted');
  });

  it('WAN down and up: nothing is lost within the grants (IWF-40, IWF-92)', async () => {
    const world = await worldWith(3);
    world.pcp.moveTo(undefined);
    await world.advance(minutes(30));
    expect(world.table.size).toBe(3);
    world.pcp.moveTo('192.0.2.2');
    await world.advance(seconds(10));
    expect([...world.table.all()].every((mapping) => mapping.state === 'granted')).toBe(true);
  });

  it('another server gets the mappings under new nonces (RFC 6887 §11.1, P-31)', async () => {
    const world = await worldWith(3);
    const before = new Set([...world.table.all()].map((mapping) => mapping.upstream.nonce));
    const next = new FakePcpServer(() => world.clock.now());
    world.pcp.changeServer(next, 'second carrier');
    await world.advance(seconds(6));
    expect(next.mappings()).toHaveLength(3);
    for (const mapping of world.table.all()) {
      expect(mapping.upstream.server).toBe('second carrier');
      expect(before.has(mapping.upstream.nonce)).toBe(false);
    }
  });

  it('deleting an entry of a server that is gone does not wait for it', async () => {
    const world = await worldWith(1);
    const next = new FakePcpServer(() => world.clock.now());
    next.foreign.add('TCP 5001');
    world.pcp.changeServer(next, 'second carrier');
    const start = world.clock.now();
    expect(await world.delete(host, 'TCP', 5001)).toBe('ok');
    expect(world.clock.now()).toBe(start);
  });

  it('health that returns has recoveries tried at once', async () => {
    const world = await worldWith(2);
    world.pcp.restartServer({ keepsTable: false, announces: true });
    world.server.refuseAll = { code: 7, lifetimeSeconds: 30 };
    await world.advance(seconds(10));
    world.server.refuseAll = undefined;
    world.pcp.setHealth(false);
    await world.advance(seconds(6));
    expect(world.server.mappings()).toHaveLength(2);
  });
});

describe('this box restarts (RFC 6970 §5.3)', () => {
  it('everything is back under the same ports and nonces within seconds (5.3-13, IWF-45, IWF-07, Q-23)', async () => {
    const world = await worldWith(10);
    const before = world.server.mappings().map((mapping) => `${mapping.externalPort} ${mapping.nonce}`);
    const again = await world.restart();
    expect(again.table.size).toBe(10);
    expect(again.localNat?.rules()).toHaveLength(10);
    await again.advance(seconds(6));
    expect(again.pcp.maps).toHaveLength(10);
    expect(again.server.mappings().map((mapping) => `${mapping.externalPort} ${mapping.nonce}`)).toEqual(before);
    expect([...again.table.all()].every((mapping) => mapping.state === 'granted')).toBe(true);
  });

  it('leases that ended meanwhile are deleted at the server, and one line says which (Q-23)', async () => {
    const world = await worldWith(1);
    await world.add(host, mappingRequest({ client: HOST, external: 6001, lease: 600 }));
    world.server.maxLifetime = 86_400;
    world.kill();
    await world.clock.advance(minutes(11));
    world.server.mappings();
    const again = await world.restart();
    await again.advance(seconds(6));
    expect([...again.table.all()].map((mapping) => mapping.externalPort)).toEqual([5001]);
    expect(again.pcp.releases).toHaveLength(1);
    const told = again.logged.filter(({ message }) => message.includes('stored mappings are dropped'));
    expect(told).toEqual([expect.objectContaining({ fields: { ports: ['TCP 6001'] } })]);
  });

  it('a lease goes on counting by the wall clock (Q-23)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    await world.add(host, mappingRequest({ client: HOST, external: 6001, lease: 3600 }));
    world.kill();
    await world.clock.advance(minutes(20));
    const again = await world.restart();
    expect(again.entryAt(host, 0)).toMatchObject({ value: { leaseSeconds: 2400 } });
  });

  it('after an outage longer than the grants the ports are asked for again (RFC 6887 §15, IWF-45)', async () => {
    const world = await worldWith(2);
    world.kill();
    await world.clock.advance(hours(48));
    const again = await world.restart();
    await again.advance(seconds(10));
    expect(again.server.mappings().map((mapping) => mapping.externalPort)).toEqual([5001, 5002]);
  });

  it('what the server will not give back is lost after a short while, not kept (Q-23)', async () => {
    const world = await worldWith(1);
    world.kill();
    await world.clock.advance(hours(48));
    world.server.refuseAll = { code: 10, lifetimeSeconds: 30 };
    const again = await world.restart();
    await again.advance(minutes(3));
    expect(again.table.size).toBe(0);
    expect(again.gateway.lost()).toHaveLength(1);
  });

  it('without a store there is an empty table and no trouble (IWF-07)', async () => {
    const world = await worldWith(2);
    world.kill();
    const fresh = await GatewayWorld.open(
      { nat: 'nat1' },
      {
        clock: world.clock,
        server: world.server,
        files: new (world.files.constructor as new () => typeof world.files)(),
        localNat: undefined,
      },
    );
    expect(fresh.table.size).toBe(0);
    expect(await fresh.add(host, mappingRequest({ client: HOST, external: 6001 }))).toBe('ok');
  });

  it('a table written with NAT1 is of no use without: dropped here, deleted there', async () => {
    const world = await worldWith(2);
    const again = await world.restart({ nat: 'none' });
    await again.advance(seconds(10));
    expect(again.table.size).toBe(0);
    expect(again.server.mappings()).toEqual([]);
  });
});

const serverMapping = (world: GatewayWorld, port: number) => world.server.find('TCP', port) ?? never();

function never(): never {
  throw new Error('there is no such mapping');
}
