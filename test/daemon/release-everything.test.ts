// `igd2pcp delete --all`, with and without a daemon: nothing is left at the carrier, in the kernel or in the state file.

import { describe, expect, it } from 'vitest';
import { minutes, seconds } from '../../src/base/time.ts';
import { deleteAllCommand } from '../../src/cli/admin-commands.ts';
import { releaseEverything } from '../../src/daemon/release-everything.ts';
import { DaemonWorld, WAN } from '../doubles/daemon-world.ts';
import { SimulatedProcess } from '../doubles/simulated-process.ts';

const DESK = '192.168.1.20';
const PORTS = [5001, 5002, 5003];

async function worldWithPorts(nat: 'nftables' | 'none' = 'nftables'): Promise<DaemonWorld> {
  const world = await DaemonWorld.open({ nat });
  for (const external of PORTS) expect(await world.computer(DESK).add({ external, lease: 7200 })).toBe('ok');
  return world;
}

function deleteAll(world: DaemonWorld) {
  const process = new SimulatedProcess(world.box);
  return deleteAllCommand(world.admin, () => releaseEverything(process, world.readConfig()), false);
}

const isSilent = (world: DaemonWorld, silent: boolean): void => {
  world.simulated.network.blackHole = (to, from) => silent && (to.port === 5351 || from.port === 5351);
};

describe('delete --all', () => {
  it('while the daemon runs deletes here, in NAT1 and at the carrier; the daemon goes on', async () => {
    const world = await worldWithPorts();
    const outcome = await world.clock.resolve(deleteAll(world), seconds(30));
    expect(outcome).toEqual({ exitCode: 0, stdout: '3 mappings are deleted\n', stderr: '' });
    expect(world.carrier.ports()).toEqual([]);
    expect(world.table()).toEqual([]);
    expect(world.nft.elements('in')).toEqual({});
    expect(await world.computer(DESK).add({ external: 5001, lease: 7200 })).toBe('ok');
  });

  it.each(['nftables', 'none'] as const)(
    'without a daemon releases what the state file knows, and removes the nftables table (nat = "%s")',
    async (nat) => {
      const world = await worldWithPorts(nat);
      world.kill();
      const outcome = await world.clock.resolve(deleteAll(world), seconds(30));
      expect(outcome).toEqual({ exitCode: 0, stdout: '3 mappings are deleted\n', stderr: '' });
      expect(world.carrier.ports()).toEqual([]);
      expect(world.nft.table).toBeUndefined();
      await world.boots();
      expect(world.table()).toEqual([]);
    },
  );

  it('with a silent carrier ends within ten seconds, says what may be open, and the next start deletes it', async () => {
    const world = await worldWithPorts();
    await world.stops();
    isSilent(world, true);
    const startedAt = world.clock.now();
    const outcome = await world.clock.resolve(deleteAll(world), seconds(30));
    expect(world.clock.now() - startedAt).toBeLessThanOrEqual(seconds(11));
    expect(outcome.exitCode).toBe(1);
    for (const port of PORTS) expect(outcome.stderr).toContain(`TCP ${port} → ${DESK}:${port} may still be open`);
    expect(world.nft.table).toBeUndefined();
    expect(world.carrier.ports()).toEqual(PORTS);
    isSilent(world, false);
    await world.boots();
    await world.passes(minutes(1));
    expect(world.carrier.ports()).toEqual([]);
    expect(world.table()).toEqual([]);
  });

  it('without any network says what may be open instead of waiting for ever', async () => {
    const world = await worldWithPorts();
    await world.stops();
    world.wanGoesDown();
    const outcome = await world.clock.resolve(deleteAll(world), seconds(30));
    expect(outcome.exitCode).toBe(1);
    expect(outcome.stderr.split('\n').filter((line) => line.includes('may still be open'))).toHaveLength(3);
    world.wanComesUp(WAN);
    await world.boots();
    await world.passes(minutes(1));
    expect(world.carrier.ports()).toEqual([]);
  });

  it('where nothing was ever kept makes no file and is fine', async () => {
    const world = await worldWithPorts();
    await world.stops();
    world.settings = { ...world.settings, 'state.directory': '"/var/lib/elsewhere"' };
    const before = world.box.files.snapshot();
    const outcome = await world.clock.resolve(deleteAll(world), seconds(30));
    expect(outcome).toEqual({ exitCode: 0, stdout: '0 mappings are deleted\n', stderr: '' });
    expect(world.box.files.snapshot()).toEqual(before);
  });

  it('touches nothing where a daemon runs that cannot be asked', async () => {
    const world = await worldWithPorts();
    const process = new SimulatedProcess(world.box);
    const emptied = await world.clock.resolve(releaseEverything(process, world.readConfig()), seconds(30));
    expect(emptied).toEqual({ ok: false, error: expect.stringContaining('another igd2pcp uses') });
    expect(world.carrier.ports()).toEqual(PORTS);
    expect(world.nft.table).toBeDefined();
    expect(world.table()).toHaveLength(3);
  });
});
