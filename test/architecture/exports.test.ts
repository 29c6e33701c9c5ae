// What is exported is used elsewhere: a value that nobody imports is dead, or nobody else's business. Types are left
// alone: they are the words of what is exported beside them.

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** What other programs import. */
const PUBLISHED = 'src/library/library.ts';

const EXPORTED_VALUE = /^export (?:abstract class|class|const|function\*?|async function) (\w+)/gm;
const NAMED_IMPORT = /\b(?:import|export)\s+(?:type\s+)?\{([^}]*)\}\s+from\s+'(\.[^']+)'/g;

interface Source {
  readonly path: string;
  readonly text: string;
}

const sourcesIn = (folder: string): Source[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.m?ts$/.test(name) && !name.endsWith('.d.ts'))
    .map((name) => ({ path: join(folder, name), text: readFileSync(join(ROOT, folder, name), 'utf8') }));

const exportedValues = ({ text }: Source): string[] =>
  [...text.matchAll(EXPORTED_VALUE)].map((match) => match[1] ?? '');

/** "src/base/time.ts seconds" for each name a file imports from another one of ours. */
const importedNames = ({ path, text }: Source): string[] =>
  [...text.matchAll(NAMED_IMPORT)].flatMap(([, names = '', from = '']) => {
    const home = relative(ROOT, resolve(ROOT, dirname(path), from));
    return names.split(',').flatMap((name) => {
      const [word] = /\w+/.exec(name.replace(/\btype\s+/, '')) ?? [];
      return word === undefined ? [] : [`${home} ${word}`];
    });
  });

function unusedExports(sources: readonly Source[], users: readonly Source[]): string[] {
  const used = new Set(users.flatMap(importedNames));
  return sources.flatMap((source) =>
    exportedValues(source)
      .map((name) => `${source.path} ${name}`)
      .filter((place) => !used.has(place)),
  );
}

describe('exports', () => {
  it('are imported by somebody', () => {
    const sources = sourcesIn('src').filter(({ path }) => path !== PUBLISHED);
    expect(unusedExports(sources, [...sourcesIn('src'), ...sourcesIn('test')])).toEqual([]);
  });

  it('that nobody imports would be noticed', () => {
    const home = { path: 'src/a.ts', text: 'export const one = 1;\nexport function two() {}\nexport class Three {}\n' };
    const user = { path: 'src/room/b.ts', text: "import {\n  type Three,\n  one as first,\n} from '../a.ts';" };
    expect(unusedExports([home], [home, user])).toEqual(['src/a.ts two']);
  });
});
