// What the main README promises is compared with the code it speaks of.

import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { COMMAND_NAMES } from '../../src/cli/command-table.ts';
import { manualOf } from '../../src/cli/help-text.ts';
import { optionTableMarkdown } from '../../src/cli/manual.ts';

const root = new URL('../../', import.meta.url);
const readme = readFileSync(new URL('README.md', root), 'utf8');

describe('the README', () => {
  it('has the very table of options that the program has', () => {
    const shown = /<!-- options: .* -->\n([\s\S]*?)\n<!-- \/options -->/.exec(readme)?.[1];
    expect(shown).toBe(optionTableMarkdown(manualOf('0')).trim());
  });

  it('names every command', () => {
    const missing = COMMAND_NAMES.filter((name) => name !== 'version' && !readme.includes(`igd2pcp ${name}`));
    expect(missing).toEqual([]);
  });

  it('leads to documents that exist', () => {
    const links = [...readme.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map((match) => match[1] ?? '');
    expect(links.length).toBeGreaterThan(3);
    expect(links.filter((link) => !existsSync(fileURLToPath(new URL(link, root))))).toEqual([]);
  });

  it('explains the words that have one meaning here', () => {
    for (const word of ['lease', 'lifetime', 'hold', 'wake', 'control point', 'internal client', 'NAT1 / NAT2']) {
      expect(readme).toContain(`| ${word} |`);
    }
  });
});
