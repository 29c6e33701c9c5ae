// The .deb as a person meets it, from installation to purge; see deb-inside.sh. Needs root and overlayfs: everything
// happens over a throw-away layer, in namespaces of its own, and nothing of it stays.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ready = fileURLToPath(new URL('../../../.scripts/ready.mjs', import.meta.url));
const inside = fileURLToPath(new URL('deb-inside.sh', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'igd2pcp-deb-'));

const packages = ['0.1.0', '0.1.1'].map((version) => {
  const out = join(folder, version);
  execFileSync(process.execPath, [ready, 'package', '--architecture', 'amd64', '--version', version, '--out', out], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return join(out, readdirSync(out).find((name) => name.endsWith('_amd64.deb')) ?? '');
});

// The layer is a tmpfs of the new mount namespace: it is gone with its last process.
const script = `
set -e
mount -t tmpfs tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work /mnt/root
mount --bind "$1" /mnt/root/mnt
cp "$2" /mnt/root/mnt/inside.sh
mount -t proc proc /mnt/root/proc
mount --rbind /sys /mnt/root/sys
mount --rbind /dev /mnt/root/dev
exec chroot /mnt/root sh /mnt/inside.sh /mnt/\${3#"$1/"} /mnt/\${4#"$1/"}
`;
const { status } = spawnSync(
  'unshare',
  ['--mount', '--net', '--pid', '--fork', '--kill-child', 'sh', '-c', script, 'sh', folder, inside, ...packages],
  { stdio: 'inherit' },
);
rmSync(folder, { recursive: true, force: true });
process.exitCode = status ?? 1;
