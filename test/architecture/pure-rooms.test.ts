// The rooms that keep the rules of the protocols reach nothing outside: time and randomness come in as values.
// Each forbidden word stands beside the reason, and each is checked to be found where it does exist.

import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const SRC = fileURLToPath(new URL('../../src', import.meta.url));
const PURE_ROOMS = [
  'base',
  'config',
  'pcp',
  'upnp',
  'mapping',
  'interworking',
  'lan',
  'upstream',
  'packet-filter',
  'simulator',
  'doctor',
];

const FORBIDDEN: readonly { readonly word: RegExp; readonly why: string }[] = [
  { word: /\b(setTimeout|setInterval|setImmediate|queueMicrotask)\s*\(/, why: 'a timer: return a wake instead' },
  { word: /\bDate\.now\b|\bnew Date\(\)|\bperformance\./, why: 'a clock: take `now` as an argument' },
  { word: /\bMath\.random\b|\bcrypto\./, why: 'a random source: take it as an argument' },
  { word: /\bprocess\.|\bBuffer\b|\brequire\(|\bglobalThis\b/, why: 'Node.js itself' },
  { word: /\bconsole\./, why: 'a console: log through base/log.ts' },
  { word: /from 'node:/, why: 'a module of Node.js' },
  { word: /\b(fetch|WebSocket|XMLHttpRequest)\s*\(/, why: 'a socket' },
];

interface Finding {
  readonly file: string;
  readonly line: number;
  readonly why: string;
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesBelow(path);
    return entry.name.endsWith('.ts') ? [path] : [];
  });
}

function codeOf(line: string): string {
  return /^\s*(\/\/|\*|\/\*)/.test(line) ? '' : line.replace(/\/\/ .*$/, '');
}

function findingsIn(name: string, text: string): Finding[] {
  return text.split('\n').flatMap((line, index) => {
    const code = codeOf(line);
    return FORBIDDEN.filter(({ word }) => word.test(code)).map(({ why }) => ({ file: name, line: index + 1, why }));
  });
}

describe('the pure rooms', () => {
  it.each(PURE_ROOMS)('%s names no clock, timer, random source, socket, process or console', (room) => {
    const findings = filesBelow(join(SRC, room)).flatMap((path) =>
      findingsIn(relative(SRC, path), readFileSync(path, 'utf8')),
    );
    expect(findings).toEqual([]);
  });

  it('would notice each forbidden word', () => {
    const samples = [
      'setTimeout(wake, 5)',
      'const t = Date.now();',
      'Math.random()',
      'process.env',
      'console.log(1)',
      "import { x } from 'node:fs';",
      'fetch(url)',
    ];
    expect(samples.map((sample) => findingsIn('sample', sample).length)).toEqual(samples.map(() => 1));
  });

  it('setTimeout stands once in the whole source: in the clock of the platform', () => {
    // What runs in the operator's browser is no part of the process.
    const ours = filesBelow(SRC).filter((path) => relative(SRC, path) !== 'operator/page-script.ts');
    const homes = ours.filter((path) =>
      readFileSync(path, 'utf8')
        .split('\n')
        .some((line) => /\bsetTimeout\s*\(|\bsetInterval\s*\(/.test(codeOf(line))),
    );
    expect(homes.map((path) => relative(SRC, path))).toEqual(['platform/node-clock.ts']);
  });

  it("the core speaks no door's language: no version of a device, no UPnP error number, no action name", () => {
    const word = /\bigd\b|\bUpnp|\b[4567]\d\d\b(?!_)|(Add|Delete|Get)\w*PortMapping/;
    const spoken = ['interworking', 'mapping'].flatMap((room) =>
      filesBelow(join(SRC, room)).flatMap((path) =>
        readFileSync(path, 'utf8')
          .split('\n')
          .filter((line) => word.test(codeOf(line)))
          .map((line) => `${relative(SRC, path)}: ${line.trim()}`),
      ),
    );
    // How records of version 1 are read.
    expect(spoken.filter((line) => !line.startsWith('mapping/mapping-record.ts'))).toEqual([]);
  });
});
