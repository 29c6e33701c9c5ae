// A small Debian as a tree of files, made by debootstrap from the mirror this machine's own apt uses. Kept for the next run:
// IGD2PCP_LAB_CACHE says where; without the folder it is made anew.

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { debianMirror } from './debian-mirror.mjs';

const run = promisify(execFile);
const CACHE = process.env.IGD2PCP_LAB_CACHE ?? '/var/cache/igd2pcp-lab';

/** What a router has; our package must need nothing more, for there is no way out of the lab. */
const PACKAGES = ['systemd', 'systemd-sysv', 'dbus', 'iproute2', 'nftables', 'procps'];
const PACKAGES_OF = { bookworm: PACKAGES, trixie: [...PACKAGES, 'nodejs'] };

/** The tree's folder: to be copied, not to be changed. */
export async function debianBase(suite) {
  const packages = PACKAGES_OF[suite].join(',');
  const print = createHash('sha256').update(packages).digest('hex').slice(0, 8);
  const folder = join(CACHE, `${suite}-${print}`);
  if (existsSync(folder)) return folder;
  mkdirSync(CACHE, { recursive: true });
  // What was not finished, and what had other packages.
  for (const name of readdirSync(CACHE).filter((each) => each.startsWith(`${suite}-`)))
    rmSync(join(CACHE, name), { recursive: true });
  const unfinished = `${folder}.new`;
  const args = ['--variant=minbase', `--include=${packages}`, suite, unfinished, debianMirror(aptSources())];
  await run('debootstrap', args, { maxBuffer: 2 ** 24 });
  // The packages themselves and apt's lists: half of the tree.
  for (const place of ['var/cache/apt/archives', 'var/lib/apt/lists'])
    rmSync(join(unfinished, place), { recursive: true, force: true });
  mkdirSync(join(unfinished, 'var/log/journal'), { recursive: true });
  renameSync(unfinished, folder);
  return folder;
}

function aptSources() {
  const parts = '/etc/apt/sources.list.d';
  const files = [
    '/etc/apt/sources.list',
    ...(existsSync(parts) ? readdirSync(parts).map((name) => join(parts, name)) : []),
  ];
  return files.filter((file) => existsSync(file)).map((file) => readFileSync(file, 'utf8'));
}
