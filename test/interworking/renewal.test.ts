import { describe, expect, it } from 'vitest';
import { portNumber } from '../../src/base/port-number.ts';
import { after, days, hours, minutes, seconds } from '../../src/base/time.ts';
import { RenewalLoop } from '../../src/interworking/renewal-loop.ts';
import { MappingTable } from '../../src/mapping/mapping-table.ts';
import { LONGEST_LIFETIME_SECONDS } from '../../src/pcp/asking/map-request.ts';
import { controlPoint, GatewayWorld, mappingRequest } from '../doubles/gateway-world.ts';
import { someMapping } from '../mapping/some-mapping.ts';

const HOST = '192.168.1.20';
const host1 = controlPoint(HOST, 1);
const host2 = controlPoint(HOST, 2);

async function worldWith(lease: number, maxLifetime: number, igd: 1 | 2 = 2) {
  const world = await GatewayWorld.open({ nat: 'nat1' });
  world.server.maxLifetime = maxLifetime;
  await world.add(igd === 1 ? host1 : host2, mappingRequest({ client: HOST, external: 5001, lease }));
  world.pcp.takePackets();
  world.changes.length = 0;
  return world;
}

describe('renewals (RFC 6970 §5.9)', () => {
  it('carry a lease of 600 s over grants of 120 s (5.3-05, IWF-06, IWF-83, IWF-88)', async () => {
    const world = await worldWith(600, 120);
    for (let second = 10; second < 600; second += 10) {
      await world.advance(seconds(10));
      expect(world.server.find('TCP', 5001), `after ${second} s`).toBeDefined();
      expect(world.localNat?.rules(), `after ${second} s`).toHaveLength(1);
    }
  });

  it('end with the lease, by a timer of its own: removed here, deleted there (IWF-47, IWF-86, U-01)', async () => {
    const world = await worldWith(600, 120);
    await world.advance(seconds(599));
    expect(world.table.size).toBe(1);
    await world.advance(seconds(2));
    expect(world.table.size).toBe(0);
    expect(world.server.mappings()).toEqual([]);
    expect(world.localNat?.rules()).toEqual([]);
    expect(world.changes.at(-1)).toMatchObject([{ kind: 'removed', reason: 'expired' }]);
    world.pcp.takePackets();
    await world.advance(hours(1));
    expect(world.pcp.packets).toEqual([]);
  });

  it('a lease that ends steps SystemUpdateID once (U-01, IWF-14)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    await world.add(host2, mappingRequest({ client: HOST, external: 5001, lease: 600 }));
    const before = world.gateway.known.systemUpdateId();
    await world.advance(seconds(601));
    expect(world.gateway.known.systemUpdateId()).toBe(before + 1);
    expect(world.gateway.known.numberOfEntries()).toBe(0);
  });

  it('come one per window: half to five eighths of the lifetime first (RFC 6887 §11.2.1, IWF-88)', async () => {
    const world = await worldWith(0, 3600, 1);
    const start = world.clock.now();
    world.pcp.isSilent = true;
    await world.advance(seconds(3599));
    const times = world.pcp.packets.map((packet) => (packet.at - start) / 1000);
    const windows = [
      [1800, 2250],
      [2700, 2925],
      [3150, 3263],
      [3375, 3432],
    ];
    for (const [index, [opens = 0, closes = 0]] of windows.entries()) {
      expect(times[index]).toBeGreaterThanOrEqual(opens);
      expect(times[index]).toBeLessThanOrEqual(closes);
    }
    for (const [index, time] of times.entries())
      if (index > 0) expect(time - (times[index - 1] ?? 0)).toBeGreaterThanOrEqual(4);
  });

  it('keep nonce, port and PREFER_FAILURE, and suggest the address assigned (RFC 6887 §11.2.1, Q-15)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    world.server.maxLifetime = 600;
    await world.add(host1, mappingRequest({ client: HOST, external: 5001, lease: 0 }));
    await world.advance(seconds(400));
    const [first, renewal] = world.pcp.maps;
    expect(renewal).toMatchObject({ nonce: first?.nonce, suggestedPort: 5001, exactPort: true });
    expect(renewal?.suggestedAddress.text).toBe('198.51.100.7');
  });

  it('carry the FILTER again: without it a server that forgot would let everybody in (Q-14)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    world.server.maxLifetime = 600;
    await world.add(host1, mappingRequest({ client: HOST, external: 5001, lease: 0, remoteHost: '203.0.113.9' }));
    world.pcp.restartServer({ keepsTable: false, announces: true });
    await world.advance(seconds(10));
    expect(world.server.mappings().map((mapping) => mapping.remotePeers.map(String))).toEqual([['203.0.113.9']]);
  });

  it('ask for what is left of the lease, not less than 120 s (Q-13)', async () => {
    const world = await worldWith(600, 300);
    await world.advance(seconds(590));
    const asked = world.pcp.maps.map((request) => request.lifetimeSeconds);
    expect(asked[0]).toBeGreaterThan(400);
    expect(asked[0]).toBeLessThan(460);
    expect(asked.at(-1)).toBeGreaterThanOrEqual(120);
    const endless = await worldWith(0, 300, 1);
    await endless.advance(seconds(200));
    expect(endless.pcp.maps[0]?.lifetimeSeconds).toBe(LONGEST_LIFETIME_SECONDS);
  });

  it('are not told to the control point: no event, no visible change (RFC 6970 §5.9, IWF-89)', async () => {
    const world = await worldWith(0, 600, 1);
    const before = world.gateway.known.systemUpdateId();
    world.events.length = 0;
    await world.advance(hours(2));
    expect(world.pcp.maps.length).toBeGreaterThan(10);
    expect(world.gateway.known.systemUpdateId()).toBe(before);
    expect(world.events).toEqual([]);
  });

  it('extend NAT1 with every grant (RFC 6970 §5.5, IWF-53, IWF-54)', async () => {
    const world = await worldWith(0, 600, 1);
    for (let minute = 0; minute < 60; minute += 1) {
      await world.advance(minutes(1));
      const until = world.localNat?.rules()[0]?.validUntil ?? Number.NaN;
      expect(until).toBeGreaterThanOrEqual(world.server.find('TCP', 5001)?.expiresAt ?? Number.NaN);
    }
  });

  it('a week of leases costs what the windows allow (IWF-83)', async () => {
    const world = await worldWith(604_800, 86_400);
    await world.advance(days(7));
    expect(world.pcp.maps.length).toBeLessThan(40);
    expect(world.table.size).toBe(0);
  });
});

