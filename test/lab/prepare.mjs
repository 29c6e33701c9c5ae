// What the lab and the soak need of a fresh Debian 12: root, and packages whose services must not start on this machine.

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';

const FOR_THE_LAB = [
  'iproute2',
  'nftables',
  'procps',
  'miniupnpd-nftables',
  'miniupnpc',
  'transmission-daemon',
  'transmission-cli',
  'qbittorrent-nox',
  'amule-daemon',
  'gupnp-tools',
  'tcpdump',
  'debootstrap',
  'systemd-container',
];

/** python3 sends the forged packets: Node.js has no raw sockets. */
export const FOR_THE_SOAK = ['iproute2', 'nftables', 'procps', 'util-linux', 'miniupnpd-nftables', 'python3'];

/** Debian asks this script before it starts a service; 101 says no. */
const START_POLICY = '/usr/sbin/policy-rc.d';

/** → why it cannot run here, if it cannot. */
export function prepare(packages = FOR_THE_LAB) {
  if (process.getuid?.() !== 0) return 'it makes network namespaces: run it as root';
  if (process.platform !== 'linux' || !existsSync('/usr/bin/apt-get')) return 'it needs Debian (or a kin with apt)';
  const missing = packages.filter((name) => !isInstalled(name));
  if (missing.length === 0) return undefined;
  console.log(`installing ${missing.join(' ')}`);
  const isOurs = !existsSync(START_POLICY);
  if (isOurs) writeFileSync(START_POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    execFileSync('apt-get', ['update', '-qq'], { env, stdio: ['ignore', 'ignore', 'inherit'] });
    const install = ['install', '-y', '-qq', '--no-install-recommends', ...missing];
    execFileSync('apt-get', install, { env, stdio: ['ignore', 'ignore', 'inherit'] });
    return undefined;
  } catch (error) {
    return `apt could not install ${missing.join(' ')}: ${error.message}`;
  } finally {
    if (isOurs) rmSync(START_POLICY);
  }
}

function isInstalled(name) {
  const asked = spawnSync('dpkg-query', ['-W', '-f', '${db:Status-Status}', name], { encoding: 'utf8' });
  return asked.stdout === 'installed';
}
