import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const root = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');

const rows = [...read('src/pcp/README.md').matchAll(/^\| (P-\d+|5\.3-\d+) \| (\S+) \| (.+) \|$/gm)].map(
  ([, id = '', file = '', name = '']) => ({ id, file, name }),
);

const between = (first: number, last: number, stem: string): readonly string[] =>
  Array.from({ length: last - first + 1 }, (_, i) => `${stem}${String(first + i).padStart(2, '0')}`);

it('the table in the room’s README has every row of the client’s rules', () => {
  const groups = [
    [1, 14],
    [30, 38],
    [40, 46],
    [50, 56],
    [58, 62],
    [70, 79],
  ] as const;
  const wanted = [...groups.flatMap(([first, last]) => between(first, last, 'P-')), ...between(1, 18, '5.3-')];
  const ids = new Set(rows.map(({ id }) => id));
  expect(wanted.filter((id) => !ids.has(id))).toEqual([]);
});

it.each(rows)('$id is held by a test of that name in $file', ({ id, file, name }) => {
  const source = read(`test/${file}.test.ts`);
  expect(source).toContain(name);
  // Tests of other rooms name their own rows.
  if (file.startsWith('pcp/') || file.startsWith('daemon/')) expect(name).toContain(id);
});
