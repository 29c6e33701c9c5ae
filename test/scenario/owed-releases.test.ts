// Deletions the carrier has not answered, and this box dies or turns to another server: a mapping nobody knows of would
// stay at the carrier until its grant is over. It is owed, and done by the next life.

import { describe, expect, it } from 'vitest';
import { minutes, seconds } from '../../src/base/time.ts';
import { disagreements } from '../doubles/agreement.ts';
import { CARRIER, DaemonWorld, type DaemonWorldOptions, macOf } from '../doubles/daemon-world.ts';
import { ScenarioCarrier } from '../doubles/scenario-carrier.ts';

const DESK = '192.168.1.20';
const OTHER_CARRIER = '100.64.1.9';

async function worldWithPorts(options: DaemonWorldOptions = {}) {
  const world = await DaemonWorld.open(options);
  const desk = world.computer(DESK, 2);
  for (const port of [5001, 5002, 5003, 5009]) expect(await desk.add({ external: port, lease: 7200 })).toBe('ok');
  return { world, desk };
}

describe.each(['nftables', 'none'] as const)('a deletion under way at a kill (nat = "%s")', (nat) => {
  it('of a range, while the carrier is silent, is done after the restart (RFC 6970 §5.8, IWF-45, IWF-82, U-14)', async () => {
    const { world, desk } = await worldWithPorts({ nat });
    world.carrier.behaves({ silent: true });
    expect(await desk.deleteRange(5001, 5003)).toBe('ok');
    await world.passes(seconds(1));
    world.kill();
    expect(world.carrier.ports()).toEqual([5001, 5002, 5003, 5009]);
    world.carrier.behaves({ silent: false });
    await world.boots();
    await world.passes(seconds(10));
    expect(world.carrier.ports()).toEqual([5009]);
    expect(await disagreements(world)).toEqual([]);
  });

  it('is done after two restarts as well, the first of them with the carrier still silent (RFC 6970 §5.8, IWF-45)', async () => {
    const { world, desk } = await worldWithPorts({ nat });
    world.carrier.behaves({ silent: true });
    expect(await desk.deleteRange(5001, 5003)).toBe('ok');
    await world.crashes();
    await world.passes(minutes(1));
    await world.crashes();
    world.carrier.behaves({ silent: false });
    await world.passes(minutes(2));
    expect(world.carrier.ports()).toEqual([5009]);
    expect(await disagreements(world)).toEqual([]);
  });

  it('at the end of a lease is done after the restart (RFC 6970 §5.9, IWF-47, IWF-45)', async () => {
    const { world, desk } = await worldWithPorts({ nat });
    // The carrier keeps 6001 for at least half an hour, whatever the lease.
    world.carrier.simulator.setOptions({ shortestLifetime: minutes(30) });
    expect(await desk.add({ external: 6001, lease: 60 })).toBe('ok');
    world.carrier.behaves({ silent: true });
    await world.passes(seconds(61));
    expect(await desk.entry({ external: 6001 })).toBeUndefined();
    world.kill();
    world.carrier.behaves({ silent: false });
    await world.boots();
    await world.passes(seconds(10));
    expect(world.carrier.ports()).toEqual([5001, 5002, 5003, 5009]);
  });

  it('of a host that left is done after the restart (RFC 6970 §5.10, IWF-91, IWF-45)', async () => {
    const { world } = await worldWithPorts({ nat, settings: { 'hosts.grace': '"2m"' } });
    const phone = '192.168.1.21';
    world.leasesAre({ [DESK]: macOf(DESK), [phone]: macOf(phone) });
    await world.passes(minutes(1));
    world.carrier.behaves({ silent: true });
    world.leasesAre({ [phone]: macOf(phone) });
    world.isGone(DESK);
    await world.passes(minutes(3));
    expect(world.tableText()).toEqual([]);
    world.kill();
    world.carrier.behaves({ silent: false });
    await world.boots();
    await world.passes(seconds(10));
    expect(world.carrier.ports()).toEqual([]);
  });

  it('of a request that got 501, as its answer was lost, is done after the restart (RFC 6970 §5.1, IWF-40, IWF-45)', async () => {
    const { world, desk } = await worldWithPorts({ nat });
    const { network } = world.simulated;
    network.blackHole = (_to, from) => from.port === 5351;
    expect(await desk.add({ external: 6001, lease: 3600 })).toBe('error 501');
    expect(world.carrier.ports()).toContain(6001);
    world.kill();
    network.blackHole = () => false;
    await world.boots();
    await world.passes(seconds(10));
    expect(world.carrier.ports()).toEqual([5001, 5002, 5003, 5009]);
    expect(await disagreements(world)).toEqual([]);
  });

  it('of a request that an orderly stop cut short is done after the restart (RFC 6970 §5.3, IWF-45)', async () => {
    const { world, desk } = await worldWithPorts({ nat });
    const { network } = world.simulated;
    network.blackHole = (_to, from) => from.port === 5351;
    void desk.asksToAdd({ external: 6001, lease: 3600 });
    await world.passes(seconds(1));
    await world.stops();
    expect(world.carrier.ports()).toContain(6001);
    network.blackHole = () => false;
    await world.boots();
    await world.passes(seconds(10));
    expect(world.carrier.ports()).toEqual([5001, 5002, 5003, 5009]);
  });

  it('is called off by whoever maps the same port again after the restart (RFC 6887 §11.3, §15, P-73, IWF-45)', async () => {
    const { world, desk } = await worldWithPorts({ nat });
    world.carrier.behaves({ silent: true });
    expect(await desk.deleteRange(5001, 5003)).toBe('ok');
    world.kill();
    // Slow: the deletions are still on their way when the port is asked for.
    world.carrier.behaves({ silent: false, delay: seconds(1) });
    await world.starts();
    expect(await desk.add({ external: 5002, lease: 7200 })).toBe('ok');
    await world.passes(minutes(1));
    expect(world.carrier.ports()).toEqual([5002, 5009]);
    expect(await disagreements(world)).toEqual([]);
    await world.crashes();
    await world.passes(minutes(1));
    expect(world.carrier.ports()).toEqual([5002, 5009]);
    expect(await disagreements(world)).toEqual([]);
  });

  it('is called off also when the grant is the first word of the server (RFC 6887 §15, P-73, IWF-45)', async () => {
    const { world, desk } = await worldWithPorts({ nat });
    world.carrier.behaves({ silent: true });
    expect(await desk.deleteRange(5001, 5009)).toBe('ok');
    await world.crashes();
    world.carrier.behaves({ silent: false });
    expect(await desk.add({ external: 5002, lease: 7200 })).toBe('ok');
    await world.passes(minutes(1));
    expect(world.carrier.ports()).toEqual([5002]);
    expect(await disagreements(world)).toEqual([]);
  });

  it('of a request of the operator that an orderly stop cut short is done after the restart (RFC 6970 §5.3, IWF-45)', async () => {
    const { world } = await worldWithPorts({ nat });
    const { network } = world.simulated;
    network.blackHole = (_to, from) => from.port === 5351;
    void world.daemon.operator.addMapping({
      protocol: 'TCP',
      externalPort: 6001,
      remoteHost: '',
      internalAddress: DESK,
      internalPort: 6001,
      leaseSeconds: 3600,
      anyPort: false,
      description: '',
    });
    await world.passes(seconds(1));
    await world.stops();
    expect(world.carrier.ports()).toContain(6001);
    network.blackHole = () => false;
    await world.boots();
    await world.passes(seconds(10));
    expect(world.carrier.ports()).toEqual([5001, 5002, 5003, 5009]);
  });

  it('that was answered is not asked for again (RFC 6970 §5.8, IWF-81)', async () => {
    const { world, desk } = await worldWithPorts({ nat });
    expect(await desk.deleteRange(5001, 5003)).toBe('ok');
    await world.passes(seconds(10));
    await world.stops();
    world.carrier.takeMaps();
    await world.boots();
    await world.passes(seconds(10));
    expect(world.carrier.takeMaps().filter(({ request }) => request.lifetimeSeconds === 0)).toEqual([]);
  });
});

