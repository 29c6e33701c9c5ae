// Hosts that leave lose their mappings, here and at the carrier; requests that may not be are refused with the code their
// version of the service knows, and the reason in the log.

import { describe, expect, it } from 'vitest';
import { days, minutes, seconds } from '../../src/base/time.ts';
import { disagreements } from '../doubles/agreement.ts';
import { DaemonWorld, macOf } from '../doubles/daemon-world.ts';

const DESK = '192.168.1.20';
const PHONE = '192.168.1.21';
const OTHER_MAC = '02:00:5e:00:00:99';
const GRACE = { 'hosts.grace': '"2m"' };

async function worldWithHosts(nat: 'none' | 'nftables') {
  const world = await DaemonWorld.open({ nat, settings: GRACE });
  world.leasesAre({ [DESK]: macOf(DESK), [PHONE]: macOf(PHONE) });
  const [desk, phone] = [world.computer(DESK), world.computer(PHONE)];
  await desk.subscribe();
  expect(await desk.add({ external: 5001, lease: 0 })).toBe('ok');
  expect(await phone.add({ external: 5002, lease: 0 })).toBe('ok');
  expect(await phone.add({ external: 5003, lease: 86_400, protocol: 'UDP' })).toBe('ok');
  await world.passes(minutes(1));
  return { world, desk, phone };
}

describe.each(['nftables', 'none'] as const)('a host that leaves (nat = "%s")', (nat) => {
  it('whose address lease ended loses its mappings after a grace, in one event (5.3-14, RFC 6970 §5.10, IWF-91)', async () => {
    const { world, desk } = await worldWithHosts(nat);
    world.leasesAre({ [DESK]: macOf(DESK) });
    world.isGone(PHONE);
    await world.passes(minutes(1.5));
    expect(world.carrier.ports()).toEqual([5001, 5002, 5003]);
    await world.passes(minutes(1.5));
    expect(world.tableText()).toEqual([`TCP 5001 → ${DESK}:5001 granted`]);
    expect(world.carrier.ports()).toEqual([5001]);
    expect(desk.heard('PortMappingNumberOfEntries').slice(-2)).toEqual(['3', '1']);
    expect(world.logged(/^info TCP 5002 .*host is gone: its address lease ended/)).toHaveLength(1);
    expect(await disagreements(world)).toEqual([]);
  });

  it('and comes back within the grace keeps them (RFC 6970 §5.10)', async () => {
    const { world } = await worldWithHosts(nat);
    world.leasesAre({ [DESK]: macOf(DESK) });
    world.isGone(PHONE);
    await world.passes(minutes(1.5));
    world.leasesAre({ [DESK]: macOf(DESK), [PHONE]: macOf(PHONE) });
    await world.passes(minutes(10));
    expect(world.carrier.ports()).toEqual([5001, 5002, 5003]);
    expect(await disagreements(world)).toEqual([]);
  });

  it('to another MAC loses them: they are not for whoever has the address now (RFC 6970 §5.10, IWF-91)', async () => {
    const { world } = await worldWithHosts(nat);
    world.leasesAre({ [DESK]: macOf(DESK), [PHONE]: OTHER_MAC });
    world.isSeen(PHONE, OTHER_MAC);
    await world.passes(minutes(3));
    expect(world.carrier.ports()).toEqual([5001]);
    expect(world.logged(/^info TCP 5002 .*host is gone: .*02:00:5e:00:00:21 to 02:00:5e:00:00:99/)).toHaveLength(1);
    expect(await disagreements(world)).toEqual([]);
  });
});

describe('a host with an address of its own', () => {
  it('that nobody saw for a day loses its endless mappings; those with a lease end by themselves (RFC 6970 §5.10)', async () => {
    const world = await DaemonWorld.open({ nat: 'none', settings: { ...GRACE, 'lan.ssdp': 'false' } });
    const desk = world.computer(DESK);
    expect(await desk.add({ external: 5001, lease: 0 })).toBe('ok');
    expect(await desk.add({ external: 5002, lease: 3 * 86_400 })).toBe('ok');
    // Somebody else is seen, so it is not the view that is blocked.
    world.isSeen(PHONE, macOf(PHONE));
    world.isGone(DESK);
    await world.passes(days(0.9));
    expect(world.carrier.ports()).toEqual([5001, 5002]);
    await world.passes(days(0.2));
    expect(world.carrier.ports()).toEqual([5002]);
    expect(await disagreements(world)).toEqual([]);
  });
});

