// Debian 12 and 13, booted as the router: the package goes onto them by the README's own words, and stays through a reboot and
// an upgrade; when it is removed, nothing of it stays.

import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { BootedDebian } from './booted-debian.mjs';
import { knock } from './control-points.mjs';
import { debianBase } from './debian-base.mjs';
import { CARRIER_ADDRESS, CPE_MASQUERADE, LAN_HOST } from './network.mjs';
import { commandsOfTheReadme, DEBIAN_FIREWALL } from './readme-commands.mjs';
import { expect, until } from './report.mjs';
import { Scene } from './scene.mjs';
import { TOPOLOGIES } from './topologies.mjs';

// Other plays wait for their packets in the same process: nothing here may stop it.
const run = promisify(execFile);
const PACKER = fileURLToPath(new URL('../../.scripts/package.mjs', import.meta.url));
const FIRST = '0.1.0';
const SECOND = '0.1.1';
const PORT = 8080;
/** Of systemd-analyze: from 0, nothing is left open, to 10. */
const MOST_EXPOSURE = 2;

export const DEBIAN_BOOT = {
  'debian-12': {
    says: 'Debian 12 booted: installed by the README, rebooted, upgraded, purged',
    play: (name, means) => playBoot(name, means, { suite: 'bookworm', upgradeTo: 'amd64' }),
  },
  'debian-13': {
    says: "Debian 13 booted: the same, and an upgrade to Debian's own Node.js 20",
    play: (name, means) => playBoot(name, means, { suite: 'trixie', upgradeTo: 'all' }),
  },
};

async function playBoot(name, means, { suite, upgradeTo }) {
  const { folder, program, report } = means;
  const blocks = commandsOfTheReadme();
  const check = (who, what, work) => report.check(name, who, what, work);
  let scene;
  let debian;
  try {
    const isReady = await check('lab', 'Debian is there and booted', async () => {
      const [place, base] = await Promise.all([packagesIn(folder), debianBase(suite)]);
      scene = await Scene.open(name, TOPOLOGIES.nat, { folder, program, report, env: {} });
      await scene.carrier.start();
      await scene.network.agents.host.serve(PORT);
      const prepare = (root) => furnish(root, place);
      debian = await BootedDebian.boot(scene.network.namespaces, 'cpe', { folder, set: name, base, prepare });
    });
    if (!isReady) return;
    const play = { name, scene, debian, check, blocks };
    await installed(play);
    await watched(play);
    await misconfigured(play);
    await startedByRoot(play);
    await rebooted(play);
    await upgraded(play, upgradeTo);
    await removed(play);
  } finally {
    await debian?.stop();
    await scene?.close();
  }
}

/** Both versions, for this machine's architecture and for any; made once a run, for both plays. */
let packages;
function packagesIn(folder) {
  packages ??= pack(join(folder, 'packages'));
  return packages;
}

async function pack(place) {
  const { stdout: architecture } = await run('dpkg', ['--print-architecture']);
  for (const version of [FIRST, SECOND]) {
    const out = join(place, version);
    mkdirSync(out, { recursive: true });
    const args = ['--quick', '--version', version, '--architecture', architecture.trim(), '--out', out];
    await run(process.execPath, [PACKER, ...args]);
  }
  return place;
}

/** The router before us: a firewall of its own that drops, and our packages in root's directory. */
async function furnish(root, place) {
  for (const [version, name] of [
    [FIRST, 'out'],
    [SECOND, 'next'],
  ]) {
    mkdirSync(join(root, 'root', name));
    for (const file of readdirSync(join(place, version)).filter((each) => each.endsWith('.deb')))
      await copyFile(join(place, version, file), join(root, 'root', name, file));
  }
  writeFileSync(
    join(root, 'etc/nftables.conf'),
    `#!/usr/sbin/nft -f\nflush ruleset\n${DEBIAN_FIREWALL}${CPE_MASQUERADE}`,
  );
  writeFileSync(join(root, 'etc/hostname'), 'router\n');
  await run('systemctl', [`--root=${root}`, 'enable', 'nftables.service']);
}

