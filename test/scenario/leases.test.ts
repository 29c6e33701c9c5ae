// Leases against grants, by the clock: what UPnP promised is kept for as long as it was promised, however short the
// carrier's grants are, and what cannot be kept ends with a word.

import { describe, expect, it } from 'vitest';
import { days, hours, inSeconds, minutes, seconds } from '../../src/base/time.ts';
import { listCommand } from '../../src/cli/admin-commands.ts';
import { disagreements } from '../doubles/agreement.ts';
import { DaemonWorld } from '../doubles/daemon-world.ts';
import { FAIR_WEATHER } from '../doubles/simulated-network.ts';

const DESK = '192.168.1.20';
/** Weeks pass faster without a NAT to look after and searches to answer. */
const FOR_LONG = { nat: 'none', settings: { 'lan.ssdp': 'false' } } as const;

describe('a lease longer than the grants', () => {
  it('of an hour over grants of two minutes lives to its end, and no longer (RFC 6970 §5.9, IWF-06, IWF-86, IWF-88)', async () => {
    const world = await DaemonWorld.open({ carrier: { options: { longestLifetime: seconds(120) } } });
    const desk = world.computer(DESK);
    await desk.subscribe();
    expect(await desk.add({ external: 6881, lease: 3600 })).toBe('ok');
    for (let minute = 1; minute < 60; minute += 1) {
      await world.passes(minutes(1));
      expect(world.carrier.ports()).toEqual([6881]);
    }
    expect(await disagreements(world)).toEqual([]);
    const left = Number((await desk.entry({ external: 6881 }))?.get('NewLeaseDuration'));
    expect(left).toBeGreaterThan(50);
    expect(left).toBeLessThanOrEqual(60);
    await world.passes(seconds(61));
    expect(world.tableText()).toEqual([]);
    expect(world.carrier.ports()).toEqual([]);
    expect(desk.heard('PortMappingNumberOfEntries')).toEqual(['0', '1', '0']);
    world.carrier.takeMaps();
    await world.passes(minutes(30));
    expect(world.carrier.takeMaps()).toEqual([]);
    expect(await disagreements(world)).toEqual([]);
  });

  it('of seven days over grants of a day is there on the seventh and gone on the eighth (RFC 6970 §5.9, IWF-83, U-01)', async () => {
    const world = await DaemonWorld.open(FOR_LONG);
    const desk = world.computer(DESK, 2);
    expect(await desk.add({ external: 6881, lease: 604_800 })).toBe('ok');
    await world.passes(days(6.9));
    expect(world.carrier.ports()).toEqual([6881]);
    expect(await disagreements(world)).toEqual([]);
    // A renewal a day at half its lifetime, and at the end only what is left of the lease.
    expect(world.carrier.takeMaps().length).toBeLessThan(25);
    await world.passes(hours(3));
    expect(world.tableText()).toEqual([]);
    expect(world.carrier.ports()).toEqual([]);
  });
});

describe('lease 0', () => {
  it('on :1 has no end and says 0, on :2 is a week and counts down (RFC 6970 §4.1, IWF-05, IWF-84, U-01)', async () => {
    const world = await DaemonWorld.open(FOR_LONG);
    const old = world.computer(DESK, 1);
    const young = world.computer('192.168.1.21', 2);
    expect(await old.add({ external: 5001, lease: 0 })).toBe('ok');
    expect(await young.add({ external: 5002, lease: 0 })).toBe('ok');
    expect(world.carrier.takeMaps().map(({ request }) => request.lifetimeSeconds)).toEqual([0xffff_ffff, 604_800]);
    await world.passes(hours(12));
    expect((await old.entry({ external: 5001 }))?.get('NewLeaseDuration')).toBe('0');
    const left = Number((await young.entry({ external: 5002 }))?.get('NewLeaseDuration'));
    expect(Math.abs(left - (604_800 - 43_200))).toBeLessThanOrEqual(2);
    expect(await disagreements(world)).toEqual([]);
    await world.passes(days(6.6));
    expect(world.tableText()).toEqual([`TCP 5001 → ${DESK}:5001 granted`]);
    expect(await disagreements(world)).toEqual([]);
  });
});

