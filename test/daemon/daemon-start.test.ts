// What starts, and what does not: a daemon beside another one, and the doors of one that has only begun.

import { describe, expect, it } from 'vitest';
import { milliseconds, seconds } from '../../src/base/time.ts';
import { Daemon } from '../../src/daemon/daemon.ts';
import { Driver } from '../../src/daemon/drive.ts';
import { DaemonWorld } from '../doubles/daemon-world.ts';
import { descriptorTexts } from '../doubles/descriptor-texts.ts';
import { SimulatedProcess } from '../doubles/simulated-process.ts';

function startBeside(world: DaemonWorld): { process: SimulatedProcess; starting: ReturnType<typeof Daemon.start> } {
  const process = new SimulatedProcess(world.box);
  const starting = Daemon.start({
    host: process,
    driver: new Driver(process.clock),
    config: world.readConfig(),
    descriptors: descriptorTexts(),
    version: '0.1.0',
    isDemo: false,
    processFigures: () => ({ residentBytes: 0, heapBytes: 0, cpuSeconds: 0, eventLoopDelay: milliseconds(0) }),
  });
  return { process, starting };
}

describe('a daemon that is started beside a running one', () => {
  it('touches nothing of it: no file, no NAT rule, no datagram, no announcement', async () => {
    const world = await DaemonWorld.open();
    const { process, starting } = startBeside(world);
    const started = await world.clock.resolve(starting, seconds(30));
    expect(started).toEqual({ ok: false, error: expect.stringContaining('cannot open the admin socket') });
    expect(process.effects).toBe(0);
    const desk = world.computer('192.168.1.20');
    expect(await desk.add({ external: 5001, lease: 0 })).toBe('ok');
  });
});

describe('the admin socket of a daemon that is still starting', () => {
  it('says so with 503', async () => {
    const world = await DaemonWorld.open();
    world.kill();
    const { process, starting } = startBeside(world);
    await Promise.resolve();
    const early = await world.admin({ method: 'GET', path: '/api/status' });
    expect(early).toMatchObject({ ok: true, value: { status: 503 } });
    await world.clock.resolve(starting, seconds(30));
    expect(await world.admin({ method: 'GET', path: '/api/status' })).toMatchObject({
      ok: true,
      value: { status: 200 },
    });
    process.kill();
  });
});
