// Every room explains itself, the plans of the house show it as it stands, and files are named after what they hold.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { SCPD_NAMES } from '../../src/lan/igd/igd-descriptors.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SRC = join(ROOT, 'src');
const rooms = readdirSync(SRC, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);

/** To be cut; none may be added. */
const LONGER_FOR_NOW = new Set(['packet-filter/nft-table-keeper.ts']);

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

  it('every use-case of the core has a file of its own name', () => {
    const files = readdirSync(join(SRC, 'interworking'));
    const useCases = [
      'open-port',
      'close-port',
      'list-entries',
      'external-address',
      'renew-mapping',
      'restore-mappings',
    ];
    expect(useCases.filter((name) => !files.includes(`${name}.ts`))).toEqual([]);
  });

  it('no two source files have one name', () => {
    const names = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts'))
      .map((path) => basename(path));
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });

  it('every source file says on top what lives in it', () => {
    const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'));
    const silent = files.filter((path) => !/^(\/\/|\/\*)/.test(readFileSync(join(SRC, path), 'utf8')));
    expect(silent).toEqual([]);
  });

  it('no source file is longer than 350 lines', () => {
    const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'));
    const long = files.filter((path) => readFileSync(join(SRC, path), 'utf8').split('\n').length > 351);
    expect(long.filter((path) => !LONGER_FOR_NOW.has(path))).toEqual([]);
  });
});

describe('the plans of the house', () => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');

  it('the tree of the README shows every room, and no other', () => {
    const shown = [...readme.matchAll(/^[├└]── ([\w-]+)\/ /gm)].map((match) => match[1] ?? '');
    expect(shown.sort()).toEqual([...rooms].sort());
  });

  it('every room has its rule about whom it may import', () => {
    const { forbidden } = createRequire(import.meta.url)('./layers.cjs') as { forbidden: readonly { name: string }[] };
    const ruled = forbidden.map(({ name }) => name.replace('-keeps-to-its-neighbours', ''));
    expect(rooms.filter((room) => !ruled.includes(room))).toEqual([]);
  });

  it('the services we describe are the files in descriptors/', () => {
    const files = readdirSync(join(ROOT, 'descriptors', 'scpd')).map((name) => basename(name, '.xml'));
    expect(files.sort()).toEqual([...SCPD_NAMES].sort());
  });
});

describe('the READMEs', () => {
  const known = new Set(
    ['src', 'test', 'descriptors', '.scripts'].flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((path) => basename(path)),
    ),
  );
  const documents = [
    'README.md',
    '.github/CONTRIBUTING.md',
    'descriptors/README.md',
    'test/lab/README.md',
    ...rooms.map((room) => `src/${room}/README.md`),
  ];

  it.each(documents)('%s names no file that is gone', (path) => {
    const named = [...readFileSync(join(ROOT, path), 'utf8').matchAll(/`([\w./-]+\.(?:ts|mjs|cjs|xml))`/g)];
    expect(named.map((match) => match[1] ?? '').filter((name) => !known.has(basename(name)))).toEqual([]);
  });
});