async function installed({ scene, debian, check, blocks }) {
  await check('README', 'its commands work as they stand', async () => {
    const { code, output } = await debian.run(blocks.debian);
    expect(code === 0, `exit code ${code}: ${output.trim().split('\n').slice(-3).join(' | ')}`);
    expect(
      /Status: "serves http:\/\/192\.168\.77\.1:5000/.test(output),
      'systemctl status does not say what is served',
    );
    return /Memory: (\S+)/.exec(output)?.[0] ?? '';
  });
  await check('LAN host', 'its commands work, and a stranger gets through', async () => {
    const { code, output } = await scene.network.namespaces.attempt('host', 60_000, 'sh', '-ec', blocks['lan-host']);
    expect(code === 0, `exit code ${code}`);
    expect(output.includes('Found valid IGD'), 'no valid IGD');
    expect(output.includes(`ExternalIPAddress = ${CARRIER_ADDRESS}`), 'no public address');
    await knock(scene.network, 'TCP', PORT);
  });
}

async function watched({ debian, check }) {
  await check('service', 'has nothing to warn of, and little is open to it', async () => {
    const { output: warnings } = await debian.run('journalctl -q -u igd2pcp -p warning -o cat');
    expect(warnings === '', `it warns: ${warnings.split('\n')[0]}`);
    const { output } = await debian.run('systemd-analyze security --no-pager igd2pcp | tail -n 1');
    const exposure = Number(/level for igd2pcp\.service: ([\d.]+)/.exec(output)?.[1]);
    expect(exposure <= MOST_EXPOSURE, `systemd-analyze security: ${output.trim()}`);
    const rss = await debian.run('sed -n "s/^VmRSS:[^0-9]*//p" /proc/$(systemctl show -P MainPID igd2pcp)/status');
    const quick = await debian.run('stat -c "%U %a" /usr/lib/igd2pcp/igd2pcp.compiled; igd2pcp version');
    expect(/^root 644\nigd2pcp [\d.]+\n$/.test(quick.output), `compiled form, version: ${quick.output}`);
    return `systemd-analyze security: ${exposure}; VmRSS ${rss.output.trim()}`;
  });
}

/** A start that fails must be seen, at once and later. */
async function misconfigured({ debian, check }) {
  await check(
    'service',
    'says why it cannot start: to systemctl, in its status and as an error in the journal',
    async () => {
      await debian.run('cp -p /etc/igd2pcp.toml /root/good.toml; echo "[lan]\nhttp_prot = 1" > /etc/igd2pcp.toml');
      const { code } = await debian.run('systemctl restart igd2pcp');
      expect(code !== 0, 'systemctl restart is content');
      const status = await debian.run('systemctl status igd2pcp || true');
      expect(status.output.includes('did you mean'), `systemctl status: ${status.output.split('\n').at(-2)}`);
      const { output } = await debian.run('journalctl -q -u igd2pcp -p err -o cat');
      expect(output.includes('http_prot'), 'journalctl -p err does not show it');
      const { output: state } = await debian.run('systemctl show -P ActiveState -P NRestarts igd2pcp');
      expect(/failed/.test(state) && /^0$/m.test(state), `it is tried again: ${state}`);
      await debian.run('cp -p /root/good.toml /etc/igd2pcp.toml; systemctl reset-failed igd2pcp');
      const { code: again } = await debian.run('systemctl restart igd2pcp');
      expect(again === 0, 'it does not start with the good file');
    },
  );
}

async function startedByRoot({ scene, debian, check }) {
  await check('root', 'runs it in the foreground, then the service again: nothing is forgotten', async () => {
    await debian.run('systemctl stop igd2pcp');
    // Ended when it is up, however long that takes on a busy machine.
    const { output } = await debian.run(`igd2pcp run > by-root.log 2>&1 & pid=$!
      for i in $(seq 100); do grep -q 'is running' by-root.log && break; sleep 0.3; done
      kill $pid; wait $pid || true; cat by-root.log`);
    expect(output.includes('is running'), `the daemon of root: ${output.split('\n').slice(0, 3).join(' | ')}`);
    const { code } = await debian.run('systemctl start igd2pcp');
    expect(code === 0, 'the service does not start');
    await expectMapping(debian);
    const { output: said } = await debian.run('journalctl -q -u igd2pcp -b -o cat; ls /var/lib/igd2pcp');
    expect(!/damaged|set aside/i.test(said), 'its state was taken for damaged');
    await knock(scene.network, 'TCP', PORT);
  });
}

