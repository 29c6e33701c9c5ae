import { describe, expect, it } from 'vitest';
import { portNumber } from '../../src/base/port-number.ts';
import { minutes, seconds } from '../../src/base/time.ts';
import type { Asker } from '../../src/interworking/gateway.ts';
import { controlPoint, GatewayWorld, mappingRequest } from '../doubles/gateway-on-the-wire.ts';

const HOST = '192.168.1.20';
const OTHER = '192.168.1.21';
const host = controlPoint(HOST, 2);
const other = controlPoint(OTHER, 2);
const all = { protocol: 'TCP', ports: { first: portNumber(1), last: portNumber(65_535) }, manage: false } as const;

async function worldWith(ports: readonly number[], settings: Partial<Parameters<typeof GatewayWorld.open>[0]> = {}) {
  const world = await GatewayWorld.open({ nat: 'nat1', ...settings });
  for (const port of ports) await world.add(host, mappingRequest({ client: HOST, external: port }));
  world.wire.takePackets();
  return world;
}

describe('lists come from the table alone (RFC 6970 §5.7)', () => {
  it('by index, without gaps, without a packet, with the server gone (IWF-16, IWF-68, IWF-03)', async () => {
    const world = await worldWith([5001, 5002, 5003]);
    world.wire.isSilent = true;
    await world.resolve(
      world.closeRange(host, {
        ...all,
        ports: { first: portNumber(5002), last: portNumber(5002) },
      }),
    );
    world.wire.takePackets();
    const ports = [0, 1].map((index) => world.entryAt(host, index));
    expect(ports).toMatchObject([{ value: { externalPort: 5001 } }, { value: { externalPort: 5003 } }]);
    expect(world.entryAt(host, 2)).toEqual({ ok: false, error: 713 });
    expect(world.gateway.known.numberOfEntries()).toBe(2);
    expect(world.wire.packets).toEqual([]);
  });

  it('as a list, lowest port first, cut where the control point wants (IWF-15, IWF-23, IWF-68, U-12)', async () => {
    const world = await worldWith([5003, 5001, 5002]);
    const ports = (most: number) => {
      const list = world.entries(host, all, most);
      return list.ok ? list.value.map((entry) => entry.externalPort) : list.error;
    };
    expect(ports(0)).toEqual([5001, 5002, 5003]);
    expect(ports(2)).toEqual([5001, 5002]);
    expect(world.wire.packets).toEqual([]);
  });

  it('an empty list is 730 (U-08, U-12)', async () => {
    const world = await worldWith([5001]);
    expect(world.entries(other, all, 0)).toEqual({ ok: false, error: 730 });
  });

  it('NewManage is heeded for those who may see everything (U-12)', async () => {
    const world = await worldWith([5001]);
    expect(world.entries(other, { ...all, manage: true }, 0)).toEqual({ ok: false, error: 730 });
    const operator = controlPoint('127.0.0.1', 2, true);
    expect(world.entries(operator, { ...all, manage: true }, 0)).toMatchObject({ ok: true });
    world.policy = { ...world.policy, ownAddressOnly: false };
    expect(world.entries(other, { ...all, manage: true }, 0)).toMatchObject({ ok: true });
    expect(world.entries(other, all, 0)).toEqual({ ok: false, error: 730 });
  });

  it('show a control point its own entries only, all three of them (own_address_only)', async () => {
    const world = await worldWith([5001, 5003]);
    await world.add(other, mappingRequest({ client: OTHER, external: 5002 }));
    const walk = (asker: Asker) =>
      [0, 1, 2, 3].map((index) => {
        const entry = world.entryAt(asker, index);
        return entry.ok ? entry.value.externalPort : entry.error;
      });
    const listed = (asker: Asker) => {
      const list = world.entries(asker, { ...all, manage: true }, 0);
      return list.ok ? list.value.map((entry) => entry.externalPort) : list.error;
    };
    const specific = async (asker: Asker) => {
      const found = [5001, 5002, 5003].map(async (port) => ((await world.specific(asker, 'TCP', port)).ok ? port : 0));
      return (await Promise.all(found)).filter((port) => port > 0);
    };
    expect([walk(host), listed(host), await specific(host)]).toEqual([
      [5001, 5003, 713, 713],
      [5001, 5003],
      [5001, 5003],
    ]);
    expect([walk(other), listed(other), await specific(other)]).toEqual([[5002, 713, 713, 713], [5002], [5002]]);
    world.policy = { ...world.policy, ownAddressOnly: false };
    expect([walk(host), listed(host), await specific(host)]).toEqual([
      [5001, 5003, 5002, 713],
      [5001, 5002, 5003],
      [5001, 5002, 5003],
    ]);
  });

  it('keep the order in which a host made its entries, whatever is renewed meanwhile (IWF-16)', async () => {
    const world = await worldWith([5001, 5002, 5003]);
    await world.add(other, mappingRequest({ client: OTHER, external: 6001 }));
    await world.add(host, mappingRequest({ client: HOST, external: 5001, description: 'again' }));
    const ports = [0, 1, 2].map((index) => world.entryAt(host, index));
    expect(ports).toMatchObject([5001, 5002, 5003].map((externalPort) => ({ value: { externalPort } })));
  });

  it('the lease counts down from what was asked, not from what was granted (RFC 6970 §5.9, IWF-87, U-01)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    world.carrier.becomes({ longestLifetime: seconds(120) });
    await world.add(host, mappingRequest({ client: HOST, external: 5001, lease: 3600 }));
    expect(world.entryAt(host, 0)).toMatchObject({ value: { leaseSeconds: 3600 } });
    await world.advance(minutes(10));
    expect(world.entryAt(host, 0)).toMatchObject({ value: { leaseSeconds: 3000 } });
  });

  it('an endless lease stays 0 on IGD:1 (Q-02)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    await world.add(controlPoint(HOST, 1), mappingRequest({ client: HOST, external: 5001, lease: 0 }));
    await world.advance(minutes(10));
    expect(world.entryAt(host, 0)).toMatchObject({ value: { leaseSeconds: 0 } });
  });
});