describe('a kill at any instant of a range delete', () => {
  /** Whether it was killed at all. Nobody is asked to make anything meanwhile: whatever the carrier keeps is our fault. */
  async function killedAfter(effects: number, nat: 'none' | 'nftables'): Promise<boolean> {
    const { world, desk } = await worldWithPorts({ nat, seed: effects + 1 });
    world.process.killAfterEffects(effects);
    void desk.asksToDeleteRange(5001, 5003, 'TCP');
    await world.passes(seconds(1));
    const wasKilled = !world.process.isAlive;
    await world.crashes();
    await world.passes(minutes(2));
    const table = world.table().map((row) => row.assignedPort);
    const forgotten = world.carrier.ports().filter((port) => !table.includes(port));
    expect([effects, forgotten, ...(await disagreements(world))]).toEqual([effects, []]);
    return wasKilled;
  }

  it.each(['nftables', 'none'] as const)(
    'leaves nothing at the carrier that the table does not know (nat = "%s"; RFC 6970 §5.3, §5.8, IWF-45, U-14)',
    async (nat) => {
      let effects = 0;
      while (await killedAfter(effects, nat)) effects += 1;
      expect(effects).toBeGreaterThan(3);
    },
  );
});

describe('a WAN address that changes, and changes back (RFC 6970 §5.10, RFC 6887 §11.3)', () => {
  const placesOf = (world: DaemonWorld) =>
    world.carrier.mappings().map((row) => `${row.internalAddress.text} ${row.externalPort}`);

  it('with a request under way: what was made under the old address is deleted there (P-55, IWF-40)', async () => {
    const { world, desk } = await worldWithPorts();
    const { network } = world.simulated;
    network.blackHole = (_to, from) => from.port === 5351;
    const asked = desk.asksToAdd({ external: 6001, lease: 3600 });
    await world.passes(seconds(0.5));
    world.wanComesUp('100.64.1.7');
    await world.clock.resolve(world.daemon.check(), seconds(1));
    expect((await world.clock.resolve(asked, seconds(10))).kind).toBe('fault');
    expect(placesOf(world)).toContain('100.64.1.2 6001');
    network.blackHole = () => false;
    await world.passes(seconds(20));
    await world.crashes();
    world.wanComesUp('100.64.1.2');
    await world.passes(seconds(20));
    expect(placesOf(world).filter((place) => place.startsWith('100.64.1.2'))).toEqual(
      [5001, 5002, 5003, 5009].map((port) => `100.64.1.2 ${port}`),
    );
    expect(placesOf(world).filter((place) => place.endsWith(' 6001'))).toEqual([]);
  });

  it('and is gone for a while during a recovery: what that made unheard is deleted there (P-55, IWF-92)', async () => {
    const { world, desk } = await worldWithPorts();
    const { network } = world.simulated;
    network.blackHole = (_to, from) => from.port === 5351;
    // Nobody has the ports: the new address gets them, and is not told.
    world.carrier.restarts({ announce: false, keepTable: false });
    world.wanComesUp('100.64.1.7');
    await world.passes(seconds(20));
    expect(placesOf(world)).toContain('100.64.1.7 5001');
    world.wanGoesDown();
    await world.passes(seconds(20));
    network.blackHole = () => false;
    world.wanComesUp('100.64.1.2');
    await world.passes(seconds(20));
    expect(await desk.delete({ external: 5001 })).toBe('ok');
    world.wanComesUp('100.64.1.7');
    await world.passes(seconds(20));
    expect(placesOf(world).filter((place) => place.startsWith('100.64.1.7'))).toEqual(
      [5002, 5003, 5009].map((port) => `100.64.1.7 ${port}`),
    );
  });

  it('with a delete meanwhile: what is there under the old address is deleted when it is ours again (P-55, IWF-79)', async () => {
    const { world, desk } = await worldWithPorts();
    world.wanComesUp('100.64.1.7');
    await world.passes(seconds(20));
    expect(await desk.delete({ external: 5001 })).toBe('ok');
    world.wanComesUp('100.64.1.2');
    await world.passes(seconds(20));
    expect(placesOf(world).filter((place) => place.startsWith('100.64.1.2'))).toEqual(
      [5002, 5003, 5009].map((port) => `100.64.1.2 ${port}`),
    );
  });
});

