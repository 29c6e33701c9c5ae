// `npm run package`: the built program as a Debian package, an OpenWrt package and a folder for an OCI image, in out/.
// The same commit gives the same bytes. --with-node puts this very Node.js into the .deb, for systems whose own is too old.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { debianPackage } from '../.packaging/debian/package.mjs';
import { containerFolder } from '../.packaging/oci/folder.mjs';
import { openwrtPackage } from '../.packaging/openwrt/package.mjs';
import packageJson from '../package.json' with { type: 'json' };

const DEBIAN_ARCHITECTURES = { x64: 'amd64', arm64: 'arm64', arm: 'armhf' };

const root = new URL('..', import.meta.url);
const read = (path) => readFileSync(new URL(path, root));
const { values: options } = parseArgs({
  options: { 'with-node': { type: 'boolean', default: false }, version: { type: 'string' }, out: { type: 'string' } },
});
const program = new URL('dist/igd2pcp.cjs', root);

/**
 * @typedef {typeof product} Product
 */
const product = {
  version: options.version ?? packageJson.version,
  time: timeOfCommit(),
  program: readFileSync(program),
  launcher: read('.packaging/igd2pcp.sh'),
  start: read('.packaging/start.cjs'),
  license: read('LICENSE'),
  changelog: read('CHANGELOG.md'),
  node: options['with-node'] ? readFileSync(process.execPath) : undefined,
  debianArchitecture: DEBIAN_ARCHITECTURES[process.arch] ?? process.arch,
  help: (form) => execFileSync(process.execPath, [program.pathname, 'help', '--as', form], { encoding: 'utf8' }),
};

const out = new URL(options.out === undefined ? 'out/' : `file://${options.out}/`, root);
mkdirSync(new URL('oci/', out), { recursive: true });
for (const { name, bytes } of [debianPackage(product), openwrtPackage(product)]) {
  writeFileSync(new URL(name, out), bytes);
  console.log(`${createHash('sha256').update(bytes).digest('hex')}  ${name}  ${Math.ceil(bytes.length / 1024)} KB`);
}
for (const { name, bytes, mode } of containerFolder(product)) {
  writeFileSync(new URL(`oci/${name}`, out), bytes, { mode });
}

/** Seconds since 1970; outside of a repository SOURCE_DATE_EPOCH, or the beginning. */
function timeOfCommit() {
  const given = process.env.SOURCE_DATE_EPOCH;
  if (given !== undefined) return Number(given);
  try {
    return Number(execFileSync('git', ['log', '-1', '--format=%ct'], { cwd: root, encoding: 'utf8' }));
  } catch {
    return 0;
  }
}