describe('GetSpecificPortMappingEntry', () => {
  it('finds the asker’s own entry in the table (RFC 6970 §5.7, IWF-69, IWF-70)', async () => {
    const world = await worldWith([5001], { options: { probe: 'rfc' } });
    expect(await world.specific(host, 'TCP', 5001)).toMatchObject({ ok: true, value: { internalPort: 5001 } });
    expect(world.wire.packets).toEqual([]);
  });

  it('matches an empty remote host with an empty one only (U-11)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    await world.add(host, mappingRequest({ client: HOST, external: 5001, remoteHost: '203.0.113.9' }));
    expect(await world.specific(host, 'TCP', 5001)).toEqual({ ok: false, error: 714 });
    const named = { protocol: 'TCP', externalPort: portNumber(5001), remoteHost: '203.0.113.9' } as const;
    expect(await world.resolve(world.entryOf(host, named))).toMatchObject({ ok: true });
  });

  it('somebody else’s entry is 606, on IGD:1 714 (U-07, U-08, IWF-96)', async () => {
    const world = await worldWith([5001]);
    expect(await world.specific(other, 'TCP', 5001)).toEqual({ ok: false, error: 606 });
    expect(await world.specific(controlPoint(OTHER, 1), 'TCP', 5001)).toEqual({ ok: false, error: 714 });
  });

  it('is 714 without a packet by default: a probe would block the port it asks about (Q-05, IWF-17, IWF-71)', async () => {
    const world = await worldWith([]);
    expect(await world.specific(host, 'TCP', 5001)).toEqual({ ok: false, error: 714 });
    expect(world.wire.packets).toEqual([]);
  });
});

