// Makes dist/: the daemon as one file, the library with its types. Run by ready.mjs when something is stale.

import { execFileSync } from 'node:child_process';
import { copyFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import packageJson from '../package.json' with { type: 'json' };

const root = fileURLToPath(new URL('..', import.meta.url));
// In words every Node.js understands, before anything an old one would trip over.
const REFUSE_OLD_NODE =
  'var v=process.versions.node.split(".");if(+v[0]<20||(+v[0]===20&&+v[1]<11)){' +
  'console.error("igd2pcp: needs Node.js 20.11 or newer; this is "+process.versions.node);process.exit(2)}';
const shared = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node20.11',
  loader: { '.xml': 'text', '.md': 'text' },
  // What express brings along and we never use: two fifths of the bundle, and memory on small boxes.
  alias: { 'iconv-lite': './.config/bundle-stubs/iconv-lite.cjs', 'mime-db': './.config/bundle-stubs/mime-db.cjs' },
  define: { 'process.env.IGD2PCP_VERSION': JSON.stringify(packageJson.version) },
  legalComments: 'none',
  logLevel: 'warning',
};

if (process.argv[2] === 'control-point') await buildControlPoint();
else await buildProduct();

async function buildProduct() {
  rmSync(new URL('../dist', import.meta.url), { recursive: true, force: true });
  await build({
    ...shared,
    entryPoints: ['src/main.ts'],
    outfile: 'dist/igd2pcp.cjs',
    format: 'cjs',
    minify: true,
    keepNames: true,
    banner: { js: `#!/usr/bin/env node\n${REFUSE_OLD_NODE}` },
  });
  // One file for `import` and `require`: two would be two classes of each name in a program that uses both.
  await build({
    ...shared,
    entryPoints: ['src/library/library.ts'],
    outfile: 'dist/pcp.cjs',
    format: 'cjs',
  });
  const compiler = 'node_modules/typescript/bin/tsc';
  execFileSync(process.execPath, [compiler, '-p', 'src/library/tsconfig.json'], { cwd: root, stdio: 'inherit' });
  // What is public needs no other declaration: one file for each way of loading it.
  const types = new URL('../dist/types/', import.meta.url);
  for (const kind of ['mts', 'cts'])
    copyFileSync(new URL('library/library.d.ts', types), new URL(`../dist/pcp.d.${kind}`, import.meta.url));
  rmSync(types, { recursive: true });
}

async function buildControlPoint() {
  await build({
    ...shared,
    entryPoints: ['test/doubles/control-point-main.ts'],
    outfile: 'dist/control-point.cjs',
    format: 'cjs',
  });
}
