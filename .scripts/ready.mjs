// `npm start` and `npm test` as the very first command after a clone: installs from the lock file and builds when
// something is missing or stale, then does what was asked. Needs Node and npm alone; does nothing extra when all is there.

import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const at = (...parts) => join(root, ...parts);

const [asked = 'start', ...rest] = process.argv.slice(2);

refuseOldNode();
installWhenStale();

const program = at('dist', 'igd2pcp.cjs');
const vitest = at('node_modules', 'vitest', 'vitest.mjs');
const tasks = {
  start: { needs: buildWhenStale, script: program, args: ['demo'] },
  build: { needs: build },
  test: { needs: buildWhenStale, script: at('.scripts', 'check.mjs') },
  lab: { needs: buildWhenStale, script: at('test', 'lab', 'lab.mjs') },
  bench: { needs: buildWhenStale, script: at('test', 'bench', 'bench.mjs') },
  soak: { needs: buildWhenStale, script: at('test', 'bench', 'soak', 'soak.mjs') },
  fuzz: {
    script: vitest,
    args: ['run', '--config', 'test/vitest.config.ts', 'test/property'],
    environment: { IGD2PCP_FUZZ: 'long' },
  },
  mutate: { script: at('.scripts', 'mutate.mjs') },
  types: { script: at('node_modules', 'typescript', 'bin', 'tsc'), args: ['-p', '.'] },
  lint: {
    script: at('node_modules', '@biomejs', 'biome', 'bin', 'biome'),
    args: ['check', '--error-on-warnings', '.'],
  },
  watch: { script: vitest, args: ['--config', 'test/vitest.config.ts'] },
  'control-point': { needs: bundleControlPoint, script: at('dist', 'control-point.cjs') },
  package: { needs: buildWhenStale, script: at('.scripts', 'package.mjs') },
};

const task = tasks[asked];
if (task === undefined) fail(`unknown task "${asked}": one of ${Object.keys(tasks).join(', ')}`);
task.needs?.();
if (task.script !== undefined) {
  process.exitCode = await attend(task.script, [...(task.args ?? []), ...rest], task.environment);
}

function refuseOldNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 11))
    fail(`igd2pcp needs Node.js 20.11 or newer; this is ${process.versions.node}`);
}

/** npm leaves a copy of the lock file in node_modules; ours is compared with the text that was installed from. */
function installWhenStale() {
  const stamp = at('node_modules', '.igd2pcp-lock');
  const lock = readFileSync(at('package-lock.json'), 'utf8');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  console.error('Installing what package-lock.json names …');
  const npm = process.env.npm_execpath;
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
  const done =
    npm === undefined ? spawnSync('npm', args, inherit()) : spawnSync(process.execPath, [npm, ...args], inherit());
  if (done.status !== 0) fail('npm ci did not succeed: see above; the network or the registry may be unreachable');
  writeFileSync(stamp, lock);
}

function buildWhenStale() {
  const built = newest([program]);
  const sources = newest(
    ['src', 'descriptors', '.scripts/build.mjs', 'package.json', 'tsconfig.json'].map((name) => at(name)),
  );
  if (!existsSync(program) || built < sources) build();
}

function build() {
  console.error('Building …');
  const status = run(at('.scripts', 'build.mjs'), []);
  if (status !== 0) fail('the build failed: see above');
  chmodSync(program, 0o755);
}

function bundleControlPoint() {
  const status = run(at('.scripts', 'build.mjs'), ['control-point']);
  if (status !== 0) fail('the control point could not be bundled: see above');
}

function newest(paths) {
  return Math.max(
    0,
    ...paths.map((path) => {
      if (!existsSync(path)) return 0;
      const { mtimeMs } = statSync(path);
      if (!statSync(path).isDirectory()) return mtimeMs;
      return Math.max(mtimeMs, newest(readdirSync(path).map((name) => join(path, name))));
    }),
  );
}

function run(script, args) {
  return spawnSync(process.execPath, [script, ...args], inherit()).status ?? 1;
}

/** Runs and passes signals on, so that Ctrl-C or a `kill` of this process lets the other one say goodbye. */
function attend(script, args, environment = {}) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [script, ...args], {
      ...inherit(),
      env: { ...process.env, ...environment },
    });
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
    child.on('exit', (code, signal) => resolve(signal === null ? (code ?? 1) : 1));
  });
}

function inherit() {
  return { cwd: root, stdio: 'inherit' };
}

function fail(message) {
  console.error(message);
  process.exit(2);
}
