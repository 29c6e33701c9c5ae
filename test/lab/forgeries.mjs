// What a forger can send without the daemon's nonces, a carrier that is away longer than its mappings live, and a state
// directory without room. Each time a stranger's packet and the carrier's own table tell what came of it.

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import {
  ADDRESS_MISMATCH_TO_ANNOUNCE,
  I_SPEAK_NAT_PMP,
  portUnreachable,
  RESTARTED,
  udpPacket,
  VERSION_2_IS_UNKNOWN,
} from '../bench/soak/neighbour/forged-packets.mjs';
import { MiniupnpdCarrier } from './carrier.mjs';
import { expectClosed, knock } from './control-points.mjs';
import { descriptionUrl } from './daemon.mjs';
import { CARRIER_ADDRESS, LAN_HOST, SECOND_HOST } from './network.mjs';
import { expect, until } from './report.mjs';
import { Scene } from './scene.mjs';
import { TOPOLOGIES } from './topologies.mjs';
import { Upnpc } from './upnpc.mjs';

const RAW_SENDER = fileURLToPath(new URL('../bench/soak/neighbour/raw-sender.py', import.meta.url));
const SERVICE_PORT = 6890;
const { cpe: CPE, carrier: CARRIER, other: OTHER } = TOPOLOGIES.nat.build.between;
const SERVER = { address: CARRIER, port: 5351 };
const ALL_PCP_CLIENTS = { address: '224.0.0.1', port: 5350 };
/** The box takes its ports from these few, so that a sweep meets a question while it is open. */
const SOURCE_PORTS = Array.from({ length: 512 }, (_, index) => 40_000 + index);
/** A page of the journal holds six lines or seven. */
const MOST_THAT_FIT = 16;
const LIFETIME_S = 20;
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

export const FORGERIES = {
  forgeries: {
    says: 'forged ICMP and PCP, a carrier away longer than the lifetime, a full state directory',
    play: playForgeries,
  },
};

async function playForgeries(name, means, { isQuick }) {
  let scene;
  try {
    const isReady = await means.report.check(name, 'lab', 'network, carrier and daemon are there', async () => {
      const carrier = (network) => new MiniupnpdCarrier(network, { minLifetime: 10, maxLifetime: LIFETIME_S });
      scene = await Scene.open(name, { ...TOPOLOGIES.nat, carrier }, means);
      const { namespaces: ns, agents } = scene.network;
      const [first, last] = [SOURCE_PORTS[0], SOURCE_PORTS.at(-1)];
      ns.run('cpe', 'sysctl', '-qw', `net.ipv4.ip_local_port_range=${first} ${last}`);
      mountState(scene.network);
      await scene.carrier.start();
      await agents.host.serve(SERVICE_PORT);
      scene.upnpc = new Upnpc(scene.network, 'host', descriptionUrl(1));
      scene.program = means.program;
      scene.attackMs = isQuick ? 5000 : 30_000;
      await scene.daemon.start();
    });
    if (!isReady) return;
    await carrierAwayWithoutMappings(scene);
    await forgedUnreachables(scene);
    await forgedRefusals(scene);
    await carrierAwayTooLong(scene);
    await fullStateDirectory(scene);
  } finally {
    await scene?.close();
    removeStateMounts();
  }
}

async function carrierAwayWithoutMappings({ carrier, check, network, upnpc }) {
  await check('carrier', 'away and back while nothing is mapped: the first client is served', async () => {
    await carrier.stop();
    await wait(12_000);
    await carrier.start();
    const code = await upnpc.add(LAN_HOST, SERVICE_PORT, 7700, 'TCP');
    expect(code === 0, `the client got ${code}`);
    await knock(network, 'TCP', 7700);
    await upnpc.delete(7700, 'TCP');
  });
}

