// Every check that needs no root: types, lint, house rules, tests. One line each, the details only of what failed.
// Arguments go to the test runner: `npm test -- test/pcp` runs one folder.

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = (...parts) => fileURLToPath(new URL(['..', 'node_modules', ...parts].join('/'), import.meta.url));
const tests = process.argv.slice(2);

const checks = [
  { name: 'types', script: bin('typescript', 'bin', 'tsc'), args: ['-p', '.'] },
  {
    name: 'lint and format',
    script: bin('@biomejs', 'biome', 'bin', 'biome'),
    args: ['check', '--error-on-warnings', '.'],
  },
  {
    name: 'house rules',
    script: bin('dependency-cruiser', 'bin', 'dependency-cruise.mjs'),
    args: ['--config', 'test/architecture/layers.cjs', 'src', 'test'],
  },
];

let children = [];
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    for (const child of children) child.kill(signal);
    process.exitCode = 1;
  });
}

let failures = 0;
if (tests.length === 0) {
  for (const check of checks) {
    const started = performance.now();
    const { status, output } = await run(check.script, check.args, true);
    const took = `${((performance.now() - started) / 1000).toFixed(1)} s`;
    console.log(`${status === 0 ? 'ok  ' : 'FAIL'} ${check.name} (${took})`);
    if (status !== 0) {
      failures += 1;
      console.log(output);
    }
  }
}
const { status } = await run(
  bin('vitest', 'vitest.mjs'),
  ['run', '--config', 'test/vitest.config.ts', ...tests],
  false,
);
if (status !== 0) failures += 1;
process.exitCode = failures === 0 ? 0 : 1;

function run(script, args, isQuiet) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [script, ...args], {
      cwd: root,
      stdio: isQuiet ? ['ignore', 'pipe', 'pipe'] : ['ignore', 'inherit', 'inherit'],
    });
    children.push(child);
    let output = '';
    child.stdout?.on('data', (text) => (output += text));
    child.stderr?.on('data', (text) => (output += text));
    child.on('close', (code) => {
      children = children.filter((other) => other !== child);
      resolve({ status: code ?? 1, output });
    });
  });
}
