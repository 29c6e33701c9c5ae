import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

const packaging = new URL('../../.packaging/', import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, packaging), 'utf8');
const { BUNDLED_VERSION, stripped }: { BUNDLED_VERSION: string; stripped: (elf: Buffer) => Buffer } = await import(
  new URL('bundled-node.mjs', packaging).href
);
const folder = mkdtempSync(join(tmpdir(), 'igd2pcp-node-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** The V8 of each long-term release of Node.js. */
const V8_OF: Readonly<Record<string, number>> = { 20: 11, 22: 12, 24: 13 };

describe('the Node.js that comes along', () => {
  it('is one exact release of a long-term line, and no line whose security fixes have ended', () => {
    expect(BUNDLED_VERSION).toMatch(/^\d+\.\d+\.\d+$/);
    const major = Number(BUNDLED_VERSION.split('.')[0]);
    expect(major % 2).toBe(0);
    expect(major).toBeGreaterThan(20);
  });

  it('has switches of its own in the file that starts the program', () => {
    const v8 = V8_OF[BUNDLED_VERSION.split('.')[0] ?? ''];
    expect(read('start.cjs')).toMatch(new RegExp(`^  ${v8}: \\['--optimize-for-size'`, 'm'));
  });

  it('is pinned for every architecture by its checksum', () => {
    const sums = [...read('bundled-node.mjs').matchAll(/sha512: '([\w+/=]+)'/g)].map(([, sum = '']) => sum);
    expect(sums.map((sum) => Buffer.from(sum, 'base64').length)).toEqual([64, 64]);
  });

  it.runIf(process.arch === 'x64' || process.arch === 'arm64')('runs without its symbols', () => {
    const whole = readFileSync('/bin/true');
    const program = join(folder, 'true');
    writeFileSync(program, stripped(whole));
    chmodSync(program, 0o755);
    expect(() => execFileSync(program)).not.toThrow();
    expect(stripped(whole).length).toBeLessThan(whole.length);
  });
});