describe('GetSpecificPortMappingEntry as the RFC has it (probe = "rfc")', () => {
  const probing = { options: { probe: 'rfc' } } as const;

  it('asks for the port for 60 s and answers 714 all the same (RFC 6970 §5.7, IWF-17, IWF-71, IWF-74, Q-05, Q-06)', async () => {
    const world = await worldWith([], probing);
    expect(await world.specific(host, 'TCP', 5001)).toEqual({ ok: false, error: 714 });
    expect(world.wire.maps).toMatchObject([{ suggestedPort: 5001, exactPort: true, lifetimeSeconds: 60 }]);
    expect(world.table.size).toBe(0);
    expect(world.localNat?.rules()).toEqual([]);
  });

  it('a port that is taken is 714 too (RFC 6970 §5.7, IWF-73, Q-06)', async () => {
    const world = await worldWith([], probing);
    world.carrier.givesAway(5001);
    expect(await world.specific(host, 'TCP', 5001)).toEqual({ ok: false, error: 714 });
    expect(world.localNat?.reserveExactly('TCP', portNumber(5001))).toBe(true);
  });

  it('a silent server is 501 (RFC 6970 §5.7, IWF-72)', async () => {
    const world = await worldWith([], probing);
    world.wire.isSilent = true;
    expect(await world.specific(host, 'TCP', 5001)).toEqual({ ok: false, error: 501 });
  });

  it.each(['nat1', 'none'] as const)(
    'the AddPortMapping that follows continues with the probe’s place and nonce (Q-05, nat %s)',
    async (nat) => {
      const world = await worldWith([], { ...probing, nat });
      await world.specific(host, 'TCP', 5001);
      expect(await world.add(host, mappingRequest({ client: HOST, external: 5001 }))).toBe('ok');
      const [probe, add] = world.wire.maps;
      expect(add).toMatchObject({ internalPort: probe?.internalPort, nonce: probe?.nonce });
      await world.advance(minutes(5));
      expect(world.carrier.mappingAt(5001, 'TCP')).toBeDefined();
      expect(world.wire.releases).toEqual([]);
    },
  );

  it('another client’s AddPortMapping has the probe deleted first (Q-05)', async () => {
    const world = await worldWith([], probing);
    await world.specific(host, 'TCP', 5001);
    expect(await world.add(other, mappingRequest({ client: OTHER, external: 5001 }))).toBe('ok');
    expect(world.wire.packets.map((packet) => packet.kind)).toEqual(['map', 'release', 'map']);
  });

  it('is deleted after 60 s when nobody wants it (RFC 6970 §5.7, IWF-74, Q-05)', async () => {
    const world = await worldWith([], probing);
    await world.specific(host, 'TCP', 5001);
    await world.advance(seconds(62));
    expect(world.carrier.mappings()).toEqual([]);
    expect(world.localNat?.reserveExactly('TCP', portNumber(5001))).toBe(true);
  });

  it('does not ask with an internal port in use, which would say "taken" of a free port (Q-05)', async () => {
    const world = await GatewayWorld.open({ nat: 'none', ...probing });
    await world.add(host, mappingRequest({ client: HOST, external: 6000, internal: 5001 }));
    world.wire.takePackets();
    expect(await world.specific(host, 'TCP', 5001)).toEqual({ ok: false, error: 714 });
    expect(world.wire.packets).toEqual([]);
  });

  it('does not ask about ports the asker could not map, nor too often (RFC 6970 §6, IWF-100)', async () => {
    const world = await worldWith([], { ...probing, policy: { requestsPerMinute: 3 } });
    await world.specific(host, 'TCP', 80);
    expect(world.wire.packets).toEqual([]);
    for (const port of [5001, 5002, 5003, 5004, 5005]) await world.specific(host, 'TCP', port);
    expect(world.wire.maps).toHaveLength(3);
  });
});
