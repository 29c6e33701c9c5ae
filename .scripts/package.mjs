// `npm run package`: the built program as packages for Debian and OpenWrt and as an OCI image, in out/. The same commit
// gives the same bytes. --architecture NAME (amd64, arm64, none; repeatable) says for which machines Node.js
// is packed as well, --quick packs it in a quarter of the time, for tests. --oci makes an OCI image for this machine's
// architecture; it needs apt.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { BUNDLED_ARCHITECTURES, bundledNode } from '../.packaging/bundled-node.mjs';
import { debianPackage } from '../.packaging/debian/package.mjs';
import { downloadPackages } from '../.packaging/oci/debian-files.mjs';
import { containerFolder } from '../.packaging/oci/folder.mjs';
import { imageLayout } from '../.packaging/oci/image.mjs';
import { openwrtFeed } from '../.packaging/openwrt/feed.mjs';
import { openwrtPackages } from '../.packaging/openwrt/package.mjs';
import packageJson from '../package.json' with { type: 'json' };

const root = new URL('..', import.meta.url);
const read = (path) => readFileSync(new URL(path, root));
const { values: options } = parseArgs({
  options: {
    architecture: { type: 'string', multiple: true, default: BUNDLED_ARCHITECTURES },
    oci: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    version: { type: 'string' },
    out: { type: 'string' },
  },
});
const program = new URL('dist/igd2pcp.cjs', root);

/**
 * @typedef {typeof product} Product
 */
const product = {
  version: options.version ?? packageJson.version,
  time: timeOfCommit(),
  level: options.quick ? 1 : 9,
  program: readFileSync(program),
  launcher: read('.packaging/igd2pcp.sh'),
  start: read('.packaging/start.cjs'),
  license: read('LICENSE'),
  changelog: read('CHANGELOG.md'),
  help: (form) => execFileSync(process.execPath, [program.pathname, 'help', '--as', form], { encoding: 'utf8' }),
};

const out = new URL(options.out === undefined ? 'out/' : `file://${options.out}/`, root);
mkdirSync(new URL('oci/', out), { recursive: true });
keep(debianPackage(product));
for (const one of openwrtPackages(product)) keep(one);
for (const { name, bytes } of openwrtFeed(product)) {
  const file = new URL(`openwrt-feed/${name}`, out);
  mkdirSync(new URL('.', file), { recursive: true });
  writeFileSync(file, bytes);
}
for (const architecture of options.architecture.filter((name) => name !== 'none'))
  keep(debianPackage(product, { architecture, ...bundledNode(architecture) }));
if (options.oci) keepImage();
for (const { name, bytes, mode } of containerFolder(product)) {
  writeFileSync(new URL(`oci/${name}`, out), bytes, { mode });
}

function keep({ name, bytes }) {
  writeFileSync(new URL(name, out), bytes);
  console.log(`${createHash('sha256').update(bytes).digest('hex')}  ${name}  ${Math.ceil(bytes.length / 1024)} KB`);
}

function keepImage() {
  const architecture = execFileSync('dpkg', ['--print-architecture'], { encoding: 'utf8' }).trim();
  const files = imageLayout(product, { architecture, ...bundledNode(architecture) }, downloadPackages());
  const layout = new URL(`oci-image-${architecture}/`, out);
  rmSync(layout, { recursive: true, force: true });
  mkdirSync(new URL('blobs/sha256/', layout), { recursive: true });
  for (const { name, bytes } of files) writeFileSync(new URL(name, layout), bytes);
  const size = files.reduce((sum, { bytes }) => sum + bytes.length, 0);
  console.log(`${' '.repeat(64)}  oci-image-${architecture}/  ${Math.ceil(size / 1024)} KB`);
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