async function rebooted({ scene, debian, check }) {
  await check('Debian', 'is rebooted: the stranger gets through without anybody doing anything', async () => {
    await debian.reboot();
    const through = () => scene.network.stranger.echo('TCP', CARRIER_ADDRESS, PORT, { withinMs: 500 });
    const took = await until('a stranger gets through again', 30_000, through);
    await expectMapping(debian);
    return `${(took / 1000).toFixed(1)} s after the boot`;
  });
}

async function upgraded({ scene, debian, check }, architecture) {
  await check(
    'upgrade',
    `to the package for "${architecture}": the open connection and the mapping survive`,
    async () => {
      const { stranger } = scene.network;
      const hex = Buffer.from('still there').toString('hex');
      const say = async (when) => {
        const said = await stranger.ask('say', { name: 'long', hex, withinMs: 3000 });
        expect(said.ok, `${when}: ${said.why}`);
      };
      const opened = await stranger.ask('hold', { name: 'long', address: CARRIER_ADDRESS, port: PORT });
      expect(opened.ok, `cannot connect: ${opened.why}`);
      await say('before');
      const pid = await debian.run('systemctl show -P MainPID igd2pcp');
      const wanted = architecture === 'all' ? 'all' : '$(dpkg --print-architecture)';
      const { code, output } = await debian.run(`apt-get install -y ./next/igd2pcp_*_${wanted}.deb`);
      expect(code === 0, output.trim().split('\n').at(-1));
      const { output: now } = await debian.run(
        'igd2pcp version; systemctl is-active igd2pcp; systemctl show -P MainPID igd2pcp',
      );
      expect(
        now.includes(`igd2pcp ${FIRST}`) && now.includes('\nactive\n') && !now.endsWith(pid.output),
        `now: ${now}`,
      );
      await say('afterwards');
      await expectMapping(debian);
      await knock(scene.network, 'TCP', PORT);
      const { output: node } = await debian.run('tr "\\0" " " < /proc/$(systemctl show -P MainPID igd2pcp)/cmdline');
      await stranger.ask('drop', { name: 'long' });
      return `runs on ${node.split(' ')[0]}`;
    },
  );
}

async function removed({ scene, debian, check }) {
  await check('remove', 'nothing stays open: in the kernel, at the carrier', async () => {
    expect(carrierHolds(scene), 'the carrier holds nothing to begin with');
    const startedAt = Date.now();
    const { code, output } = await debian.run('apt-get remove -y igd2pcp');
    expect(code === 0, output.trim().split('\n').at(-1));
    const took = Date.now() - startedAt;
    const { output: tables } = await debian.run('nft list tables');
    expect(!tables.includes('igd2pcp'), 'our table is still in the kernel');
    expect(!carrierHolds(scene), 'the carrier still holds the port');
    return `in ${(took / 1000).toFixed(1)} s`;
  });
  await check('purge', 'nothing is left on the disk', async () => {
    const { code } = await debian.run('apt-get purge -y igd2pcp');
    expect(code === 0, 'apt-get purge fails');
    const { output } = await debian.run(
      'find / -xdev -name "*igd2pcp*" -not -path "/root/*" -not -path "/proc/*" -not -path "/var/log/*"; getent passwd igd2pcp; true',
    );
    expect(output === '', `left: ${output.split('\n').slice(0, 3).join(' ')}`);
  });
}

async function expectMapping(debian) {
  await until('the mapping is open', 15_000, async () => {
    const { output } = await debian.run('igd2pcp list');
    return { ok: output.includes(`${LAN_HOST}:${PORT}`) && output.includes('open'), why: output.split('\n')[1] };
  });
}

/** The rule by which the carrier's miniupnpd sends the port to our router. */
const carrierHolds = (scene) =>
  scene.network.namespaces
    .run('carrier', 'nft', 'list', 'chain', 'inet', 'carrier', 'mapped_in')
    .includes(String(PORT));
