// Runs the tests on the other Node.js lines we promise to support. The npm package "node" carries their binaries; they are
// kept in out/nodes/. Arguments go to the test runner. `node .scripts/other-nodes.mjs [--only 22] [test/pcp ...]`

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const NODES = ['22.23.3', '24.21.0'];

const root = fileURLToPath(new URL('..', import.meta.url));
const vitest = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url));
const args = process.argv.slice(2);
const only = args[0] === '--only' ? args.splice(0, 2)[1] : undefined;

let failures = 0;
for (const version of NODES.filter((one) => only === undefined || one.startsWith(`${only}.`))) {
  const node = binaryOf(version);
  if (node === undefined) {
    console.log(`FAIL Node ${version}: its binary could not be installed`);
    failures += 1;
    continue;
  }
  console.log(`Node ${spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim()}`);
  const run = spawnSync(node, [vitest, 'run', '--config', 'test/vitest.config.ts', ...args], {
    cwd: root,
    stdio: 'inherit',
  });
  if (run.status !== 0) failures += 1;
}
process.exitCode = failures === 0 ? 0 : 1;

function binaryOf(version) {
  const folder = fileURLToPath(new URL(`../out/nodes/${version}/`, import.meta.url));
  const binary = `${folder}node_modules/node/bin/node`;
  if (existsSync(binary)) return binary;
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}package.json`, '{"private":true}\n');
  spawnSync('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', `node@${version}`], {
    cwd: folder,
    stdio: 'inherit',
  });
  return existsSync(binary) ? binary : undefined;
}
