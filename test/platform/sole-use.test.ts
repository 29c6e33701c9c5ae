import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nodeSoleUses } from '../../src/platform/sole-use.ts';

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'igd2pcp-sole-use-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const giveBack = async (use: Awaited<ReturnType<typeof nodeSoleUses.ofDirectory>>): Promise<void> => {
  if (use.kind === 'mine') await use.giveBack();
};

/** Another process that takes the directory and stays until it is killed. */
async function holder(): Promise<{ kill(): Promise<void> }> {
  const text = `require('net').createServer((s) => s.destroy()).listen(${JSON.stringify(join(directory, 'in-use-0123456789abcdef'))}, () => console.log('up'))`;
  const child = spawn(process.execPath, ['-e', text], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return {
    kill: async () => {
      child.kill('SIGKILL');
      await once(child, 'close');
    },
  };
}

describe('the sole use of a directory', () => {
  it('is had by one process at a time, and leaves nothing behind when it is given back', async () => {
    const first = await nodeSoleUses.ofDirectory(directory);
    expect(first.kind).toBe('mine');
    expect((await nodeSoleUses.ofDirectory(directory)).kind).toBe('taken');
    await giveBack(first);
    expect(await readdir(directory)).toEqual([]);
    const second = await nodeSoleUses.ofDirectory(directory);
    expect(second.kind).toBe('mine');
    await giveBack(second);
  });

  it('can be taken at once after kill -9 of who had it; the dead socket is removed', async () => {
    const other = await holder();
    expect((await nodeSoleUses.ofDirectory(directory)).kind).toBe('taken');
    await other.kill();
    expect(await readdir(directory)).toHaveLength(1);
    const use = await nodeSoleUses.ofDirectory(directory);
    expect(use.kind).toBe('mine');
    expect(await readdir(directory)).toHaveLength(1);
    await giveBack(use);
    expect(await readdir(directory)).toEqual([]);
  });

  it('is never had by two of many that try at the same moment', async () => {
    for (let round = 0; round < 10; round += 1) {
      const uses = await Promise.all(Array.from({ length: 5 }, () => nodeSoleUses.ofDirectory(directory)));
      expect(uses.filter(({ kind }) => kind === 'mine').length).toBeLessThan(2);
      expect(uses.filter(({ kind }) => kind === 'impossible')).toEqual([]);
      await Promise.all(uses.map(giveBack));
    }
  });

  it('works where the path is longer than a socket address', async () => {
    const deep = join(directory, 'a'.repeat(90), 'b'.repeat(90));
    await mkdir(deep, { recursive: true });
    const use = await nodeSoleUses.ofDirectory(deep);
    expect(use.kind).toBe('mine');
    expect((await nodeSoleUses.ofDirectory(deep)).kind).toBe('taken');
    await giveBack(use);
  });

  it('is not known where there is no directory, and says which', async () => {
    const missing = join(directory, 'missing');
    expect(await nodeSoleUses.ofDirectory(missing)).toEqual({
      kind: 'impossible',
      message: expect.stringContaining(missing),
    });
    const file = join(directory, 'file');
    await writeFile(file, '');
    expect((await nodeSoleUses.ofDirectory(file)).kind).toBe('impossible');
  });
});

describe('the sole use of a name in the network namespace', () => {
  it('is had by one process at a time', async () => {
    const name = `test ${process.pid}`;
    const first = await nodeSoleUses.inNetwork(name);
    expect(first.kind).toBe('mine');
    expect((await nodeSoleUses.inNetwork(name)).kind).toBe('taken');
    expect((await nodeSoleUses.inNetwork(`${name} of another`)).kind).toBe('mine');
    await giveBack(first);
    const again = await nodeSoleUses.inNetwork(name);
    expect(again.kind).toBe('mine');
    await giveBack(again);
  });
});
