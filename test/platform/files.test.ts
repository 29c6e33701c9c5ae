import { spawnSync } from 'node:child_process';
import {
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { NodeFiles } from '../../src/platform/files.ts';

const folder = mkdtempSync(join(tmpdir(), 'igd2pcp-files-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);

describe('files', () => {
  it('replaces a file as a whole, with the mode asked for, and leaves nothing beside it', async () => {
    const files = new NodeFiles();
    expect(await files.replace(at('a'), 'one', 0o600)).toEqual({ ok: true, value: undefined });
    expect(await files.replace(at('a'), 'two', 0o600)).toEqual({ ok: true, value: undefined });
    expect(await files.read(at('a'))).toEqual({ ok: true, value: 'two' });
    expect(statSync(at('a')).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['a']);
  });

  it('are made anew, so that a link in its place leads nowhere, and belong to the directory’s owner', async () => {
    const directory = at('of-the-service');
    mkdirSync(directory);
    if (process.getuid?.() === 0) chownSync(directory, 65_534, 65_534);
    writeFileSync(at('precious'), 'precious');
    symlinkSync(at('precious'), join(directory, 'state.new'));
    expect(await new NodeFiles().replace(join(directory, 'state'), 'text', 0o600)).toMatchObject({ ok: true });
    expect(readFileSync(at('precious'), 'utf8')).toBe('precious');
    const [{ uid, gid }, owner] = [statSync(join(directory, 'state')), statSync(directory)];
    expect([uid, gid]).toEqual([owner.uid, owner.gid]);
    rmSync(directory, { recursive: true });
    rmSync(at('precious'));
  });

  it('appends in the order of the calls, even when they come faster than the disk', async () => {
    const files = new NodeFiles();
    const lines = Array.from({ length: 200 }, (_, i) => `${i}\n`);
    const results = await Promise.all(lines.map((line) => files.append(at('journal'), line)));
    expect(results.every((result) => result.ok)).toBe(true);
    expect(readFileSync(at('journal'), 'utf8')).toBe(lines.join(''));
  });

  it('appends to the file that bears the name now: after a replacement, a move and a removal', async () => {
    const files = new NodeFiles();
    const path = at('moving');
    const append = async (text: string) => expect(await files.append(path, text, 0o600)).toMatchObject({ ok: true });
    await append('1');
    await files.replace(path, 'new ');
    await append('2');
    expect(readFileSync(path, 'utf8')).toBe('new 2');
    await files.rename(path, at('aside'));
    await append('3');
    expect(readFileSync(path, 'utf8')).toBe('3');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    rmSync(path);
    await append('4');
    expect(readFileSync(path, 'utf8')).toBe('4');
    expect(readFileSync(at('aside'), 'utf8')).toBe('new 2');
  });

  it('keeps one file open, however often it is replaced', async () => {
    const files = new NodeFiles();
    const open = () => readdirSync('/proc/self/fd').length;
    await files.append(at('kept'), 'x');
    const before = open();
    for (let round = 0; round < 20; round += 1) {
      await files.replace(at('kept'), `${round}`);
      await files.append(at('kept'), 'x');
    }
    expect(open()).toBeLessThanOrEqual(before + 1);
  });

  it('says when the disk is full, and appends again when it is not', async () => {
    const files = new NodeFiles();
    const full = await files.append('/dev/full', 'x');
    expect(full.ok ? undefined : full.error.kind).toBe('full');
    symlinkSync('/dev/full', at('disk'));
    expect((await files.append(at('disk'), 'x')).ok).toBe(false);
    rmSync(at('disk'));
    expect(await files.append(at('disk'), 'y')).toMatchObject({ ok: true });
    expect(readFileSync(at('disk'), 'utf8')).toBe('y');
  });

  it('names what is missing or not permitted', async () => {
    const files = new NodeFiles();
    const missing = await files.read(at('nothing'));
    expect(missing.ok ? undefined : missing.error.kind).toBe('missing');
    const nowhere = await files.append(at('no/such/folder/x'), 'x');
    expect(nowhere.ok ? undefined : nowhere.error.kind).toBe('missing');
    expect(nowhere.ok ? '' : nowhere.error.message).toContain('no/such/folder');
  });

  it('a version changes with the file', async () => {
    const files = new NodeFiles();
    expect(await files.version(at('v'))).toBeUndefined();
    await files.replace(at('v'), '1');
    const first = await files.version(at('v'));
    await files.replace(at('v'), '22');
    expect(await files.version(at('v'))).not.toBe(first);
  });

  it('reads regular files only, and waits for nobody: not for a pipe, not for a device', async () => {
    const files = new NodeFiles();
    const pipe = at('leases');
    expect(spawnSync('mkfifo', [pipe]).status).toBe(0);
    for (const path of [pipe, folder, '/dev/zero'])
      expect(await files.read(path)).toMatchObject({ ok: false, error: { kind: 'failed' } });
    symlinkSync(pipe, at('link'));
    expect(await files.read(at('link'))).toMatchObject({ ok: false, error: { kind: 'failed' } });
  });

  it('reads no file that is longer than it may be', async () => {
    const files = new NodeFiles();
    const path = at('long');
    writeFileSync(path, 'x'.repeat(101));
    expect(await files.read(path, 101)).toMatchObject({ ok: true });
    const tooLong = await files.read(path, 100);
    expect(tooLong).toMatchObject({
      ok: false,
      error: { kind: 'failed', message: expect.stringContaining('101 octets') },
    });
  });
});
