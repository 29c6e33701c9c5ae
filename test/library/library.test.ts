// The library over real loopback sockets, against the simulator on real sockets too.

import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SILENT_LOG } from '../../src/base/log.ts';
import { portNumber } from '../../src/base/port-number.ts';
import {
  type MapOptions,
  PcpClient,
  type PcpClientOptions,
  PcpError,
  type PortMapping,
} from '../../src/library/library.ts';
import { createNodeHost } from '../../src/platform/node-host.ts';
import type { SimulatorSession } from '../../src/simulator/simulator-session.ts';
import { attachSimulator } from '../doubles/attach-simulator.ts';
import { endpoint } from '../doubles/pcp-asker.ts';

const host = createNodeHost(SILENT_LOG);
const root = new URL('../..', import.meta.url).pathname;
let server: SimulatorSession;
let client: PcpClient;

const serverText = (): string => `127.0.0.1:${server.endpoint.port}`;
/** What a program without types may hand over. */
const unchecked = <T>(value: unknown): T => value as T;
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

  it.each<[unknown, string]>([
    [{ server: 'no spaces please' }, 'server'],
    [{ server: null }, 'server must be'],
    [{ server: [] }, 'server must be'],
    [{ server: [5] }, 'server must be'],
    [{ answerWithin: -1 }, 'answerWithin must be'],
    [{ answerWithin: '5' }, 'answerWithin must be'],
    [{ natPmp: 'no' }, 'natPmp must be'],
    [null, 'the options must be'],
    ['192.168.1.1', 'the options must be'],
  ])('refuses options that cannot be, with the one error it has: %o', (options, sentence) => {
    const create = () => new PcpClient(unchecked<PcpClientOptions>(options));
    expect(create).toThrow(PcpError);
    expect(create).toThrow(sentence);
  });

  it.each<[unknown, string]>([
    [{ protocol: 'tcp', internalPort: 99_999 }, 'internalPort must be'],
    [undefined, 'the options must be'],
    [null, 'the options must be'],
    [{ protocol: 'tcp', internalPort: '80' }, 'internalPort must be'],
    [{ protocol: 'tcp', internalPort: 80, exactPort: 'yes' }, 'exactPort must be'],
    [{ protocol: 'tcp', internalPort: 80, remoteAddresses: '198.51.100.9' }, 'remoteAddresses must be'],
    [{ protocol: 'tcp', internalPort: 80, remoteAddresses: [9] }, 'remoteAddresses must be'],
    [{ protocol: 'tcp', internalPort: 80, internalAddress: 9 }, 'internalAddress must be'],
    [{ protocol: 'tcp', internalPort: 80, description: 9 }, 'description must be'],
    [{ protocol: null, internalPort: 80 }, 'protocol must be'],
  ])('refuses to map what cannot be, with the one error it has: %o', async (options, sentence) => {
    const error = await errorOf(client.map(unchecked<MapOptions>(options)));
    expect(error).toMatchObject({ name: 'PcpError', code: 'BAD_OPTION' });
    expect(error.message).toContain(sentence);
  });

  it('says that a port is mapped already, until it is released', async () => {
    const wish = { protocol: 'tcp', internalPort: 8080 } as const;
    const twice = await Promise.allSettled([client.map(wish), client.map(wish)]);
    const [first] = twice.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    expect(twice.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect(await errorOf(client.map({ ...wish, externalPort: 9090 }))).toMatchObject({ code: 'ALREADY_MAPPED' });
    const other = await client.map({ ...wish, protocol: 'udp' });
    await other.release();
    await first?.release();
    await (await client.map(wish)).release();
  });

  it('a port that could not be mapped may be asked for again at once', async () => {
    server.simulator.setFaults({ silent: true }, host.clock.now());
    const impatient = new PcpClient({ server: serverText(), answerWithin: 0.2 });
    for (let round = 0; round < 2; round += 1)
      expect(await errorOf(impatient.map({ protocol: 'tcp', internalPort: 1 }))).toMatchObject({ code: 'NO_ANSWER' });
    await impatient.close();
  });
});

describe('the published package', () => {
  const published = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

  it('brings no other package along: what it uses is bundled', () => {
    expect(published.dependencies).toBeUndefined();
    expect(published.files.filter((name: string) => name.startsWith('.'))).toEqual([]);
  });

  it('is one file for import and require, with types for each', () => {
    const { import: imported, require: required } = published.exports['./pcp'];
    expect(imported.default).toBe(required.default);
    expect([imported.types, required.types]).toEqual(['./dist/pcp.d.mts', './dist/pcp.d.cts']);
  });

  it('needs no types of Node.js', () => {
    const source = readFileSync(join(root, 'src/library/library.ts'), 'utf8');
    expect(/interface PortMapping extends/.test(source)).toBe(false);
  });
});

describe('the example', () => {
  it('has ten lines and runs against the built library', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'igd2pcp-example-'));
    try {
      await build({
        absWorkingDir: root,
        entryPoints: ['src/library/library.ts'],
        outfile: join(directory, 'pcp.cjs'),
        bundle: true,
        platform: 'node',
        format: 'cjs',
        logLevel: 'error',
      });
      const source = readFileSync(join(root, 'test/library/library-example.mjs'), 'utf8');
      expect(source.trim().split('\n').length).toBeLessThanOrEqual(10);
      const script = join(directory, 'example.mjs');
      writeFileSync(script, source.replace("'igd2pcp/pcp'", "'./pcp.cjs'"));
      const { stdout } = await promisify(execFile)(process.execPath, [script, serverText()], { timeout: 20_000 });
      expect(stdout).toBe('127.0.0.1:8080 is open to everybody at 1.2.3.4:8080\n');
      expect(mappings()).toEqual([]);
      const required = `console.log(Object.keys(require('${join(directory, 'pcp.cjs')}')).sort().join())`;
      const said = await promisify(execFile)(process.execPath, ['-e', required], { timeout: 20_000 });
      expect(said.stdout).toBe('PcpClient,PcpError\n');
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
