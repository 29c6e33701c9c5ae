// What the network around the box does: a WAN and a LAN that come late, a second address, a LAN that is the WAN, forged packets,
// other programs, other machines, an nft that hangs. A stranger's packet tells each time whether a port is open.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Agent } from './agent.mjs';
import { expectClosed, knock } from './control-points.mjs';
import { Daemon, descriptionUrl, HTTP_PORT } from './daemon.mjs';
import { CARRIER_ADDRESS, LAN_GATEWAY, LAN_HOST } from './network.mjs';
import { expect, until } from './report.mjs';
import { Scene } from './scene.mjs';
import { TOPOLOGIES } from './topologies.mjs';
import { Upnpc } from './upnpc.mjs';

const SERVICE_PORT = 6890;
const NOTICED_MS = 15_000;
const { cpe: CPE, carrier: CARRIER } = TOPOLOGIES.nat.build.between;
/** As for the page of a modem: on the same cable, and nothing to do with the carrier. */
const MODEM_ADDRESS = '192.168.100.2';
const SECOND_LINE = '100.64.0.33';
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

export const WAN_DAYS = {
  'wan-days': {
    says: 'WAN and LAN late, doubled and forged; other programs, machines, and an nft that hangs',
    play: playWanDays,
  },
};

async function playWanDays(name, means) {
  let scene;
  try {
    const isReady = await means.report.check(name, 'lab', 'network and carrier are there', async () => {
      scene = await Scene.open(name, TOPOLOGIES.nat, means);
      await scene.carrier.start();
      await scene.network.agents.host.serve(SERVICE_PORT);
      scene.upnpc = new Upnpc(scene.network, 'host', descriptionUrl(1));
      scene.program = means.program;
    });
    if (!isReady) return;
    await lanOnWan(scene);
    await wanLate(scene);
    await laterListener(scene);
    await forgedAnswers(scene);
    await nftStopped(scene);
    await otherMachine(scene);
    await lanLate(scene);
    await withoutProtocols(scene);
    await secondAddress(scene);
    await failover(scene);
  } finally {
    await scene?.close();
  }
}

async function startDaemon(scene, settings = {}) {
  await scene.daemon.stop();
  scene.daemon = new Daemon(scene.network, scene.program, { nat: 'nftables', ...settings });
  await scene.daemon.start();
}

/** How long until a client is served and a stranger gets in. */
async function opened({ network, upnpc }, port) {
  const took = await until('a client is served', NOTICED_MS, async () => {
    const code = await upnpc.add(LAN_HOST, SERVICE_PORT, port, 'TCP');
    return { ok: code === 0, why: `error ${code}` };
  });
  await knock(network, 'TCP', port);
  return `${(took / 1000).toFixed(1)} s`;
}

const lan = (ns, state) => {
  for (const port of ['port1', 'port2']) ns.run('cpe', 'ip', 'link', 'set', port, state);
};

async function lanOnWan({ network, check, program }) {
  for (const [how, ...flags] of [
    ['its name, the WAN by default route', '--lan', 'wan'],
    ['its address', '--lan', CPE, '--wan', 'wan'],
  ]) {
    await check('LAN', `the external interface as LAN, by ${how}: the daemon does not start`, async () => {
      const args = [
        'run',
        '--nat',
        'nftables',
        '--state-dir',
        join(network.folder, 'refused'),
        '--admin',
        'off',
        ...flags,
      ];
      const socket = ['--admin-socket', join(network.folder, `refused-${flags.length}.sock`)];
      const { code, output } = await network.namespaces.attempt(
        'cpe',
        10_000,
        process.execPath,
        program,
        ...args,
        ...socket,
      );
      expect(code === 2 && output.includes('external interface'), `exit code ${code}: ${output}`);
    });
  }
}

async function wanLate(scene) {
  const { network, check, upnpc } = scene;
  const ns = network.namespaces;
  await check('WAN', 'not there at the start: refused, Disconnected; then served', async () => {
    ns.run('cpe', 'ip', 'link', 'set', 'wan', 'down');
    await startDaemon(scene, { wan: '' });
    expect((await upnpc.add(LAN_HOST, SERVICE_PORT, 7600, 'TCP')) === 501, 'not refused with 501');
    const status = await upnpc.say('-s');
    expect(status.includes('Disconnected'), status);
    ns.run('cpe', 'ip', 'link', 'set', 'wan', 'up');
    ns.run('cpe', 'ip', 'route', 'replace', 'default', 'via', CARRIER);
    return `open after ${await opened(scene, 7600)}`;
  });
}

