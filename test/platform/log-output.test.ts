import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createNodeLog, LogOutput } from '../../src/platform/node-log.ts';

describe('the log on a full disk', () => {
  it('drops lines, counts them, and ends nothing', () => {
    const full = openSync('/dev/full', 'w');
    const log = createNodeLog({ level: 'info', style: 'json', isColoured: false }, full);
    for (let count = 0; count < 1000; count += 1) log.info('a sentence of some length for the log');
    closeSync(full);
    // Sixteen kilobytes wait for better times.
    expect(log.dropped()).toBeGreaterThan(750);
    expect(log.dropped()).toBeLessThan(900);
  });

  it('says once how many lines are missing when it can be written again, and breaks no line', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'igd2pcp-log-'));
    const path = join(folder, 'log');
    const said: string[] = [];
    const descriptor = openSync('/dev/full', 'w');
    const output = new LogOutput(descriptor, (lines, why) => {
      said.push(`${lines}: ${why}`);
      output.write('so many are missing\n');
    });
    for (let count = 0; count < 300; count += 1) output.write(`line ${String(count).padStart(3)} ${'x'.repeat(91)}\n`);
    // There is room again: the lowest free number is the one just closed.
    closeSync(descriptor);
    expect(openSync(path, 'w')).toBe(descriptor);
    output.write('later\n');
    output.write('and later\n');
    closeSync(descriptor);
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
    expect(lines.slice(-3)).toEqual(['later', 'so many are missing', 'and later']);
    expect(lines.slice(0, -3).every((line, index) => line.startsWith(`line ${String(index).padStart(3)} `))).toBe(true);
    expect(said).toEqual([expect.stringMatching(/^138: ENOSPC/)]);
    expect(output.dropped).toBe(138);
    await rm(folder, { recursive: true, force: true });
  });
});