describe('a carrier that stops honouring a lease', () => {
  it('is tried in every window, then the entry is lost: evented, logged with its reason, remembered for a day (IWF-06, IWF-90, Q-10)', async () => {
    const world = await worldWith(432_000, 7200);
    await world.advance(days(2));
    expect(world.table.size).toBe(1);
    world.server.refuseAll = { code: 10, lifetimeSeconds: 30 };
    world.pcp.takePackets();
    const before = world.gateway.known.systemUpdateId();
    await world.advance(hours(2));
    expect(world.pcp.maps.length).toBeGreaterThan(4);
    expect(world.table.size).toBe(0);
    expect(world.localNat?.rules()).toEqual([]);
    expect(world.gateway.known.systemUpdateId()).toBe(before + 1);
    expect(world.events.at(-1)).toMatchObject({
      kind: 'lost',
      level: 'warn',
      text: expect.stringContaining('USER_EX_QUOTA'),
    });
    expect(world.gateway.lost()).toMatchObject([
      { mapping: { externalPort: 5001 }, why: expect.stringContaining('USER_EX_QUOTA') },
    ]);
    await world.advance(days(1));
    expect(world.gateway.lost()).toEqual([]);
  });

  it('is forgiven when it comes back in time', async () => {
    const world = await worldWith(432_000, 7200);
    world.pcp.isSilent = true;
    await world.advance(seconds(6900));
    expect(world.gateway.troubleOf(world.mapping('TCP', 5001) ?? never())).toBeDefined();
    world.pcp.isSilent = false;
    await world.advance(hours(3));
    expect(world.mapping('TCP', 5001)?.state).toBe('granted');
    expect(world.gateway.troubleOf(world.mapping('TCP', 5001) ?? never())).toBeUndefined();
  });

  it('a mapping that is added again is no longer listed as lost', async () => {
    const world = await worldWith(0, 600, 1);
    world.server.refuseAll = { code: 8, lifetimeSeconds: 30 };
    await world.advance(minutes(11));
    expect(world.gateway.lost()).toHaveLength(1);
    world.server.refuseAll = undefined;
    await world.add(host1, mappingRequest({ client: HOST, external: 5001, lease: 0 }));
    expect(world.gateway.lost()).toEqual([]);
  });
});

describe('renewals that cross other requests', () => {
  it.each(['granted', 'refused'] as const)(
    'an answer to an entry that is being deleted changes nothing: %s',
    async (kind) => {
      const world = await GatewayWorld.open({ nat: 'nat1' });
      await world.add(host1, mappingRequest({ client: HOST, external: 5001, lease: 0 }));
      world.pcp.latency = seconds(1);
      world.pcp.restartServer({ keepsTable: true, announces: true });
      await world.advance(seconds(5));
      if (kind === 'refused') world.server.refuseAll = { code: 8, lifetimeSeconds: 30 };
      const mapping = world.mapping('TCP', 5001);
      if (mapping === undefined) throw new Error('no entry');
      const isDue = {
        ...mapping,
        state: 'restoring' as const,
        upstream: { ...mapping.upstream, renewAt: world.clock.now() },
      };
      world.table.put(isDue);
      await world.advance(seconds(0.5));
      const renewAt = after(world.clock.now(), minutes(30));
      const deleting = { ...mapping, state: 'deleting' as const, upstream: { ...mapping.upstream, renewAt } };
      world.table.put(deleting);
      world.pcp.takePackets();
      await world.advance(seconds(5));
      expect(world.pcp.maps).toHaveLength(1);
      expect(world.mapping('TCP', 5001)).toEqual(deleting);
    },
  );

  it('an answer that comes after the delete leaves no mapping behind', async () => {
    const world = await worldWith(0, 600, 1);
    world.pcp.latency = seconds(2);
    await world.advance(seconds(300));
    for (let second = 0; second < 80 && world.pcp.maps.length === 0; second += 1) await world.advance(seconds(0.5));
    expect(await world.delete(host1, 'TCP', 5001)).toBe('ok');
    await world.advance(minutes(1));
    expect(world.table.size).toBe(0);
    expect(world.server.mappings()).toEqual([]);
    expect(world.localNat?.rules()).toEqual([]);
  });
});

