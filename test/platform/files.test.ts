import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
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

  it('appends in the order of the calls, even when they come faster than the disk', async () => {
    const files = new NodeFiles();
    const lines = Array.from({ length: 200 }, (_, i) => `${i}\n`);
    const results = await Promise.all(lines.map((line) => files.append(at('journal'), line)));
    expect(results.every((result) => result.ok)).toBe(true);
    expect(readFileSync(at('journal'), 'utf8')).toBe(lines.join(''));
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
});
