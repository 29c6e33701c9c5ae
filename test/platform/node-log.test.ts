import { spawnSync } from 'node:child_process';
import { closeSync, fstatSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { afterAll, describe, expect, it } from 'vitest';
import { isSerious, journalLine, jsonLine, logStyle, prettyLine, textLine } from '../../src/platform/node-log.ts';
import { isReadByJournal, withPriority } from '../../src/platform/systemd.ts';

const folder = mkdtempSync(join(tmpdir(), 'igd2pcp-log-'));
afterAll(() => rmSync(folder, { recursive: true }));

const line = (level: number, msg: string, fields: Record<string, unknown> = {}): string =>
  JSON.stringify({ level, time: '2026-11-27T11:00:00.000Z', ...fields, msg });

describe('log.format', () => {
  const nobody = { isTerminal: false, isJournal: false };
  it.each([
    ['auto', { ...nobody, isTerminal: true }, 'pretty'],
    ['auto', { ...nobody, isJournal: true }, 'journal'],
    ['auto', nobody, 'json'],
    ['text', { ...nobody, isTerminal: true }, 'pretty'],
    ['text', { ...nobody, isJournal: true }, 'journal'],
    ['text', nobody, 'syslog'],
    ['json', { ...nobody, isTerminal: true }, 'json'],
    ['json', { ...nobody, isJournal: true }, 'json'],
  ] as const)('%s means for %j: %s', (format, reader, style) => {
    expect(logStyle(format, reader)).toBe(style);
  });
});

describe('a line of text', () => {
  it('is the sentence and its fields, without a clock: the collector has one', () => {
    expect(textLine(line(30, 'mapped TCP 80', { client: '192.168.1.2', tries: 2 }))).toBe(
      'mapped TCP 80 client=192.168.1.2 tries=2',
    );
  });

  it('names its level unless it is only for information', () => {
    expect(textLine(line(40, 'low on memory'))).toBe('warn: low on memory');
    expect(textLine(line(50, 'ends'))).toBe('error: ends');
  });

  it('stays one line, and a field stays one field, whatever a LAN host put into it', () => {
    const said = textLine(line(40, 'a\n<3>b', { name: 'x\n<3>y admin=1', device: '\u009b31m' }));
    expect(said).toBe('warn: a\\n<3>b name="x\\n<3>y admin=1" device="\\u009b31m"');
    expect(said).not.toMatch(/\p{Cc}/u);
  });

  it('turns no text round, and begins no line, on a terminal, in the journal and as JSON (bidi marks)', () => {
    const forged = 'x\n12:00:00 warn  forged\u202e\u2066\u061c\u2028\u200b\u{e0041}';
    const said = line(30, forged, { name: forged, more: [forged] });
    for (const text of [prettyLine(said, false), textLine(said), journalLine(said), jsonLine(`${said}\n`)])
      expect(text).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    expect(JSON.parse(jsonLine(said))).toMatchObject({ msg: forged, name: forged, more: [forged] });
  });

  it.each([
    [20, '<7>debug: x'],
    [30, '<6>x'],
    [40, '<4>warn: x'],
    [50, '<3>error: x'],
  ])('has the priority of its level for the journal: %i', (level, said) => {
    expect(journalLine(line(level, 'x'))).toBe(said);
  });

  it('goes to standard error for other supervisors when it is a warning or worse', () => {
    expect([20, 30, 40, 50].map((level) => isSerious(line(level, 'x')))).toEqual([false, false, true, true]);
  });
});

describe('the journal', () => {
  it('is recognised by the file our output goes to, not by the variable alone', () => {
    const file = openSync(join(folder, 'journal'), 'w');
    const { dev, ino } = fstatSync(file, { bigint: true });
    expect(isReadByJournal(file, `${dev}:${ino}`)).toBe(true);
    expect(isReadByJournal(file, `${dev}:${ino + 1n}`)).toBe(false);
    expect(isReadByJournal(file, undefined)).toBe(false);
    closeSync(file);
    expect(isReadByJournal(file, `${dev}:${ino}`)).toBe(false);
  });

  it('gets the priority at every line', () => {
    expect(withPriority(3, 'one\ntwo\n')).toBe('<3>one\n<3>two\n');
  });

  it('is told what goes wrong as an error, so that "journalctl -p warning" shows it', () => {
    const program = join(folder, 'complain.cjs');
    const stdin = { contents: `require('./terminal.ts').openTerminal().complain('it is so\\n')` };
    const resolveDir = new URL('../../src/platform', import.meta.url).pathname;
    buildSync({ stdin: { ...stdin, resolveDir }, bundle: true, platform: 'node', format: 'cjs', outfile: program });
    const path = join(folder, 'stderr');
    const file = openSync(path, 'w');
    const { dev, ino } = fstatSync(file, { bigint: true });
    spawnSync(process.execPath, [program], {
      env: { ...process.env, JOURNAL_STREAM: `${dev}:${ino}` },
      stdio: ['ignore', 'ignore', file],
    });
    closeSync(file);
    expect(readFileSync(path, 'utf8')).toBe('<3>it is so\n');
  });
});