describe('a mapping of a server that is not in use (RFC 6887 §15, RFC 6970 §5.8)', () => {
  it('of another WAN is deleted when that server is the one in use again (IWF-79, P-55)', async () => {
    const { world, desk } = await worldWithPorts({ nat: 'none' });
    const other = await ScenarioCarrier.open(world.simulated, OTHER_CARRIER, { options: { allowThirdParty: true } });
    world.wanComesUp('100.64.1.2', OTHER_CARRIER);
    await world.passes(seconds(20));
    expect(other.ports()).toEqual([5001, 5002, 5003, 5009]);
    expect(await desk.deleteRange(5001, 5003)).toBe('ok');
    await world.passes(seconds(10));
    expect(other.ports()).toEqual([5009]);
    expect(world.carrier.ports()).toEqual([5001, 5002, 5003, 5009]);
    await world.crashes();
    world.wanComesUp('100.64.1.2', CARRIER);
    await world.passes(seconds(20));
    expect(world.carrier.ports()).toEqual([5009]);
    expect(world.tableText()).toEqual([`TCP 5009 → ${DESK}:5009 granted`]);
    expect(await disagreements(world)).toEqual([]);
  });

  it('that can be asked is deleted there at once, and the control point hears success (IWF-79, RFC 7488 §4)', async () => {
    const servers = { 'pcp.servers': `["${CARRIER}", "${OTHER_CARRIER}"]` };
    const { world, desk } = await worldWithPorts({ nat: 'none', settings: servers });
    const other = await ScenarioCarrier.open(world.simulated, OTHER_CARRIER, { options: { allowThirdParty: true } });
    // The first one falls silent, the second one takes over and is full.
    other.simulator.setOptions({ quotaPerClient: 0 });
    world.carrier.behaves({ silent: true });
    await world.passes(minutes(10));
    expect(world.table().every((row) => row.server === CARRIER)).toBe(true);
    expect(await desk.delete({ external: 5001 })).toBe('ok');
    expect(world.logged(/of a PCP server that is not in use is deleted there/)).toHaveLength(1);
    world.kill();
    world.carrier.behaves({ silent: false });
    await world.boots();
    await world.passes(minutes(1));
    expect(world.carrier.ports()).toEqual([5002, 5003, 5009]);
  });
});
