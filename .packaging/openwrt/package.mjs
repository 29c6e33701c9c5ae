// The .ipk of OpenWrt up to 24.10: a gzipped tar of debian-binary, data and control.

import { readFileSync } from 'node:fs';
import { gzip, tar } from '../archive.mjs';

const here = (name) => readFileSync(new URL(name, import.meta.url), 'utf8');

/** "lan.interfaces:list lan.http_port:number ...", from the commented configuration file the daemon writes. */
export function keysOf(tomlExample) {
  const keys = [];
  let section = '';
  for (const line of tomlExample.split('\n')) {
    section = /^\[(\w+)\]$/.exec(line)?.[1] ?? section;
    const [, name, standard] = /^#(\w+) = (.+)$/.exec(line) ?? [];
    // Rules are sections of their own.
    if (name !== undefined && !['action', 'client', 'external_ports', 'internal_ports'].includes(name)) {
      keys.push(`${section}.${name}:${kindOf(standard)}`);
    }
  }
  return keys.join(' ');
}

function kindOf(standard) {
  if (standard.startsWith('[')) return 'list';
  if (standard === 'true' || standard === 'false') return 'switch';
  return /^\d+$/.test(standard) ? 'number' : 'text';
}

/** @param {import('../../.scripts/package.mjs').Product} product */
export function openwrtPackage(product) {
  const converter = here('uci-to-toml.sh').replace('@KEYS@', keysOf(product.help('toml')));
  const data = [
    { path: 'usr/bin/igd2pcp', data: product.launcher, mode: 0o755 },
    { path: 'usr/lib/igd2pcp/igd2pcp.cjs', data: product.program },
    { path: 'usr/lib/igd2pcp/start.cjs', data: product.start },
    { path: 'usr/lib/igd2pcp/uci-to-toml.sh', data: converter },
    { path: 'usr/lib/igd2pcp/import-miniupnpd', data: here('import-miniupnpd'), mode: 0o755 },
    { path: 'etc/config/igd2pcp', data: here('igd2pcp.config') },
    { path: 'etc/init.d/igd2pcp', data: here('igd2pcp.init'), mode: 0o755 },
    { path: 'etc/hotplug.d/iface/60-igd2pcp', data: here('hotplug-iface') },
    { path: 'etc/udhcpc.user.d/60-igd2pcp', data: here('dhcp4-option') },
    { path: 'etc/odhcp6c.user.d/60-igd2pcp', data: here('dhcp6-option'), mode: 0o755 },
    { path: 'usr/share/nftables.d/chain-pre/forward/60-igd2pcp.nft', data: here('fw4-forward.nft') },
  ];
  const size = data.reduce((sum, entry) => sum + Buffer.from(entry.data).length, 0);
  const version = `${product.version}-1`;
  const control = [
    { path: 'control', data: controlText(version, size) },
    { path: 'conffiles', data: '/etc/config/igd2pcp\n' },
    { path: 'postinst', data: here('postinst'), mode: 0o755 },
    { path: 'prerm', data: here('prerm'), mode: 0o755 },
  ];
  const outer = tar(
    [
      { path: 'debian-binary', data: '2.0\n' },
      { path: 'data.tar.gz', data: gzip(tar(data, product.time)) },
      { path: 'control.tar.gz', data: gzip(tar(control, product.time)) },
    ],
    product.time,
  );
  return { name: `igd2pcp_${version}_all.ipk`, bytes: gzip(outer) };
}

const controlText = (version, size) => `Package: igd2pcp
Version: ${version}
Depends: libc, node
Section: net
Architecture: all
Installed-Size: ${size}
Description: UPnP IGD to PCP interworking: opens ports at the carrier's NAT
 for applications and consoles that only speak UPnP (RFC 6970).
`;
