// Every room explains itself, and files are named after what they hold.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const SRC = fileURLToPath(new URL('../../src', import.meta.url));
const rooms = readdirSync(SRC, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);

const EMPTY_NAMES = /^(types|utils?|helpers?|common|constants|manager|misc|index)\.ts$/;

describe('the rooms', () => {
  it.each(rooms)('%s has a README that says what it is for', (room) => {
    const readme = join(SRC, room, 'README.md');
    expect(existsSync(readme), `${room}/README.md`).toBe(true);
    expect(readFileSync(readme, 'utf8').split('\n').length).toBeGreaterThanOrEqual(10);
  });

  it('no file has a name that says nothing', () => {
    const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' });
    expect(files.filter((path) => EMPTY_NAMES.test(path.split('/').at(-1) ?? ''))).toEqual([]);
  });

  it('every source file says on top what lives in it', () => {
    const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'));
    const silent = files.filter((path) => !/^(\/\/|\/\*)/.test(readFileSync(join(SRC, path), 'utf8')));
    expect(silent).toEqual([]);
  });
});
