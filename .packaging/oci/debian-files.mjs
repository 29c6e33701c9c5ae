// The little of a Debian that the image needs: what the launcher, Node.js and nft are linked with. Taken from Debian's packages as
// this machine's apt gives them: an image made later has their later security fixes.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { entriesOf } from '../archive.mjs';

const PACKAGES = [
  ...['dash', 'libc6', 'libgcc-s1', 'libstdc++6'],
  ...['nftables', 'libnftables1', 'libnftnl11', 'libmnl0', 'libjansson4', 'libgmp10', 'libxtables12'],
  ...['libedit2', 'libbsd0', 'libmd0', 'libtinfo6'],
];

/** The packages of this machine's architecture; needs apt, no root. */
export function downloadPackages() {
  const folder = mkdtempSync(join(tmpdir(), 'igd2pcp-oci-'));
  try {
    execFileSync('apt-get', ['download', '-qq', '-o', 'APT::Sandbox::User=root', ...PACKAGES], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const files = readdirSync(folder).filter((name) => name.endsWith('.deb'));
    const limit = { maxBuffer: 2 ** 28 };
    return files
      .map((name) => execFileSync('dpkg-deb', ['--fsys-tarfile', join(folder, name)], limit))
      .map(Buffer.from);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const FILE = '0';
const HARD_LINK = '1';
const LINK = '2';

/** Programs and libraries, in the merged /usr; of documentation only the licences. */
export function* systemFiles(archives) {
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) yield { path: name, link: `usr/${name}` };
  for (const archive of archives) {
    for (const { path, kind, mode, link, data } of entriesOf(archive)) {
      const place = path.replace(/^\.\//, '').replace(/^(bin|sbin|lib|lib64)\//, 'usr/$1/');
      if (!isNeeded(place)) continue;
      if (kind === FILE) yield { path: place, data, mode: mode & 0o755 };
      else if (kind === LINK) yield { path: place, link };
      else if (kind === HARD_LINK) throw new Error(`${path} is a hard link: this image knows none`);
    }
  }
}

const isNeeded = (path) =>
  /^usr\/(bin|sbin|lib|lib64)\//.test(path)
    ? !/\/(gconv|audit|locale|systemd)\//.test(path)
    : /^usr\/share\/doc\/[^/]+\/copyright$/.test(path);
