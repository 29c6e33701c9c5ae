// What starts, and what does not: a daemon beside another one, and the doors of one that has only begun.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { describe, expect, it, vi } from 'vitest';
import { Driver } from '../../src/base/drive.ts';
import { milliseconds, seconds } from '../../src/base/time.ts';
import { Daemon } from '../../src/daemon/daemon.ts';
import { DaemonWorld, type Settings } from '../doubles/daemon-world.ts';
import { descriptorTexts } from '../doubles/descriptor-texts.ts';
import { SimulatedProcess } from '../doubles/simulated-process.ts';

function startBeside(
  world: DaemonWorld,
  settings: Settings = {},
): { process: SimulatedProcess; starting: ReturnType<typeof Daemon.start> } {
  const process = new SimulatedProcess(world.box);
  const before = world.settings;
  world.settings = { ...before, ...settings };
  const config = world.readConfig();
  world.settings = before;
  const starting = Daemon.start({
    host: process,
    driver: new Driver(process.clock),
    config,
    descriptors: descriptorTexts(),
    version: '0.1.0',
    isDemo: false,
    processFigures: () => ({
      residentBytes: 0,
      heapBytes: 0,
      cpuSeconds: 0,
      eventLoopDelay: milliseconds(0),
      logLinesDropped: 0,
    }),
  });
  return { process, starting };
}

const OTHER_DOORS: Settings = {
  'admin.socket': '"/run/other.sock"',
  'admin.listen': '"off"',
  'lan.http_port': '5001',
};

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

  it('with the same state directory and other doors is refused, and wipes none of its mappings (RFC 6970 §5.3)', async () => {
    const world = await DaemonWorld.open({ nat: 'none' });
    const desk = world.computer('192.168.1.20');
    expect(await desk.add({ external: 5001, lease: 0 })).toBe('ok');
    const before = world.box.files.snapshot();
    const { starting } = startBeside(world, OTHER_DOORS);
    const started = await world.clock.resolve(starting, seconds(30));
    expect(started).toEqual({
      ok: false,
      error: expect.stringMatching(/another igd2pcp .*\/var\/lib\/igd2pcp.*state\.directory/),
    });
    expect(world.box.files.snapshot()).toEqual(before);
    await world.crashes();
    expect(world.table()).toHaveLength(1);
  });

  it('with a state directory of its own is refused its nftables table: no element is touched (RFC 6970 §5.5)', async () => {
    const world = await DaemonWorld.open();
    const desk = world.computer('192.168.1.20');
    expect(await desk.add({ external: 5001, lease: 0 })).toBe('ok');
    const calls = world.nft.calls.length;
    const { starting } = startBeside(world, { ...OTHER_DOORS, 'state.directory': '"/var/lib/other"' });
    const started = await world.clock.resolve(starting, seconds(30));
    expect(started).toEqual({ ok: false, error: expect.stringMatching(/another igd2pcp .*inet igd2pcp.*wan\.nat/) });
    expect(world.nft.calls).toHaveLength(calls);
    await world.crashes();
    expect(world.table()).toHaveLength(1);
  });

  it('starts at once when the other one has ended, by SIGTERM or by kill -9', async () => {
    const world = await DaemonWorld.open();
    for (const end of ['stops', 'kill'] as const) {
      await world[end]();
      await world.starts();
    }
    expect(world.logged(/directory/)).toEqual([]);
  });
});

describe('state that may not be read', () => {
  it('stops the start with what to do, and is neither set aside nor replaced', async () => {
    const world = await DaemonWorld.open();
    expect(await world.computer('192.168.1.20').add({ external: 5001, lease: 0 })).toBe('ok');
    await world.stops();
    const before = world.box.files.snapshot();
    const calls = world.nft.calls.length;
    world.box.files.unreadable = 'denied';
    const { starting, process } = startBeside(world);
    const started = await world.clock.resolve(starting, seconds(30));
    expect(started).toEqual({
      ok: false,
      error: expect.stringMatching(/cannot read .*; .*chown -R igd2pcp: \/var\/lib\/igd2pcp/),
    });
    process.kill();
    expect(world.box.files.snapshot()).toEqual(before);
    expect(world.nft.calls).toHaveLength(calls);
    world.box.files.unreadable = undefined;
    await world.boots();
    expect(world.table()).toHaveLength(1);
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

describe('the page of the operator', () => {
  it.each([
    ['0.0.0.0', /not on loopback: everybody who reaches this box by any interface/],
    ['192.168.1.1', /not on loopback: everybody who reaches 192\.168\.1\.1 sees/],
  ])('that is shown beyond this box, on %s, is warned of at the start', async (address, warning) => {
    const world = await DaemonWorld.open({ settings: { 'admin.listen': `"${address}:8080"` } });
    expect(world.logged(warning)).toEqual([expect.stringMatching(/^warn /)]);
  });

  it('on loopback is not warned of', async () => {
    const world = await DaemonWorld.open({ settings: { 'admin.listen': '"127.0.0.1:8080"' } });
    expect(world.logged(/not on loopback/)).toEqual([]);
  });
});

describe('SIGTERM during the start', () => {
  it('ends the process in time, though nft does not answer', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'igd2pcp-sigterm-'));
    const program = join(directory, 'igd2pcp.cjs');
    const isAsked = join(directory, 'asked');
    await build({
      entryPoints: [fileURLToPath(new URL('../../src/main.ts', import.meta.url))],
      outfile: program,
      bundle: true,
      platform: 'node',
      format: 'cjs',
      loader: { '.xml': 'text', '.md': 'text' },
      logLevel: 'error',
    });
    await writeFile(join(directory, 'nft'), `#!/bin/sh\n: > ${isAsked}\nexec sleep 20\n`, { mode: 0o755 });
    const settings = [
      'lan.interfaces = ["127.20.15.1"]',
      'lan.http_port = 0',
      'wan.nat = "nftables"',
      'wan.interface = "wan-20"',
      'pcp.servers = ["127.20.15.2"]',
      `state.directory = ${JSON.stringify(join(directory, 'state'))}`,
      `admin.socket = ${JSON.stringify(join(directory, 'admin.sock'))}`,
      'admin.listen = "off"',
    ];
    const config = join(directory, 'igd2pcp.toml');
    await writeFile(config, settings.map((line) => `${line}\n`).join(''));
    const env = { ...process.env, PATH: `${directory}:${process.env['PATH']}` };
    const child = spawn(process.execPath, [program, 'run', '--config', config], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (data) => {
        said += String(data);
      });
    try {
      const ended = once(child, 'exit');
      await vi.waitFor(() => expect(existsSync(isAsked), said).toBe(true), 10_000);
      child.kill('SIGTERM');
      // The start itself waits ten seconds for nft: who leaves after that has not heard the signal.
      const late = new Promise((resolve) => setTimeout(() => resolve('still there'), 5000));
      expect(await Promise.race([ended, late])).toEqual([0, null]);
    } finally {
      child.kill('SIGKILL');
      await rm(directory, { recursive: true, force: true });
    }
  }, 30_000);
});
