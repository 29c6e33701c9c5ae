// The library over real loopback sockets, against the simulator on real sockets too.

import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SILENT_LOG } from '../src/base/log.ts';
import { portNumber } from '../src/base/port-number.ts';
import type { SimulatorSession } from '../src/daemon/simulator-session.ts';
import { PcpClient, type PcpError, type PortMapping } from '../src/library.ts';
import { createNodeHost } from '../src/platform/node-host.ts';
import { attachSimulator } from './doubles/attach-simulator.ts';
import { endpoint } from './doubles/pcp-asker.ts';

const host = createNodeHost(SILENT_LOG);
const root = new URL('..', import.meta.url).pathname;
let server: SimulatorSession;
let client: PcpClient;

const serverText = (): string => `127.0.0.1:${server.endpoint.port}`;
const mappings = () => server.simulator.mappings(host.clock.now());
const errorOf = (promise: Promise<unknown>): Promise<PcpError> =>
  promise.then(
    () => {
      throw new Error('expected a refusal');
    },
    (error: PcpError) => error,
  );
const next = (mapping: PortMapping, event: 'change' | 'lost'): Promise<void> =>
  new Promise((resolve) => mapping.once(event, () => resolve()));

beforeEach(async () => {
  server = await attachSimulator(host, endpoint('127.0.0.1', 0), {});
  client = new PcpClient({ server: serverText(), answerWithin: 2 });
});

afterEach(async () => {
  await client.close();
  server.close();
});

describe('PcpClient', () => {
  it('opens a port, tells where, and closes it again', async () => {
    const mapping = await client.map({ protocol: 'tcp', internalPort: 8080, externalPort: 9090 });
    expect(mapping).toMatchObject({
      protocol: 'TCP',
      internalAddress: '127.0.0.1',
      internalPort: 8080,
      externalAddress: '1.2.3.4',
      externalPort: 9090,
      state: 'mapped',
    });
    expect(mappings()).toMatchObject([{ internalPort: 8080, externalPort: 9090 }]);
    await mapping.release();
    expect(mapping.state).toBe('released');
    expect(mappings()).toEqual([]);
  });

  it('refuses another port when only the exact one would do', async () => {
    await client.map({ protocol: 'udp', internalPort: 1, externalPort: 9090 });
    const error = await errorOf(client.map({ protocol: 'udp', internalPort: 2, externalPort: 9090, exactPort: true }));
    expect(error).toMatchObject({ name: 'PcpError', code: 'CONFLICT', resultCode: 11 });
    expect(error.message).toContain('somebody else has that port');
  });

  it('hears of another port and takes it over', async () => {
    const mapping = await client.map({ protocol: 'tcp', internalPort: 8080 });
    const changed = next(mapping, 'change');
    const [held] = mappings();
    if (held === undefined) throw new Error('nothing is mapped');
    server.run((simulator, now) => simulator.moveMapping(held, portNumber(7777), now));
    await changed;
    expect(mapping.externalPort).toBe(7777);
  });

  it('hears that a port was taken away', async () => {
    const mapping = await client.map({ protocol: 'tcp', internalPort: 8080 });
    const lost = next(mapping, 'lost');
    const [held] = mappings();
    if (held === undefined) throw new Error('nothing is mapped');
    server.run((simulator, now) => simulator.revokeMapping(held, true, now));
    await lost;
    expect(mapping.state).toBe('lost');
  });

  it('asks whether the server is there', async () => {
    expect(await client.announce()).toMatchObject({ server: serverText(), protocol: 'PCP', epoch: 0 });
    server.simulator.setFaults({ speaks: 'NAT-PMP' }, host.clock.now());
    expect(await client.announce()).toMatchObject({ protocol: 'NAT-PMP', epoch: undefined });
  });

  it('falls back to NAT-PMP', async () => {
    server.simulator.setFaults({ speaks: 'NAT-PMP' }, host.clock.now());
    const mapping = await client.map({ protocol: 'udp', internalPort: 5000, externalPort: 5001 });
    expect([mapping.externalAddress, mapping.externalPort]).toEqual(['1.2.3.4', 5001]);
    await mapping.release();
    expect(mappings()).toEqual([]);
  });

  it('says what to do when nobody answers, and when it is closed', async () => {
    server.simulator.setFaults({ silent: true }, host.clock.now());
    const silent = new PcpClient({ server: serverText(), answerWithin: 0.2 });
    expect(await errorOf(silent.map({ protocol: 'tcp', internalPort: 1 }))).toMatchObject({ code: 'NO_ANSWER' });
    await silent.close();
    expect(await errorOf(silent.map({ protocol: 'tcp', internalPort: 1 }))).toMatchObject({ code: 'CLOSED' });
    expect(await errorOf(silent.announce())).toMatchObject({ code: 'CLOSED' });
  });

  it.each([
    [{ server: 'no spaces please' }, 'server'],
    [{ answerWithin: -1 }, 'answerWithin must be'],
  ])('refuses options that cannot be: %o', (options, sentence) => {
    expect(() => new PcpClient(options)).toThrow(sentence);
  });

  it('refuses a port that cannot be', async () => {
    const error = await errorOf(client.map({ protocol: 'tcp', internalPort: 99_999 }));
    expect(error).toMatchObject({ code: 'BAD_OPTION' });
  });
});

describe('the example', () => {
  it('has ten lines and runs against the built library', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'igd2pcp-example-'));
    try {
      await build({
        absWorkingDir: root,
        entryPoints: { pcp: 'src/library.ts' },
        outdir: directory,
        outExtension: { '.js': '.mjs' },
        bundle: true,
        platform: 'node',
        format: 'esm',
        logLevel: 'error',
      });
      const source = readFileSync(join(root, 'test/library-example.mjs'), 'utf8');
      expect(source.trim().split('\n').length).toBeLessThanOrEqual(10);
      const script = join(directory, 'example.mjs');
      writeFileSync(script, source.replace("'igd2pcp/pcp'", "'./pcp.mjs'"));
      const { stdout } = await promisify(execFile)(process.execPath, [script, serverText()], { timeout: 20_000 });
      expect(stdout).toBe('127.0.0.1:8080 is open to everybody at 1.2.3.4:8080\n');
      expect(mappings()).toEqual([]);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
