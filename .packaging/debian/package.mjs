// The .deb: debian-binary, control and data in an ar archive (deb(5)).

import { readFileSync } from 'node:fs';
import { ar, gzip, tar } from '../archive.mjs';

const here = (name) => readFileSync(new URL(name, import.meta.url));

/**
 * @param {import('../../.scripts/package.mjs').Product} product
 * @param {{ architecture: string, program: Buffer, license: Buffer }} [node] comes along; else Debian's own is used
 */
export function debianPackage(product, node) {
  const data = [
    { path: 'usr/bin/igd2pcp', data: product.launcher, mode: 0o755 },
    { path: 'usr/lib/igd2pcp/igd2pcp.cjs', data: product.program },
    { path: 'usr/lib/igd2pcp/start.cjs', data: product.start },
    ...(node === undefined ? [] : bundled(node)),
    { path: 'usr/lib/systemd/system/igd2pcp.service', data: here('igd2pcp.service') },
    { path: 'usr/lib/systemd/system-generators/igd2pcp-generator', data: here('generator.sh'), mode: 0o755 },
    { path: 'usr/lib/tmpfiles.d/igd2pcp.conf', data: here('tmpfiles.conf') },
    { path: 'etc/igd2pcp.toml', data: here('igd2pcp.toml') },
    { path: 'usr/share/man/man8/igd2pcp.8.gz', data: gzip(product.help('man')) },
    { path: 'usr/share/bash-completion/completions/igd2pcp', data: product.help('bash') },
    { path: 'usr/share/zsh/vendor-completions/_igd2pcp', data: product.help('zsh') },
    { path: 'usr/share/doc/igd2pcp/copyright', data: product.license },
    { path: 'usr/share/doc/igd2pcp/changelog.gz', data: gzip(product.changelog) },
    { path: 'usr/share/doc/igd2pcp/igd2pcp.toml.example', data: product.help('toml') },
  ];
  const architecture = node?.architecture ?? 'all';
  const control = [
    { path: 'control', data: controlText(product.version, architecture, data) },
    { path: 'conffiles', data: '/etc/igd2pcp.toml\n' },
    { path: 'triggers', data: 'interest-noawait /usr/bin/node\n' },
    ...['postinst', 'prerm', 'postrm'].map((name) => ({ path: name, data: here(name), mode: 0o755 })),
  ];
  const bytes = ar(
    [
      { name: 'debian-binary', data: '2.0\n' },
      { name: 'control.tar.gz', data: gzip(tar(control, product.time)) },
      { name: 'data.tar.gz', data: gzip(tar(data, product.time), product.level) },
    ],
    product.time,
  );
  return { name: `igd2pcp_${product.version}_${architecture}.deb`, bytes };
}

const bundled = ({ program, license }) => [
  { path: 'usr/lib/igd2pcp/node', data: program, mode: 0o755 },
  { path: 'usr/share/doc/igd2pcp/copyright.nodejs', data: license },
];

function controlText(version, architecture, data) {
  const kibibytes = Math.ceil(data.reduce((sum, entry) => sum + Buffer.byteLength(entry.data), 0) / 1024);
  const runtime = architecture === 'all' ? 'nodejs (>= 20.11)' : 'libc6 (>= 2.28), libstdc++6 (>= 6)';
  return `Package: igd2pcp
Version: ${version}
Architecture: ${architecture}
Maintainer: igd2pcp <igd2pcp@localhost>
Installed-Size: ${kibibytes}
Depends: ${runtime}, passwd
Recommends: nftables
Section: net
Priority: optional
Description: UPnP IGD to PCP interworking
 Lets applications and consoles that only speak UPnP IGD open ports at a
 carrier's NAT by PCP (RFC 6970), with or without a NAT of this box between.
`;
}
