// What goes into the OpenWrt packages: igd2pcp itself, and its pages for LuCI. How they are packed: archives.mjs.

import { readFileSync } from 'node:fs';
import { apk, ipk } from './archives.mjs';

const here = (name) => readFileSync(new URL(name, import.meta.url), 'utf8');
const CONFIGURATION = 'etc/config/igd2pcp';

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

/**
 * Four files: each package for opkg and for apk.
 * @param {import('../../.scripts/package.mjs').Product} product
 */
export function openwrtPackages(product) {
  const packages = [daemonPackage(product), luciPackage(product)];
  return packages.flatMap((one) => [ipk(one, product.time), apk(one, product.time)]);
}

// apk refuses a version that ends in "-1".
const versionOf = (product) => `${product.version}-r1`;

export function daemonPackage(product) {
  const converter = here('uci-to-toml.sh').replace('@KEYS@', keysOf(product.help('toml')));
  return {
    name: 'igd2pcp',
    version: versionOf(product),
    license: 'MIT',
    section: 'net',
    summary:
      "UPnP IGD to PCP interworking: opens ports at the carrier's NAT for clients that only speak UPnP (RFC 6970)",
    depends: ['libc', 'node'],
    user: 'igd2pcp:igd2pcp',
    configuration: [CONFIGURATION],
    files: [
      { path: 'usr/bin/igd2pcp', data: product.launcher, mode: 0o755 },
      { path: 'usr/lib/igd2pcp/igd2pcp.cjs', data: product.program },
      { path: 'usr/lib/igd2pcp/start.cjs', data: product.start },
      { path: 'usr/lib/igd2pcp/uci-to-toml.sh', data: converter },
      { path: 'usr/lib/igd2pcp/dhcp-servers.sh', data: here('dhcp-servers.sh') },
      { path: 'usr/lib/igd2pcp/import-miniupnpd', data: here('import-miniupnpd'), mode: 0o755 },
      { path: CONFIGURATION, data: here('igd2pcp.config') },
      { path: 'etc/init.d/igd2pcp', data: here('igd2pcp.init'), mode: 0o755 },
      { path: 'etc/hotplug.d/iface/60-igd2pcp', data: here('hotplug-iface') },
      { path: 'etc/udhcpc.user.d/60-igd2pcp', data: here('dhcp4-option') },
      { path: 'etc/odhcp6c.user.d/60-igd2pcp', data: here('dhcp6-option') },
      { path: 'etc/capabilities/igd2pcp.json', data: here('capabilities.json') },
      { path: 'lib/upgrade/keep.d/igd2pcp', data: here('keep.d') },
      { path: 'usr/share/nftables.d/chain-post/forward/60-igd2pcp.nft', data: here('fw4-forward.nft') },
      { path: 'usr/share/nftables.d/chain-pre/input_wan/60-igd2pcp.nft', data: here('fw4-input.nft') },
      { path: 'usr/share/rpcd/ucode/igd2pcp.uc', data: here('rpcd.uc') },
    ],
    scripts: { postinst: here('postinst'), prerm: here('prerm'), postrm: here('postrm') },
  };
}

export function luciPackage(product) {
  const page = (name) => here(`luci-app-igd2pcp/${name}`);
  return {
    name: 'luci-app-igd2pcp',
    version: versionOf(product),
    license: 'MIT',
    section: 'luci',
    summary: 'LuCI pages for igd2pcp: open ports, and the configuration',
    depends: ['libc', 'luci-base', 'igd2pcp', 'rpcd-mod-ucode', 'ucode-mod-socket'],
    configuration: [],
    files: [
      { path: 'usr/share/luci/menu.d/luci-app-igd2pcp.json', data: page('menu.json') },
      { path: 'usr/share/rpcd/acl.d/luci-app-igd2pcp.json', data: page('acl.json') },
      { path: 'www/luci-static/resources/view/igd2pcp/igd2pcp.js', data: page('igd2pcp.js') },
    ],
    scripts: { postinst: page('postinst') },
  };
}
