// No file descriptor is left: the whole platform answers in values. The limit is this test process's own, set and given back
// by a shell that was started before.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { IpAddress } from '../../src/base/ip-address.ts';
import { seconds } from '../../src/base/time.ts';
import { AppendedFile } from '../../src/platform/appended-file.ts';
import { NodeFiles } from '../../src/platform/files.ts';
import { nodeNetwork } from '../../src/platform/network-view.ts';
import { NodeClock } from '../../src/platform/node-clock.ts';
import { NodePrograms } from '../../src/platform/programs.ts';
import { nodeUdp } from '../../src/platform/udp-sockets.ts';

const clock = new NodeClock();
const programs = new NodePrograms(clock);
const SCRIPT = `while read -r most; do prlimit --pid "$1" --nofile="$most:"; echo done; done`;

describe('with no file descriptor left', () => {
  let shell: ChildProcess;
  let said: AsyncIterator<string>;

  beforeEach(async () => {
    shell = spawn('sh', ['-c', SCRIPT, 'sh', String(process.pid)], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(shell, 'spawn');
    if (shell.stdout === null) throw new Error('no pipe');
    said = createInterface({ input: shell.stdout })[Symbol.asyncIterator]();
  });
  afterEach(async () => {
    await limitTo(20_000);
    shell.stdin?.end();
    await once(shell, 'exit');
  });

  async function limitTo(most: number): Promise<void> {
    shell.stdin?.write(`${most}\n`);
    await said.next();
  }

  /** A new one gets the lowest free number. */
  async function takeAll(): Promise<void> {
    const lowestFree = openSync('/dev/null', 'r');
    closeSync(lowestFree);
    await limitTo(lowestFree);
  }

  it('a program is refused, and so is a dialogue; both work again afterwards', async () => {
    await takeAll();
    expect(await programs.run('/bin/true', [], '', seconds(5))).toMatchObject({ ok: false });
    const dialogue = programs.talk('/bin/cat', []);
    expect(await dialogue.say('x\n', 'x', seconds(5))).toMatchObject({ ok: false });
    dialogue.close();
    await limitTo(20_000);
    expect(await programs.run('/bin/true', [], '', seconds(5))).toMatchObject({ ok: true });
  });

  it('interfaces and routes are what they were, not gone', async () => {
    const interfaces = nodeNetwork.interfaces();
    const neighbours = await nodeNetwork.neighbours();
    expect(interfaces.length).toBeGreaterThan(0);
    await takeAll();
    expect(nodeNetwork.interfaces()).toEqual(interfaces);
    expect(await nodeNetwork.neighbours()).toEqual(neighbours);
    expect((await nodeNetwork.linkState('no-such'))?.isUp).toBeUndefined();
  });

  it('files and sockets are refused', async () => {
    await takeAll();
    expect(await new NodeFiles().read('/etc/hostname')).toMatchObject({ ok: false, error: { kind: 'failed' } });
    await expect(new AppendedFile('/dev/null', 0o600).append('x')).rejects.toMatchObject({ code: 'EMFILE' });
    const socket = await nodeUdp.open(
      { address: IpAddress.of('127.0.0.1'), port: 0 },
      { datagram: () => {}, unreachable: () => {} },
    );
    expect(socket.ok).toBe(false);
  });
});