/** A mapping that leads nowhere shows whose port it is: the box still answers there itself. */
async function laterListener({ network, check, upnpc }) {
  await check('box', 'a program of it that listens later is not cut off by a mapping of the same port', async () => {
    network.agents.cpe = new Agent(network.namespaces, 'cpe');
    await wait(1100);
    await network.agents.cpe.serve(7610);
    const code = await upnpc.add(LAN_HOST, 6999, 7610, 'TCP');
    expect(code === 0, `the client got ${code}`);
    const reply = await network.agents.other.echo('TCP', CPE, 7610);
    expect(reply.ok, `the box no longer answers: ${reply.why}`);
    await upnpc.delete(7610, 'TCP');
  });
}

async function forgedAnswers({ network, check }) {
  const ns = network.namespaces;
  await check('LAN host', "forges the PCP server's address and port: dropped, other ports are not", async () => {
    for (const name of ['all', 'br-lan']) ns.run('cpe', 'sysctl', '-qw', `net.ipv4.conf.${name}.rp_filter=0`);
    ns.run('host', 'ip', 'address', 'add', `${CARRIER}/32`, 'dev', 'eth0');
    const listen = `const s = require('node:dgram').createSocket('udp4'); const seen = new Set();
      s.on('message', (_, from) => seen.add(from.port)).bind(9300, '0.0.0.0', () => console.log('ready'));
      setTimeout(() => { console.log([...seen].join()); s.close(); }, 4000);`;
    const send = `for (const port of [5351, 5352]) { const s = require('node:dgram').createSocket('udp4');
      s.bind(port, '${CARRIER}', () => { const again = setInterval(() => s.send('x', 9300, '${CPE}'), 100);
      setTimeout(() => { clearInterval(again); s.close(); }, 2500); }); }`;
    const heard = ns.attempt('cpe', 20_000, process.execPath, '-e', listen);
    await wait(700);
    await ns.attempt('host', 10_000, process.execPath, '-e', send);
    ns.run('host', 'ip', 'address', 'del', `${CARRIER}/32`, 'dev', 'eth0');
    const { output } = await heard;
    expect(output.trim() === 'ready\n5352', `heard ${output}`);
  });
  await check('neighbour on the WAN', 'sends to the LAN address and our port: no answer at all', async () => {
    ns.run('other', 'ip', 'route', 'add', `${LAN_GATEWAY}/32`, 'via', CPE);
    const reply = await network.agents.other.ask('tcp', {
      address: LAN_GATEWAY,
      port: HTTP_PORT,
      hex: '00',
      withinMs: 1500,
    });
    ns.run('other', 'ip', 'route', 'del', `${LAN_GATEWAY}/32`);
    expect(!reply.ok && reply.why === 'no answer', `got ${reply.why ?? 'an answer'}`);
  });
}

async function nftStopped({ network, check, daemon, upnpc, ...scene }) {
  await check('nft', 'hangs: the client is refused in time, and served when that nft was ended', async () => {
    expect((await upnpc.add(LAN_HOST, SERVICE_PORT, 7620, 'TCP')) === 0, 'refused before');
    const pids = childrenOf(daemon.pid, 'nft');
    expect(pids.length > 0, 'no nft is kept');
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    const startedAt = Date.now();
    const code = await upnpc.add(LAN_HOST, SERVICE_PORT, 7621, 'TCP');
    const took = Date.now() - startedAt;
    expect(code === 501 && took < 6000, `error ${code} after ${took} ms`);
    const again = await opened({ network, upnpc, ...scene }, 7622);
    await expectClosed(network, 'TCP', 7621);
    return `refused after ${(took / 1000).toFixed(1)} s, served ${again} later`;
  });
}

