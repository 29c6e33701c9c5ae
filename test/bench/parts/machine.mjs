// On what the figures were taken, and whether the bench can run here at all.

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { BUNDLE, isBuilt, NODE_FLAGS } from './igd2pcp.mjs';
import { miniupnpdVersion } from './miniupnpd.mjs';

const TOOLS = [
  ['ip', 'iproute2'],
  ['nft', 'nftables'],
  ['miniupnpd', 'miniupnpd-nftables'],
  ['taskset', 'util-linux'],
  ['sysctl', 'procps'],
];

/** Why not; empty when all is there. */
export function obstacles() {
  const missing = TOOLS.filter(
    ([tool]) => !['/usr/sbin', '/usr/bin', '/sbin', '/bin'].some((at) => existsSync(`${at}/${tool}`)),
  );
  return [
    ...(process.getuid() === 0 ? [] : ['needs root: it makes network namespaces']),
    ...(missing.length === 0
      ? []
      : [`apt-get install --no-install-recommends ${missing.map(([, pack]) => pack).join(' ')}`]),
    ...(isBuilt() ? [] : ['dist/igd2pcp.cjs is missing: npm run build']),
  ];
}

export function describeMachine() {
  const version = (command, ...args) => execFileSync(command, args, { encoding: 'utf8' }).split('\n')[0].trim();
  return {
    processors: `${cpus().length} × ${cpus()[0].model.trim()}`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    kernel: release(),
    node: process.version,
    nodeFlags: NODE_FLAGS.join(' '),
    igd2pcp: version(process.execPath, BUNDLE, 'version'),
    miniupnpd: miniupnpdVersion(),
    nft: version('nft', '--version'),
    loadBefore: loadavg()[0],
  };
}
