// This box restarts, properly or by kill -9, at any moment: nothing promised is forgotten, nobody is locked out of what
// is his, nothing that ended is left at the carrier.

import { describe, expect, it } from 'vitest';
import { hours, milliseconds, minutes, seconds } from '../../src/base/time.ts';
import { disagreements } from '../doubles/agreement.ts';
import { DaemonWorld, type DaemonWorldOptions } from '../doubles/daemon-world.ts';
import type { Outcome } from '../doubles/lan-computer.ts';
import { outcomeOf } from '../doubles/lan-computer.ts';
import { FAIR_WEATHER } from '../doubles/simulated-network.ts';

const DESK = '192.168.1.20';
const DIRECTORY = '/var/lib/igd2pcp';

async function worldWithPorts(options: DaemonWorldOptions = {}) {
  const world = await DaemonWorld.open(options);
  const desk = world.computer(DESK, 2);
  for (const port of [5001, 5002, 5003]) expect(await desk.add({ external: port, lease: 7200 })).toBe('ok');
  return { world, desk };
}

describe.each(['nftables', 'none'] as const)('kill -9 (nat = "%s")', (nat) => {
  it('keeps ports and nonces, and has everything confirmed upstream within seconds (RFC 6970 §5.3, IWF-45, P-34)', async () => {
    const { world, desk } = await worldWithPorts({ nat });
    const nonces = world.carrier.mappings().map(({ nonce }) => nonce);
    world.carrier.takeMaps();
    await world.crashes();
    await world.passes(seconds(6));
    const maps = world.carrier.takeMaps();
    expect(maps).toHaveLength(3);
    expect(new Set(maps.map(({ request }) => request.nonce))).toEqual(new Set(nonces));
    expect(maps.map(({ request }) => request.externalPort).sort()).toEqual([5001, 5002, 5003]);
    expect(world.carrier.ports()).toEqual([5001, 5002, 5003]);
    // The lease went on counting meanwhile.
    const left = Number((await desk.entry({ external: 5001 }))?.get('NewLeaseDuration'));
    expect(left).toBeLessThan(7200 - 10);
    expect(await disagreements(world)).toEqual([]);
  });

  it('while a request is in flight locks nobody out: it is asked again with the same nonce (RFC 6887 §11.2, P-34)', async () => {
    const { world, desk } = await worldWithPorts({ nat });
    const { network } = world.simulated;
    // The request arrives, its answer does not.
    network.blackHole = (_to, from) => from.port === 5351;
    void desk.asksToAdd({ external: 6001, lease: 3600 });
    await world.passes(seconds(1));
    world.kill();
    network.blackHole = () => false;
    const { nonce } = world.carrier.mappingAt(6001) ?? {};
    expect(nonce).toBeDefined();
    await world.passes(minutes(1));
    await world.boots();
    await world.passes(seconds(10));
    expect(await desk.add({ external: 6001, lease: 3600 })).toBe('ok');
    expect(world.carrier.mappingAt(6001)?.nonce).toBe(nonce);
    expect(await disagreements(world)).toEqual([]);
  });

  it('while the carrier restarts, too: all ports are had again (RFC 6970 §5.10)', async () => {
    const { world } = await worldWithPorts({ nat });
    world.kill();
    world.carrier.restarts({ announce: true, keepTable: false });
    await world.passes(minutes(1));
    await world.boots();
    await world.passes(seconds(10));
    expect(world.carrier.ports()).toEqual([5001, 5002, 5003]);
    expect(await disagreements(world)).toEqual([]);
  });

  it('deletes upstream what ended while the box was off (RFC 6970 §5.3, §5.8)', async () => {
    const { world, desk } = await worldWithPorts({ nat });
    // The carrier keeps 6001 for at least ten minutes, whatever the lease.
    world.carrier.simulator.setOptions({ shortestLifetime: minutes(10) });
    expect(await desk.add({ external: 6001, lease: 60 })).toBe('ok');
    await world.crashes(minutes(2));
    await world.passes(seconds(10));
    expect(world.carrier.ports()).toEqual([5001, 5002, 5003]);
    expect(world.table()).toHaveLength(3);
    // NAT1 rules that nobody claims after a minute go with the next look at the kernel.
    await world.passes(seconds(70));
    expect(await disagreements(world)).toEqual([]);
  });

  it('for longer than any lease starts empty (RFC 6970 §4.1, IWF-07)', async () => {
    const { world } = await worldWithPorts({ nat });
    await world.crashes(hours(3));
    await world.passes(seconds(10));
    expect(world.tableText()).toEqual([]);
    expect(world.carrier.ports()).toEqual([]);
    expect(await disagreements(world)).toEqual([]);
  });
});

