import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { COMMAND_NAMES } from '../../src/cli/command-table.ts';
import { helpInForm, helpText, manualOf } from '../../src/cli/help-text.ts';
import { optionTableMarkdown, optionTableToml } from '../../src/cli/manual.ts';
import { CONFIG_OPTIONS } from '../../src/config/config.ts';
import { readConfig } from '../../src/config/config-reader.ts';

const shownOptions = CONFIG_OPTIONS.filter((row) => !row.isHidden);

describe('help', () => {
  it('names every command', () => {
    const text = helpText(undefined, '1.2.3');
    for (const name of COMMAND_NAMES) expect(text).toMatch(new RegExp(`^  ${name}`, 'm'));
  });

  it('names every option under the command that takes it, with its default, and hides the hidden', () => {
    const text = helpText('run', '1.2.3');
    for (const row of shownOptions) expect(text).toContain(`--${row.standard === true ? 'no-' : ''}${row.flag}`);
    expect(text).not.toContain('--random-seed');
    expect(text).toContain('[pcp.answer_within = "4s"]');
  });

  it('fits 80 columns', () => {
    for (const name of [undefined, ...COMMAND_NAMES]) {
      for (const line of helpText(name, '1.2.3').split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
    }
  });
});

describe('the documents', () => {
  it('have a row for every option', () => {
    const table = optionTableMarkdown(manualOf('1.2.3'));
    for (const row of shownOptions) expect(table).toContain(`| \`${row.key}\` |`);
    expect(table.trim().split('\n')).toHaveLength(shownOptions.length + 2);
  });

  it('offer a file whose lines all hold once the comment signs are taken away', () => {
    const sample = optionTableToml(manualOf('1.2.3'));
    const uncommented = sample.replace(/^#(?=[a-z[])/gm, '');
    const sources = { args: new Map(), env: {}, fileName: 'sample.toml', purpose: 'command' as const };
    expect(readConfig({ ...sources, fileText: sample })).toMatchObject({ ok: true });
    expect(readConfig({ ...sources, fileText: uncommented })).toMatchObject({ ok: true });
    for (const row of shownOptions)
      expect(uncommented).toMatch(new RegExp(`^${row.key.split('.')[1]} = |\\[\\[${row.key}\\]\\]`, 'm'));
  });
});

describe('the manual page', () => {
  it('names every command and option, and lets no line be taken for a macro', () => {
    const text = helpInForm(undefined, 'man', '1.2.3');
    const plain = text.replaceAll('\\-', '-');
    for (const row of shownOptions) expect(plain).toContain(`\\fB${row.key}\\fR`);
    for (const name of COMMAND_NAMES) expect(plain).toContain(`.TP\n\\fB${name}\\fR`);
    const macros = text.split('\n').filter((line) => /^[.']/.test(line));
    for (const line of macros) expect(line).toMatch(/^\.(TH|SH|TP|RS|RE|B|I)\b/);
  });
});

describe('shell completion', () => {
  const complete = (line: string): readonly string[] => {
    const words = line.split(' ');
    const script = `${helpInForm(undefined, 'bash', '1.2.3')}
COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); _igd2pcp; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return execFileSync('bash', ['-c', script, 'bash', ...words], { encoding: 'utf8' })
      .trim()
      .split('\n');
  };

  it('completes commands, flags, choices and protocols in bash', () => {
    expect(complete('igd2pcp st')).toEqual(['status']);
    expect(complete('igd2pcp run --pcp-s')).toEqual(['--pcp-server']);
    expect(complete('igd2pcp run --nat n')).toEqual(['none', 'nftables']);
    expect(complete('igd2pcp add u')).toEqual(['udp']);
    expect(complete('igd2pcp status --no')).toEqual(['']);
  });

  it('quotes every help text for zsh', () => {
    const script = helpInForm(undefined, 'zsh', '1.2.3');
    expect(script).toMatch(/^#compdef igd2pcp\n/);
    expect((script.replaceAll("'\\''", '').match(/'/g) ?? []).length % 2).toBe(0);
    expect(script).toContain("'*--lan[");
  });
});