describe('what may not be', () => {
  const RULES =
    '[{ action = "deny", client = "192.168.1.21" }, { action = "deny", client = "02:00:5e:00:00:22" }, ' +
    '{ action = "deny", external_ports = "9000-9999" }]';

  async function strictWorld(nat: 'none' | 'nftables' = 'nftables') {
    const settings = { 'policy.rule': RULES, 'policy.max_mappings_per_client': '3' };
    return DaemonWorld.open({ nat, settings });
  }

  it.each([
    ['a port below 1024', { external: 80 }, 'external ports below 1024 are not given out'],
    ['an internal port below 1024', { external: 8080, internal: 80 }, 'internal ports below 1024 are not opened'],
    ['another host', { external: 8080, client: '192.168.1.30' }, 'may map for itself only'],
    ['a port a rule denies', { external: 9100 }, 'rule 3 denies it'],
  ] as const)(
    '%s is 718 on :1 and 606 on :2, with the reason in the log, and no packet (RFC 6970 §6, IWF-96, IWF-97, IWF-98, U-07)',
    async (_, wish, why) => {
      const world = await strictWorld();
      world.carrier.takeMaps();
      expect(await world.computer(DESK, 1).add(wish)).toBe('error 718');
      expect(await world.computer(DESK, 2).add(wish)).toBe('error 606');
      expect(await world.computer(DESK, 2).addAny(wish)).toBe('error 606');
      expect(world.carrier.takeMaps()).toEqual([]);
      expect(world.logged(/"event":"refused"/).filter((line) => line.includes(why))).toHaveLength(3);
      expect(await disagreements(world)).toEqual([]);
    },
  );

  it('a host that is denied by address or by MAC gets nothing at all (RFC 6970 §6)', async () => {
    const world = await strictWorld();
    expect(await world.computer(PHONE, 1).add({ external: 8080 })).toBe('error 718');
    expect(await world.computer('192.168.1.22', 2).add({ external: 8080 })).toBe('error 606');
    // Nor under the address of another: the MAC is what counts.
    world.isSeen('192.168.1.23', '02:00:5e:00:00:22');
    expect(await world.computer('192.168.1.23', 2).addAny({ external: 8080 })).toBe('error 606');
    expect(await disagreements(world)).toEqual([]);
  });

  it('more than a host may have is 501 on :1 and 728 on :2; what it has stays (RFC 6970 §6, IWF-100)', async () => {
    const world = await strictWorld();
    const desk = world.computer(DESK, 1);
    for (const port of [5001, 5002, 5003]) expect(await desk.add({ external: port })).toBe('ok');
    expect(await desk.add({ external: 5004 })).toBe('error 501');
    expect(await world.computer(DESK, 2).add({ external: 5004 })).toBe('error 728');
    expect(await desk.add({ external: 5003, lease: 60 })).toBe('ok');
    expect(await disagreements(world)).toEqual([]);
  });

  it('somebody who asks without end is told to wait; others are not (RFC 6970 §6, IWF-100)', async () => {
    const world = await DaemonWorld.open({ settings: { 'policy.requests_per_minute': '30' } });
    const desk = world.computer(DESK, 2);
    const outcomes: string[] = [];
    for (let port = 5001; port <= 5050; port += 1) outcomes.push(await desk.add({ external: port }));
    expect(outcomes.filter((outcome) => outcome === 'ok').length).toBe(30);
    expect(outcomes.at(-1)).toBe('error 728');
    expect(await world.computer(PHONE).add({ external: 6001 })).toBe('ok');
    await world.passes(seconds(61));
    expect(await desk.add({ external: 5050 })).toBe('ok');
    expect(await disagreements(world)).toEqual([]);
  });

  it("another host's mapping is neither deleted nor shown by name (RFC 6970 §5.7, §5.8, IWF-75, IWF-81)", async () => {
    const world = await strictWorld();
    expect(await world.computer(DESK, 1).add({ external: 5001 })).toBe('ok');
    const [old, young] = [world.computer('192.168.1.40', 1), world.computer('192.168.1.41', 2)];
    expect(await old.delete({ external: 5001 })).toBe('error 714');
    expect(await young.delete({ external: 5001 })).toBe('error 606');
    expect(await young.deleteRange(5000, 6000)).toMatch(/^error (730|606)$/);
    expect(await old.entry({ external: 5001 })).toBeUndefined();
    expect(await disagreements(world)).toEqual([]);
  });

  it('a disabled mapping, internal port 0, a wildcard port (RFC 6970 §4.1, IWF-04, Q-03, U-08)', async () => {
    const world = await strictWorld();
    const [old, young] = [world.computer(DESK, 1), world.computer(DESK, 2)];
    expect(await old.add({ external: 8080, enabled: '0' })).toBe('error 501');
    expect(await old.add({ external: 8080, internal: 0 })).toBe('error 402');
    expect(await young.add({ external: 8080, internal: 0 })).toBe('error 732');
    expect(await old.add({ external: 0, internal: 8080 })).toBe('error 716');
    expect(await disagreements(world)).toEqual([]);
  });

  it('THIRD_PARTY on a network that is not trusted cannot even be configured (RFC 6970 §6, IWF-99)', async () => {
    await expect(DaemonWorld.open({ nat: 'none', settings: { 'pcp.trusted': 'false' } })).rejects.toThrow(
      /pcp.trusted/,
    );
  });
});