describe('kill -9 at any instant', () => {
  /** A day in the life of three computers; told again and again, with the plug pulled one effect later each time. */
  async function killedAfter(effects: number, nat: 'none' | 'nftables'): Promise<boolean> {
    const world = await DaemonWorld.open({ nat, seed: effects + 1 });
    const [desk, player, old] = [
      world.computer(DESK, 2),
      world.computer('192.168.1.21', 2),
      world.computer('192.168.1.22', 1),
    ];
    expect(await desk.add({ external: 5001, lease: 7200 })).toBe('ok');
    expect(await old.add({ external: 5005, lease: 0, remoteHost: '198.51.100.9' })).toBe('ok');
    expect(await player.addAny({ external: 5003, lease: 3600 })).toBe(5003);
    world.process.killAfterEffects(effects);
    const outcomes: Outcome[] = [];
    const steps = [
      () => desk.asksToAdd({ external: 5002, lease: 3600 }),
      () => desk.asksToAdd({ external: 5001, internal: 5099, lease: 3600 }),
      () => player.asksToAddAny({ external: 5002, lease: 3600 }),
      () => player.asksToDelete({ external: 5003 }),
      () => old.asksToAdd({ external: 5006, lease: 0 }),
      () => desk.asksToDeleteRange(5000, 5002, 'TCP'),
      () => desk.asksToAdd({ external: 5001, lease: 600 }),
    ];
    for (const step of steps) {
      if (!world.process.isAlive) break;
      outcomes.push(outcomeOf(await world.clock.resolve(step(), minutes(1))));
      await world.passes(seconds(1));
    }
    const wasKilled = !world.process.isAlive;
    await world.crashes();
    await world.passes(minutes(3));
    expect([effects, ...(await disagreements(world))]).toEqual([effects]);
    // Nobody is locked out: what one was told to have, one can have again.
    expect(await old.add({ external: 5005, lease: 0, remoteHost: '198.51.100.9' })).toBe('ok');
    for (const { protocol, externalPort, client, internalPort } of world.promises.inForce()) {
      if (client !== DESK || world.promises.isPerhaps(protocol, externalPort)) continue;
      expect(await desk.add({ external: externalPort, internal: internalPort })).toBe('ok');
    }
    return wasKilled;
  }

  it.each(['nftables', 'none'] as const)(
    'loses at most the request in flight, whatever was written last (nat = "%s"; RFC 6970 §5.3, IWF-45)',
    async (nat) => {
      let effects = 0;
      while (await killedAfter(effects, nat)) effects += 1;
      // The story has that many moments at which it can be cut.
      expect(effects).toBeGreaterThan(15);
    },
  );
});

describe('an orderly stop', () => {
  it('says goodbye on the LAN, leaves the mappings at the carrier, and finds them again (RFC 6970 §5.3)', async () => {
    const { world } = await worldWithPorts();
    await world.stops();
    expect(world.carrier.ports()).toEqual([5001, 5002, 5003]);
    await world.passes(minutes(5));
    await world.boots();
    await world.passes(seconds(10));
    expect(world.table()).toHaveLength(3);
    expect(await disagreements(world)).toEqual([]);
  });
});

describe('what is found at the start', () => {
  it('damaged is set aside under a dated name; the daemon runs and takes new requests (RFC 6970 §5.3)', async () => {
    const { world, desk } = await worldWithPorts({ nat: 'none' });
    world.kill();
    world.box.files.put(`${DIRECTORY}/mappings.json`, '{"format": "igd2pcp-mappings", half a fi');
    world.box.files.put(`${DIRECTORY}/mappings.journal`, '\u0000\u0000\u0000');
    await world.boots();
    expect(world.tableText()).toEqual([]);
    expect(world.logged(/^(warn|error).*(damaged|set aside|unreadable)/i).length).toBeGreaterThan(0);
    const aside = [...world.box.files.snapshot().keys()].filter((path) => /mappings\.\w+\..*\d{4}/.test(path));
    expect(aside.length).toBeGreaterThan(0);
    for (const port of [5001, 5002, 5003]) world.promises.withdrawn('TCP', port);
    expect(await desk.add({ external: 6001 })).toBe('ok');
  });

  it('after the clock was wrong at the boot still ends every lease in time (RFC 6970 §5.3)', async () => {
    const { world, desk } = await worldWithPorts();
    world.kill();
    // No battery: the box thinks it is years ago until NTP tells it better.
    world.clock.jumpWallTime(hours(-24 * 365));
    await world.boots();
    world.clock.jumpWallTime(hours(24 * 365));
    await world.passes(seconds(10));
    expect(world.table()).toHaveLength(3);
    await world.passes(hours(2));
    expect(world.tableText()).toEqual([]);
    expect(await desk.entry({ external: 5001 })).toBeUndefined();
    expect(world.carrier.ports()).toEqual([]);
  });
});

describe.each(['nftables', 'none'] as const)('a kill -9 between the question and its answer (nat = "%s")', (nat) => {
  it('leaves nothing at the carrier, though nobody asks again: what was asked is on the disk (RFC 6887 §15, IWF-45)', async () => {
    const world = await DaemonWorld.open({ nat, weather: { ...FAIR_WEATHER, delay: milliseconds(100) } });
    const desk = world.computer(DESK, 2);
    void desk.asksToAdd({ external: 6881, lease: 7200 });
    void desk.asksToAddAny({ external: 6882, lease: 7200 });
    for (let step = 0; step < 100 && world.carrier.ports().length < 2; step += 1) await world.passes(milliseconds(10));
    expect(world.carrier.ports()).toEqual([6881, 6882]);
    await world.crashes(seconds(5));
    expect(world.tableText()).toEqual([]);
    await world.passes(seconds(10));
    expect(world.carrier.ports()).toEqual([]);
  });
});