describe('a carrier that stops honouring a lease', () => {
  it('is asked in every window; then the entry is lost, evented, logged with the reason, counted and listed for a day (RFC 6970 §5.9, RFC 6887 §11.2.1, P-40, IWF-90, Q-10)', async () => {
    const world = await DaemonWorld.open(FOR_LONG);
    const desk = world.computer(DESK, 1);
    await desk.subscribe();
    expect(await desk.add({ external: 6881, lease: 5 * 86_400 })).toBe('ok');
    // Nearly two days in, a fresh grant of a day behind it, the carrier refuses everything.
    await world.passes(days(1.9));
    const { expiresAt = world.clock.now() } = world.carrier.mappingAt(6881) ?? {};
    world.carrier.takeMaps();
    world.carrier.behaves({ refuseWith: { code: 8, lifetimeSeconds: 30 } });
    await world.passes(days(1.2));
    const lifetime = inSeconds(days(1));
    const sentAt = world.carrier.takeMaps().map(({ at }) => 1 - (expiresAt - at) / 1000 / lifetime);
    // One packet in each window: ½–⅝, ¾–13/16, ⅞–29/32 …
    const windowOf = (part: number): number => Math.floor(-Math.log2(1 - part));
    expect(sentAt.length).toBeGreaterThanOrEqual(8);
    for (const part of sentAt) {
      const window = windowOf(part);
      expect(part).toBeGreaterThanOrEqual(1 - 2 ** -window);
      expect(part).toBeLessThanOrEqual(1 - 2 ** -window + 2 ** -(window + 2) + 1e-6);
    }
    expect(new Set(sentAt.map(windowOf)).size).toBe(sentAt.length);
    expect(world.tableText()).toEqual([]);
    expect(await desk.entry({ external: 6881 })).toBeUndefined();
    expect(desk.heard('PortMappingNumberOfEntries')).toEqual(['0', '1', '0']);
    expect(world.logged(/^warn TCP 6881 .* lost: .*NO_RESOURCES/)).toHaveLength(1);
    expect(world.daemon.operator.metrics()).toMatch(/igd2pcp_mappings_removed_total\{[^}]*lost[^}]*\} 1/);
    expect(await disagreements(world)).toEqual([]);
    const list = await listCommand(world.admin, false, { columns: 120, hasColour: false });
    expect(list.stdout).toMatch(/TCP 6881 → 192\.168\.1\.20:6881, lost .* ago: .*NO_RESOURCES/);
    await world.passes(days(1));
    const listLater = await listCommand(world.admin, false, { columns: 120, hasColour: false });
    expect(listLater.stdout).not.toMatch(/6881/);
  });
});

describe('a delete while a renewal is due', () => {
  it('is answered as any other: the renewal does not take its place on the way to the server (RFC 6970 §5.8)', async () => {
    const world = await DaemonWorld.open({
      nat: 'none',
      settings: { 'lan.ssdp': 'false' },
      carrier: { options: { longestLifetime: seconds(120) } },
      weather: { ...FAIR_WEATHER, delay: seconds(0.5) },
    });
    const desk = world.computer(DESK);
    const ports = Array.from({ length: 60 }, (_, index) => 5001 + index);
    for (const external of ports) void desk.asksToAdd({ external, lease: 3600 });
    // The renewals of all of them are due between the 60th and the 75th second.
    await world.passes(seconds(60));
    const answering = [];
    for (const external of ports) {
      answering.push(desk.asksToDelete({ external }));
      await world.passes(seconds(0.25));
    }
    await world.passes(seconds(10));
    const answers = await Promise.all(answering);
    expect(answers.map(({ kind }) => kind)).toEqual(ports.map(() => 'success'));
    expect(world.carrier.ports()).toEqual([]);
  });
});

describe('an Add at the very end of its lease', () => {
  it.each([59, 59.5, 59.7, 59.9])(
    'is a renewal of it, though the lease ends before the answer comes (after %s s)',
    async (when) => {
      const world = await DaemonWorld.open({ nat: 'none', weather: { ...FAIR_WEATHER, delay: seconds(0.5) } });
      const desk = world.computer(DESK);
      expect(await desk.add({ external: 6881, lease: 60 })).toBe('ok');
      await world.passes(seconds(when));
      const answer = desk.asksToAdd({ external: 6881, lease: 60 });
      await world.passes(seconds(10));
      expect((await answer).kind).toBe('success');
      expect(world.carrier.ports()).toEqual([6881]);
      expect(world.tableText()).toHaveLength(1);
      await world.passes(seconds(70));
      expect(world.carrier.ports()).toEqual([]);
    },
  );
});
