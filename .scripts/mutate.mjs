// Breaks random lines of the source, one at a time, and sees whether a test notices: `npm run mutate -- --sample 20 --seed 7`.
// It works on a copy, so the tree is never touched. A mutant that survives is a line that no test holds.

import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const COPIED = ['src', 'test', 'descriptors', '.config', '.packaging', '.scripts'];
const COPIED_FILES = ['package.json', 'package-lock.json', 'tsconfig.json', 'README.md', 'CHANGELOG.md', 'LICENSE'];
/** A mutant that makes the tests hang is noticed, too. */
const LONGEST_MS = 240_000;

/** What a line can be turned into: [what is looked for, what takes its place]. */
const MUTATIONS = [
  [/ === /, ' !== '],
  [/ !== /, ' === '],
  [/ <= /, ' < '],
  [/ >= /, ' > '],
  [/ < (?!\/)/, ' <= '],
  [/ > (?!=)/, ' >= '],
  [/ \+ (?!')/, ' - '],
  [/ - (?!')/, ' + '],
  [/ && /, ' || '],
  [/ \|\| /, ' && '],
  [/\bif \((?!!)([^()]+)\)/, 'if (!($1))'],
  [/\btrue\b/, 'false'],
  [/\bfalse\b/, 'true'],
  [/^(\s+)[\w.#?]+\([^()]*\);$/, '$1;'],
];

const { sample, seed } = readArguments(process.argv.slice(2));
const unit = randomFrom(seed);
const copy = copyTree();
let isStopped = false;
let running;
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    isStopped = true;
    running?.kill('SIGKILL');
  });
}

try {
  const killed = await mutateAll();
  console.log(
    `killed ${killed.count} of ${killed.tried} (${Math.round((100 * killed.count) / Math.max(1, killed.tried))} %)`,
  );
} finally {
  rmSync(copy, { recursive: true, force: true });
}

async function mutateAll() {
  const places = placesIn(join(copy, 'src'));
  console.log(`${places.length} places to break; ${sample} of them with seed ${seed}`);
  let count = 0;
  let tried = 0;
  while (tried < sample && places.length > 0 && !isStopped) {
    const [place] = places.splice(Math.floor(unit() * places.length), 1);
    const text = readFileSync(place.file, 'utf8');
    const lines = text.split('\n');
    lines[place.index] = place.mutant;
    writeFileSync(place.file, lines.join('\n'));
    const isKilled = await isNoticed(place.file);
    writeFileSync(place.file, text);
    if (isStopped) break;
    tried += 1;
    if (isKilled) count += 1;
    const where = `${place.file.slice(copy.length + 1)}:${place.index + 1}`;
    console.log(`${isKilled ? 'killed  ' : 'SURVIVED'} ${where}\n  - ${place.line.trim()}\n  + ${place.mutant.trim()}`);
  }
  return { count, tried };
}

/** By the compiler, or by a test that reaches the file. */
async function isNoticed(file) {
  if ((await run('node_modules/typescript/bin/tsc', ['-p', '.'])) !== 0) return true;
  const options = ['--run', '--bail', '1', '--config', 'test/vitest.config.ts', '--reporter', 'dot'];
  return (await run('node_modules/vitest/vitest.mjs', ['related', file, ...options])) !== 0;
}

function run(script, args) {
  return new Promise((resolve) => {
    running = spawn(process.execPath, [join(copy, script), ...args], { cwd: copy, stdio: 'ignore' });
    const child = running;
    const limit = setTimeout(() => child.kill('SIGKILL'), LONGEST_MS);
    child.on('close', (code) => {
      clearTimeout(limit);
      resolve(code ?? 1);
    });
  });
}

function placesIn(folder) {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => /(?<!\.d)\.ts$/.test(name));
  return files.flatMap((name) => {
    const file = join(folder, name);
    return readFileSync(file, 'utf8')
      .split('\n')
      .flatMap((line, index) => mutantsOf(line).map((mutant) => ({ file, index, line, mutant })));
  });
}

function mutantsOf(line) {
  if (/^\s*(\/\/|\/?\*|import |export type|export interface)/.test(line)) return [];
  return MUTATIONS.flatMap(([from, to]) => {
    const mutant = line.replace(from, to);
    return mutant === line ? [] : [mutant];
  });
}

function copyTree() {
  const folder = mkdtempSync(join(tmpdir(), 'igd2pcp-mutate-'));
  for (const name of COPIED) cpSync(join(root, name), join(folder, name), { recursive: true, force: true });
  for (const name of COPIED_FILES) cpSync(join(root, name), join(folder, name));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

function readArguments(args) {
  const numberAfter = (name, fallback) => {
    const at = args.indexOf(name);
    const value = at < 0 ? fallback : Number(args[at + 1]);
    if (!Number.isSafeInteger(value) || value < 1) {
      console.error(`${name} needs a whole number above 0: npm run mutate -- --sample 20 --seed 7`);
      process.exit(2);
    }
    return value;
  };
  return { sample: numberAfter('--sample', 20), seed: numberAfter('--seed', Math.ceil(Math.random() * 1e6)) };
}

/** The same mutants for the same seed (mulberry32). */
function randomFrom(start) {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