async function otherMachine({ network, check, upnpc }) {
  const ns = network.namespaces;
  await check('LAN host', 'has another MAC, so is another machine: its ports are closed', async () => {
    await knock(network, 'TCP', 7622);
    ns.run('host', 'ip', 'link', 'set', 'eth0', 'down');
    ns.run('host', 'ip', 'link', 'set', 'eth0', 'address', '02:00:00:77:00:99');
    ns.run('host', 'ip', 'link', 'set', 'eth0', 'up');
    ns.run('host', 'ip', 'route', 'replace', 'default', 'via', LAN_GATEWAY);
    // Whatever it sends to the box shows the new MAC there.
    await upnpc.say('-l');
    const took = await until('the port is closed', 10_000, async () => {
      const reply = await network.stranger.echo('TCP', CARRIER_ADDRESS, 7622, { withinMs: 500 });
      return !reply.ok;
    });
    return `after ${(took / 1000).toFixed(1)} s`;
  });
}

async function lanLate(scene) {
  const { network, check } = scene;
  const ns = network.namespaces;
  await check('LAN', 'a bridge without any cable at the start: waited for, then served', async () => {
    lan(ns, 'down');
    await startDaemon(scene);
    await wait(1000);
    lan(ns, 'up');
    return `open after ${await opened(scene, 7630)}`;
  });
}

async function withoutProtocols(scene) {
  const { network, check } = scene;
  await check('box', 'without /etc/protocols: works, and its table is the one it wrote', async () => {
    await startDaemon(scene, { hides: '/etc/protocols' });
    await opened(scene, 7640);
    const before = daemonLog(network).length;
    scene.daemon.reload();
    await wait(2500);
    const said = daemonLog(network).slice(before);
    expect(said.includes('nothing to change'), 'it did not look');
    expect(!said.includes('somebody changed'), 'it says that somebody changed its table');
    await knock(network, 'TCP', 7640);
  });
}

async function secondAddress(scene) {
  const { network, check } = scene;
  const ns = network.namespaces;
  await check('WAN', 'has two addresses, and the PCP server is asked from the second', async () => {
    ns.run('cpe', 'ip', 'address', 'flush', 'dev', 'wan');
    for (const address of [MODEM_ADDRESS, CPE]) ns.run('cpe', 'ip', 'address', 'add', `${address}/24`, 'dev', 'wan');
    ns.run('cpe', 'ip', 'route', 'replace', 'default', 'via', CARRIER);
    await startDaemon(scene);
    return `open after ${await opened(scene, 7650)}`;
  });
}

/**
 * A second line to the same carrier takes over, and the first one comes back. Nobody names the interface. The ports lie
 * apart: the carrier gives the next port for each one that the old address still holds.
 */
async function failover(scene) {
  const { network, check } = scene;
  const ns = network.namespaces;
  const leadBy = (line) => ns.run('cpe', 'ip', 'route', 'replace', 'default', 'via', CARRIER, 'dev', line);
  await check(
    'WAN',
    'another line takes over, and the first one comes back: a stranger gets in each time',
    async () => {
      ns.link('cpe', 'wan1', 'carrier', 'line3');
      ns.run('carrier', 'ip', 'link', 'set', 'line3', 'master', 'sub');
      // Both lines lie in one network here: each answers for its own address only.
      for (const rule of ['arp_ignore=1', 'arp_announce=2'])
        ns.run('cpe', 'sysctl', '-qw', `net.ipv4.conf.all.${rule}`);
      ns.run('cpe', 'ip', 'address', 'add', `${SECOND_LINE}/24`, 'dev', 'wan1');
      await startDaemon(scene, { wan: '' });
      await opened(scene, 7660);
      ns.run('cpe', 'ip', 'link', 'set', 'wan', 'down');
      leadBy('wan1');
      const over = await opened(scene, 7730);
      ns.run('cpe', 'ip', 'link', 'set', 'wan', 'up');
      ns.run('cpe', 'ip', 'link', 'set', 'wan1', 'down');
      leadBy('wan');
      return `open after ${over} and ${await opened(scene, 7790)}`;
    },
  );
}

const daemonLog = ({ folder, set }) => readFileSync(join(folder, `${set}-igd2pcp.log`), 'utf8');

function childrenOf(parent, program) {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        const [, name, rest] = /\((.*)\) (.*)$/.exec(stat.trim()) ?? [];
        return name === program && Number(rest?.split(' ')[1]) === parent;
      } catch {
        // It ended meanwhile.
        return false;
      }
    })
    .map(Number);
}
