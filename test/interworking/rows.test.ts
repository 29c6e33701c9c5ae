// Every row of RFC 6970, of WANIPConnection's additions and of the open questions has a test that names it, where the
// room's README says.

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const TESTS = new URL('..', import.meta.url);
const README = readFileSync(new URL('../../src/interworking/README.md', import.meta.url), 'utf8');
const COUNTS = { IWF: 101, U: 17, Q: 26 } as const;

const ROWS = Object.entries(COUNTS).flatMap(([kind, count]) =>
  Array.from({ length: count }, (_, index) => `${kind}-${String(index + 1).padStart(2, '0')}`),
);

interface Line {
  readonly rows: readonly string[];
  readonly files: readonly string[];
}

/** "| IWF-24 – IWF-36 | §4.3 … | `interworking/error-translation` |" */
function readLine(line: string): Line | undefined {
  const match = /^\| (IWF|U|Q)-(\d+)(?: – \1-(\d+))? \|[^|]*\|([^|]*)\|$/.exec(line);
  if (match === null) return undefined;
  const [, kind = '', first = '', last = first, files = ''] = match;
  const length = Number(last) - Number(first) + 1;
  return {
    rows: Array.from({ length }, (_, index) => `${kind}-${String(Number(first) + index).padStart(2, '0')}`),
    files: [...files.matchAll(/`([^`]+)`/g)].map((file) => file[1] ?? ''),
  };
}

const TABLE = README.split('\n').flatMap((line) => readLine(line) ?? []);

/** Strings alone: what stands in a comment or a header tests nothing. */
const namesIn = (source: string): string =>
  [...source.matchAll(/'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/g)].map(([text]) => text).join('\n');

const names = new Map(
  [...new Set(TABLE.flatMap((line) => line.files))].map((file) => [
    file,
    namesIn(readFileSync(new URL(`${file}.test.ts`, TESTS), 'utf8')),
  ]),
);

describe('rows and tests', () => {
  it('the README has every row once', () => {
    expect(TABLE.flatMap((line) => line.rows)).toEqual(ROWS);
  });

  it.each(TABLE.flatMap((line) => line.rows.map((row) => [row, line.files] as const)))(
    '%s is named by a test where the README says',
    (row, files) => {
      const isNamed = files.some((file) => new RegExp(`\\b${row}\\b`).test(names.get(file) ?? ''));
      expect(isNamed, `${row} in ${files.join(', ')}`).toBe(true);
    },
  );

  it('every file of the table is needed', () => {
    for (const { rows, files } of TABLE)
      for (const file of files)
        expect(
          rows.some((row) => names.get(file)?.includes(row)),
          `${file} for ${rows[0]}`,
        ).toBe(true);
  });

  it('every question has a file of its own name', () => {
    const files = readdirSync(new URL('../../src/interworking/', import.meta.url));
    const questions = ['add-port-mapping', 'add-any-port-mapping', 'delete-port-mapping', 'delete-port-mapping-range'];
    for (const question of [...questions, 'get-specific-port-mapping-entry', 'list-port-mappings', 'external-address'])
      expect(files).toContain(`${question}.ts`);
  });
});
