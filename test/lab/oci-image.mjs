// The OCI image, run without an engine: its layers laid over each other, a mount and a process namespace of its own, and of
// root's powers only the one that the daemon needs for nft.

import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { knock } from './control-points.mjs';
import { descriptionUrl } from './daemon.mjs';
import { LAN_HOST } from './network.mjs';
import { expect, until } from './report.mjs';
import { Scene } from './scene.mjs';
import { TOPOLOGIES } from './topologies.mjs';
import { Upnpc } from './upnpc.mjs';

// Other plays wait for their packets in the same process: nothing here may stop it.
const run = promisify(execFile);
const PACKER = fileURLToPath(new URL('../../.scripts/package.mjs', import.meta.url));
const PORT = 8080;

export const OCI_IMAGE = {
  'oci-image': { says: 'the OCI image, unpacked and run with one capability', play: playImage },
};

async function playImage(name, { folder, program, report }) {
  const place = join(folder, name);
  const root = join(place, 'root');
  let scene;
  let daemon;
  try {
    let config;
    const isUnpacked = await report.check(name, 'image', 'is written and fits its checksums', async () => {
      mkdirSync(root, { recursive: true });
      await run(process.execPath, [PACKER, '--quick', '--oci', '--architecture', 'none', '--out', place]);
      const { stdout: architecture } = await run('dpkg', ['--print-architecture']);
      config = await unpack(join(place, `oci-image-${architecture.trim()}`), root);
    });
    if (!isUnpacked) return;
    await report.check(name, 'daemon', 'runs from it without other powers than CAP_NET_ADMIN', async () => {
      scene = await Scene.open(name, TOPOLOGIES.nat, { folder, program, report, env: {} });
      await scene.carrier.start();
      daemon = scene.network.namespaces.start('cpe', 'igd2pcp', 'unshare', runner(root, config));
      const log = join(folder, `${name}-igd2pcp.log`);
      await until(
        'it says that it is running',
        30_000,
        async () => existsSync(log) && readFileSync(log, 'utf8').includes('is running'),
      );
      const [init] = readFileSync(`/proc/${daemon.pid}/task/${daemon.pid}/children`, 'utf8').split(' ');
      const status = readFileSync(`/proc/${init}/status`, 'utf8');
      const powers = /CapBnd:\s*(\w+)/.exec(status)?.[1];
      expect(Number.parseInt(powers, 16) === NET_ADMIN + SYS_CHROOT, `its capabilities: ${powers}`);
      return /VmRSS:\s*(.*)/.exec(status)?.[1];
    });
    await report.check(name, 'LAN host', 'maps a port, and a stranger gets through', async () => {
      await scene.network.agents.host.serve(PORT);
      const code = await new Upnpc(scene.network, 'host', descriptionUrl(1)).add(LAN_HOST, PORT, PORT, 'TCP');
      expect(code === 0, `error ${code}`);
      await knock(scene.network, 'TCP', PORT);
    });
    await report.check(name, 'daemon', 'ends in peace when the container is stopped', async () => {
      const [init] = readFileSync(`/proc/${daemon.pid}/task/${daemon.pid}/children`, 'utf8').split(' ');
      process.kill(Number(init), 'SIGTERM');
      await until('it has ended', 15_000, async () => !daemon.isRunning);
    });
  } finally {
    await daemon?.stop('SIGKILL');
    await scene?.close();
    rmSync(place, { recursive: true, force: true });
  }
}

/** The layers in their order; every blob is compared with its name. Returns the configuration of the image. */
async function unpack(layout, root) {
  const blob = async ({ digest }) => {
    const file = join(layout, 'blobs', ...digest.split(':'));
    const { stdout } = await run('sha256sum', [file]);
    expect(`sha256:${stdout.split(' ')[0]}` === digest, `${file} is not what its name says`);
    return file;
  };
  const read = (file) => JSON.parse(readFileSync(file, 'utf8'));
  const manifest = read(await blob(read(join(layout, 'index.json')).manifests[0]));
  for (const layer of manifest.layers) await run('tar', ['xzf', await blob(layer), '-C', root, '--numeric-owner']);
  return read(await blob(manifest.config)).config;
}

const NET_ADMIN = 2 ** 12;
/** What the runner's own chroot needs; engines have another way in. */
const SYS_CHROOT = 2 ** 18;

/**
 * As `docker run --network host --user 0 --cap-drop ALL --cap-add NET_ADMIN` would. Its mounts end with its processes, and
 * these with the lab.
 */
function runner(root, { Entrypoint, Cmd, Env }) {
  const environment = [...Env, 'IGD2PCP_LAN=br-lan', 'IGD2PCP_WAN=wan', 'IGD2PCP_NAT=nftables', 'IGD2PCP_ADMIN=off'];
  const script = `
    mount -t proc proc "$1/proc"
    mount -t sysfs -o ro sysfs "$1/sys"
    mount --bind /dev "$1/dev"
    shift
    exec "$@"`;
  const powers = ['--bounding-set', '-all,+net_admin,+sys_chroot', '--inh-caps', '-all', '--no-new-privs'];
  const command = ['setpriv', ...powers, 'chroot', root, '/usr/bin/igd2pcp'];
  expect(Entrypoint[0] === command.at(-1), `its entry point is ${Entrypoint}`);
  const inside = ['env', '-i', ...environment, ...command, ...Cmd];
  return ['--mount', '--pid', '--fork', '--kill-child', 'sh', '-ec', script, 'sh', root, ...inside];
}