async function forgedUnreachables({ attackMs, check, network, upnpc }) {
  await check('forgers', 'say that nobody listens at the PCP server: every Add is granted', async () => {
    const before = daemonLog(network).length;
    const attacks = [
      ['other', OTHER],
      ['second', SECOND_HOST],
    ].map(([where, reporter]) =>
      attack(network, where, () =>
        SOURCE_PORTS.map((port) => portUnreachable(reporter, { address: CPE, port }, SERVER)),
      ),
    );
    const end = Date.now() + attackMs;
    const codes = [];
    for (let port = 7710; Date.now() < end; port += 1) {
      codes.push(await upnpc.add(LAN_HOST, SERVICE_PORT, port, 'TCP'));
      await upnpc.delete(port, 'TCP');
    }
    const packets = (await Promise.all(attacks.map((stop) => stop()))).reduce((sum, each) => sum + each, 0);
    const refused = codes.filter((code) => code !== 0);
    expect(refused.length === 0, `${refused.length} of ${codes.length} refused: ${refused.join()}`);
    const said = daemonLog(network).slice(before);
    expect(!/does not answer|is down|unreachable/i.test(said), 'the log says that the server is gone');
    return `${codes.length} Adds, ${packets} forged packets`;
  });
}

async function forgedRefusals(scene) {
  const { attackMs, check, network, upnpc } = scene;
  await check('forger', 'refuses the version and announces restarts: PCP goes on, the port stays open', async () => {
    expect((await upnpc.add(LAN_HOST, SERVICE_PORT, 7701, 'TCP')) === 0, 'refused before the attack');
    const payloads = [I_SPEAK_NAT_PMP, VERSION_2_IS_UNKNOWN, ADDRESS_MISMATCH_TO_ANNOUNCE];
    const stop = attack(network, 'other', () => [
      udpPacket(SERVER, ALL_PCP_CLIENTS, RESTARTED),
      ...SOURCE_PORTS.flatMap((port) => payloads.map((payload) => udpPacket(SERVER, { address: CPE, port }, payload))),
    ]);
    await wait(attackMs);
    const packets = await stop();
    // Longer than the lifetime: without renewals it would be gone.
    await wait((LIFETIME_S + 2) * 1000 - Math.min(attackMs, 5000));
    const status = await igd2pcp(scene, 'status', '--json');
    expect(!/nat-pmp/i.test(status), `it speaks NAT-PMP: ${status}`);
    const table = network.namespaces.run('carrier', 'nft', 'list', 'chain', 'inet', 'carrier', 'mapped_in');
    expect(table.includes('7701'), `the carrier holds no mapping: ${table}`);
    // A long flood may drown all answers within a lifetime: soon again is good enough then.
    const took = await until('a stranger gets in', attackMs < (LIFETIME_S * 1000) / 2 ? 1000 : 20_000, () =>
      network.stranger.echo('TCP', CARRIER_ADDRESS, 7701, { withinMs: 500 }),
    );
    return `${packets} forged packets, a stranger in after ${(took / 1000).toFixed(1)} s`;
  });
}

async function carrierAwayTooLong(scene) {
  const { carrier, check, network } = scene;
  await check('carrier', 'away longer than its mappings live: listed as waiting, closed, then open again', async () => {
    await carrier.stop();
    const waited = await until('the mapping is listed as waiting', (LIFETIME_S + 10) * 1000, async () => {
      const listed = JSON.parse(await igd2pcp(scene, 'list', '--json'));
      const mapping = (listed.mappings ?? listed).find((each) => each.externalPort === 7701);
      return { ok: mapping?.state === 'waiting', why: JSON.stringify(mapping) };
    });
    await expectClosed(network, 'TCP', 7701);
    await carrier.start();
    const took = await until('a stranger gets in', 60_000, () =>
      network.stranger.echo('TCP', CARRIER_ADDRESS, 7701, { withinMs: 500 }),
    );
    return `waiting after ${(waited / 1000).toFixed(1)} s, open ${(took / 1000).toFixed(1)} s after the return`;
  });
}