function never(): never {
  throw new Error('there is no such mapping');
}

describe('an outage that is longer than the grant, while the lease goes on (RFC 6970 §5.9)', () => {
  async function silentPastTheGrant() {
    const world = await worldWith(0, 600, 1);
    world.events.length = 0;
    const before = world.gateway.known.systemUpdateId();
    world.pcp.isSilent = true;
    await world.advance(minutes(30));
    return { world, before };
  }
  const listedNow = async (world: GatewayWorld) => {
    const entry = await world.resolve(
      world.entryOf(host1, {
        protocol: 'TCP',
        externalPort: portNumber(5001),
        remoteHost: '',
      }),
    );
    return entry.ok ? entry.value.isEnabled : entry.error;
  };

  it('leaves the entry waiting for the server: no NAT1 rule, shown as not enabled, evented and told once', async () => {
    const { world, before } = await silentPastTheGrant();
    expect(world.mapping('TCP', 5001)?.state).toBe('waiting');
    expect(world.localNat?.rules()).toEqual([]);
    expect(await listedNow(world)).toBe(false);
    expect(world.gateway.known.systemUpdateId()).toBe(before + 1);
    expect(world.events).toMatchObject([{ level: 'warn', text: expect.stringContaining('is closed: the PCP server') }]);
    expect(world.gateway.lost()).toEqual([]);
  });

  it('is over when the server answers: the same port is open again, and nobody had to ask', async () => {
    const { world } = await silentPastTheGrant();
    world.pcp.isSilent = false;
    await world.advance(minutes(16));
    expect(world.mapping('TCP', 5001)?.state).toBe('granted');
    expect(world.server.find('TCP', 5001)).toBeDefined();
    expect(world.localNat?.rules()).toHaveLength(1);
    expect(await listedNow(world)).toBe(true);
    expect(world.events.at(-1)?.text).toContain('open as promised again');
  });

  it('is waited out over a restart of ours, too', async () => {
    const { world } = await silentPastTheGrant();
    const again = await world.restart();
    expect(again.mapping('TCP', 5001)?.state).toBe('waiting');
    expect(again.localNat?.rules()).toEqual([]);
    again.pcp.isSilent = false;
    await again.advance(minutes(16));
    expect(again.mapping('TCP', 5001)?.state).toBe('granted');
    expect(again.localNat?.rules()).toHaveLength(1);
  });

  it('ends with the lease, and leaves nothing at a server that heard a renewal whose answer was lost', async () => {
    const world = await worldWith(7200, 600);
    world.pcp.answersToLose = Number.POSITIVE_INFINITY;
    await world.advance(hours(2));
    expect(world.table.size).toBe(0);
    world.pcp.answersToLose = 0;
    await world.advance(minutes(20));
    expect(world.server.mappings()).toEqual([]);
  });

  it('a delete during it succeeds at once: nothing is open', async () => {
    const { world } = await silentPastTheGrant();
    expect(await world.delete(host1, 'TCP', 5001)).toBe('ok');
    expect(world.table.size).toBe(0);
    world.pcp.isSilent = false;
    await world.advance(minutes(16));
    expect(world.server.mappings()).toEqual([]);
  });

  it('a server that is back and gives the port no more ends the entry', async () => {
    const { world } = await silentPastTheGrant();
    world.server.refuseAll = { code: 2, lifetimeSeconds: 1800 };
    world.pcp.isSilent = false;
    await world.advance(minutes(20));
    expect(world.table.size).toBe(0);
    expect(world.gateway.lost()).toMatchObject([{ why: expect.stringContaining('NOT_AUTHORIZED') }]);
  });

  it('a process that stood still past its grants asks again when it goes on', () => {
    const table = new MappingTable();
    table.put(someMapping(5001, { leaseEndsAt: undefined, leaseSeconds: 0 }));
    const loop = new RenewalLoop(
      table,
      () => 0.5,
      () => undefined,
    );
    const outputs = loop.handleTimeout(after(someMapping(5001).upstream.expiresAt, seconds(25)));
    expect(outputs).toMatchObject([{ kind: 'renew', mapping: { externalPort: 5001, state: 'waiting' } }]);
    expect(table.size).toBe(1);
  });
});
