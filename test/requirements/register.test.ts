// The register and the tests hold each other: every demand is named by a test, every id in a test can be looked up.

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const TESTS = new URL('../', import.meta.url);
const HERE = new URL('./', import.meta.url);
const ID = /\b(?:(?:IWF|U|Q|P)-\d{2,3}|5\.3-\d{2})\b/g;

interface Row {
  readonly id: string;
  readonly clause: string;
  readonly demand: string;
  readonly deviation: string;
}

const rows: readonly Row[] = readdirSync(HERE)
  .filter((file) => file.endsWith('.md') && file !== 'README.md')
  .flatMap((file) => readFileSync(new URL(file, HERE), 'utf8').split('\n'))
  .flatMap((line) => {
    const [, id = '', clause = '', demand = '', deviation = ''] =
      /^\| (\S+-\d+) \| ([^|]*) \| ([^|]*) \|([^|]*)\|$/.exec(line) ?? [];
    return id === '' ? [] : [{ id, clause, demand, deviation }];
  });

/** Strings alone: an id in a comment tests nothing. */
const stringsIn = (source: string): string =>
  [...source.matchAll(/'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/g)].map(([text]) => text).join('\n');

const tests = readdirSync(TESTS, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.ts') && !file.startsWith('requirements/'))
  .map((file) => ({ file, strings: stringsIn(readFileSync(new URL(file, TESTS), 'utf8')) }));
const named = new Set(tests.flatMap(({ strings }) => strings.match(ID) ?? []));

describe('the register of requirements', () => {
  it('has each id once', () => {
    const ids = rows.map(({ id }) => id);
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
    expect(ids.length).toBeGreaterThan(200);
  });

  it.each(rows)('$id has a clause, and one sentence that says what it demands', ({ clause, demand }) => {
    expect(clause).not.toBe('');
    expect(demand).toMatch(/^["A-Z0-9].+\.$/);
  });

  it.each(rows)('$id is named by a test', ({ id }) => {
    expect(named.has(id), `no test has ${id} in its name`).toBe(true);
  });

  it('every id that a test names can be looked up', () => {
    const known = new Set(rows.map(({ id }) => id));
    const unknown = tests.flatMap(({ file, strings }) =>
      [...new Set(strings.match(ID) ?? [])].filter((id) => !known.has(id)).map((id) => `${id} in ${file}`),
    );
    expect(unknown).toEqual([]);
  });
});