async function fullStateDirectory({ check, daemon, network, upnpc }) {
  await check('box', 'its state directory is full: 501; with room again served, and kept over kill -9', async () => {
    const filler = join(stateOf(network), 'filler');
    fillWith(filler);
    // The last page of the journal may have room for a few lines.
    const promised = [];
    let port = 7710;
    let code = await upnpc.add(LAN_HOST, SERVICE_PORT, port, 'TCP');
    for (; code === 0 && promised.length < MOST_THAT_FIT; code = await upnpc.add(LAN_HOST, SERVICE_PORT, port, 'TCP')) {
      promised.push(port);
      port += 1;
    }
    rmSync(filler);
    expect(code === 501, `the client got ${code} after ${promised.length} that were promised`);
    // The client hears of it while the kernel is still being told.
    await until('the refused port is closed', 3000, async () => {
      const reply = await network.stranger.echo('TCP', CARRIER_ADDRESS, port, { withinMs: 500 });
      return { ok: !reply.ok, why: 'it lets strangers in' };
    });
    await until('served again', 15_000, async () => {
      const again = await upnpc.add(LAN_HOST, SERVICE_PORT, 7750, 'TCP');
      return { ok: again === 0, why: `error ${again}` };
    });
    await daemon.kill();
    await daemon.start();
    for (const kept of [...promised, 7750])
      expect((await daemon.mapping('TCP', kept)) !== undefined, `port ${kept} is gone after kill -9`);
    await knock(network, 'TCP', 7750);
    return `${promised.length} fitted`;
  });
}

/** Sends the round again and again → a function that ends it and tells how many packets were sent. */
function attack(network, where, round) {
  const sender = network.namespaces.start(where, `raw-${where}`, 'python3', [RAW_SENDER], {
    stdin: 'pipe',
    keepStdout: true,
  });
  const lines = createInterface({ input: sender.stdout })[Symbol.asyncIterator]();
  let isOver = false;
  const sent = (async () => {
    let packets = 0;
    while (!isOver) {
      const burst = round();
      sender.stdin.write(`${burst.map((packet) => packet.toString('hex')).join('\n')}\n\n`);
      if ((await lines.next()).done) throw new Error('the raw sender ended: see its log');
      packets += burst.length;
      await wait(20);
    }
    return packets;
  })();
  sent.catch(() => {});
  return async () => {
    isOver = true;
    try {
      return await sent;
    } finally {
      await sender.stop();
    }
  };
}

async function igd2pcp({ network, program }, ...args) {
  const socket = join(network.folder, `${network.set}-igd2pcp.sock`);
  const flags = ['--admin-socket', socket];
  const { code, output } = await network.namespaces.attempt(
    'cpe',
    10_000,
    process.execPath,
    program,
    ...args,
    ...flags,
  );
  expect(code === 0, `igd2pcp ${args.join(' ')}: ${output}`);
  return output;
}

const stateOf = ({ folder, set }) => join(folder, `${set}-state`);
const daemonLog = ({ folder, set }) => readFileSync(join(folder, `${set}-igd2pcp.log`), 'utf8');

/** Mounted before the daemon starts: what runs in a namespace sees the mounts of its beginning. */
function mountState(network) {
  mkdirSync(stateOf(network), { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k,mode=0700', 'tmpfs', stateOf(network)]);
}

/** Also what a run that crashed left mounted. */
export function removeStateMounts() {
  for (const line of readFileSync('/proc/self/mounts', 'utf8').split('\n')) {
    const [, place = ''] = line.split(' ');
    if (/\/igd2pcp-lab-[^/]+\/forgeries-state$/.test(place)) execFileSync('umount', ['-l', place]);
  }
}

function fillWith(file) {
  for (const size of [4096, 1]) {
    try {
      for (;;) writeFileSync(file, Buffer.alloc(size), { flag: 'a' });
    } catch (error) {
      if (error.code !== 'ENOSPC') throw error;
    }
  }
}
