// A feed for OpenWrt's build system: Makefiles for both packages, and the release archive whose hash they name.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gzip, tar } from '../archive.mjs';
import { daemonPackage, luciPackage } from './package.mjs';

const here = (name) => readFileSync(new URL(name, import.meta.url), 'utf8');

/**
 * Files by their path in the feed's folder.
 * @param {import('../../.scripts/package.mjs').Product} product
 */
export function openwrtFeed(product) {
  const release = `igd2pcp-openwrt-${product.version}`;
  const entries = [
    { path: `${release}/LICENSE`, data: product.license },
    ...daemonPackage(product).files.map((file) => ({ ...file, path: `${release}/igd2pcp/${file.path}` })),
  ];
  const archive = gzip(tar(entries, product.time, { prefix: '' }));
  const filled = (name) =>
    here(name)
      .replace('@VERSION@', product.version)
      .replace('@HASH@', createHash('sha256').update(archive).digest('hex'))
      .replace('@PRERM@', () => inMake(ownPart(here('prerm'))))
      .replace('@POSTRM@', () => inMake(here('postrm')));
  const luci = 'luci/applications/luci-app-igd2pcp';
  return [
    { name: `${release}.tar.gz`, bytes: archive },
    { name: 'net/igd2pcp/Makefile', bytes: filled('feed/igd2pcp/Makefile') },
    { name: 'net/igd2pcp/test.sh', bytes: here('feed/igd2pcp/test.sh') },
    { name: `${luci}/Makefile`, bytes: filled('feed/luci-app-igd2pcp/Makefile') },
    ...luciPackage(product).files.map(({ path, data }) => ({ name: `${luci}/${placeOf(path)}`, bytes: data })),
  ];
}

/** luci.mk installs two folders: htdocs under /www, root under /. */
const placeOf = (path) => (path.startsWith('www/') ? path.replace('www/', 'htdocs/') : `root/${path}`);

/** The build system adds the calls into OpenWrt's own functions by itself. */
const ownPart = (script) =>
  script
    .split('\n')
    .filter((line) => !/functions\.sh|default_prerm/.test(line))
    .join('\n');

const inMake = (script) => script.replaceAll('$', '$$$$');
