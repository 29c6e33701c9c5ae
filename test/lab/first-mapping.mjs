// How long a person waits: from the start of a control point to its first open port, through us and through Debian's
// miniupnpd in our place. Two networks stand side by side, alike but for the gateway, and the clients take turns.

import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { MiniupnpdCarrier } from './carrier.mjs';
import { Amule } from './clients/amule.mjs';
import { Qbittorrent } from './clients/qbittorrent.mjs';
import { SMALL_CLIENTS, SmallClient } from './clients/small-clients.mjs';
import { Transmission } from './clients/transmission.mjs';
import { Daemon } from './daemon.mjs';
import { CARRIER_ADDRESS, LAN_HOST, Network } from './network.mjs';
import { prepare } from './prepare.mjs';
import { expect, until } from './report.mjs';
import { TOPOLOGIES } from './topologies.mjs';

const FIRST_ANSWER = fileURLToPath(new URL('first-answer-process.mjs', import.meta.url));
const RUNS = 5;
/** A client that a gateway never serves is not waited for more often. */
const NEVER_AFTER = 2;
const GIVE_UP_AFTER_MS = 20_000;
/** The same run twice differs by as much: two cores, and clients that look in turns. */
const NOISE_MS = 150;
const ANSWERED_WITHIN_MS = 100;
/** Target, and how often: `ssdp:all` draws twenty answers, and one host is given a few of those only. */
const TARGETS = [
  ['urn:schemas-upnp-org:device:InternetGatewayDevice:1', 10],
  ['urn:schemas-upnp-org:device:InternetGatewayDevice:2', 10],
  ['urn:schemas-upnp-org:service:WANIPConnection:1', 10],
  ['upnp:rootdevice', 10],
  ['ssdp:all', 5],
];
const CLIENTS = [
  ...SMALL_CLIENTS.map((what) => ({ ...what, make: (port) => new SmallClient(what, port) })),
  { name: 'Transmission', packages: [], make: (port) => new Transmission(port) },
  { name: 'qBittorrent (libtorrent)', packages: [], make: (port) => new Qbittorrent(port) },
  { name: 'aMule (libupnp)', packages: [], make: (port) => new Amule(port, port + 500) },
];
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

export const FIRST_MAPPING = {
  'first-mapping': {
    says: 'seconds from the start of each client to its first port, beside miniupnpd',
    play: playFirstMapping,
    isLong: true,
  },
};

async function playFirstMapping(name, { folder, program, report }) {
  const check = (who, what, work) => report.check(name, who, what, work);
  const sides = [];
  try {
    const isReady = await check('lab', 'two networks, alike but for the gateway', async () => {
      const obstacle = prepare(CLIENTS.flatMap(({ packages }) => packages));
      expect(obstacle === undefined, obstacle);
      for (const [who, start] of [
        ['ours', (network) => startOurs(network, program)],
        ['miniupnpd', startMiniupnpd],
      ]) {
        const network = await Network.build(folder, `${who}-first`, TOPOLOGIES.nat.build);
        sides.push({ who, network });
        await start(network);
        sides.at(-1).ports = new OpenedPorts(network);
      }
    });
    if (!isReady) return;
    const rows = [];
    for (const [target, searches] of TARGETS) {
      await check('search', `${target}: answered within ${ANSWERED_WITHIN_MS} ms`, async () => {
        const [[ours], [theirs]] = await inTurn(sides, 1, (side) => searchFor(side, target, searches));
        rows.push([`search ${target.split(':').slice(-2).join(':')}`, ours, theirs]);
        const words = said(ours, theirs);
        expect(sorted(ours).at(-1) < ANSWERED_WITHIN_MS, words);
        return words;
      });
    }
    for (const [i, client] of CLIENTS.entries()) {
      await check(client.name, 'its first port is open as soon as through miniupnpd', async () => {
        const [ours, theirs] = await inTurn(sides, RUNS, (side, run) =>
          firstPort(side, client.make(20_000 + 1000 * i + run)),
        );
        rows.push([client.name, ours, theirs]);
        const words = said(ours, theirs);
        expect(median(ours) < Infinity && median(ours) <= median(theirs) + NOISE_MS + (client.lagMs ?? 0), words);
        return words;
      });
    }
    print(rows);
  } finally {
    for (const { network } of sides) await network.close();
  }
}

/** → the figures of each side. */
async function inTurn(sides, runs, measure) {
  const figures = sides.map(() => []);
  for (let run = 0; run < runs; run += 1) {
    for (const [i, side] of sides.entries()) {
      const isHopeless = figures[i].length === NEVER_AFTER && figures[i].every((ms) => ms === null);
      if (!isHopeless) figures[i].push(await measure(side, run));
    }
  }
  return figures;
}

async function searchFor({ network }, target, searches) {
  const program = [process.execPath, FIRST_ANSWER, target, LAN_HOST, String(searches)];
  const { code, output } = await network.namespaces.attempt('host', 60_000, ...program);
  expect(code === 0, output);
  return JSON.parse(output);
}

/** → milliseconds; null: none in time. */
async function firstPort({ network, ports }, client) {
  const startedAt = performance.now();
  const opened = ports.next(GIVE_UP_AFTER_MS);
  // Some start only when they have answered for themselves, with their port open long before.
  const started = client.start(network, 'host');
  const openedAt = await opened;
  await started.catch(() => {});
  await client.stop();
  await wait(1000);
  return openedAt === null ? null : openedAt - (client.startedAt ?? startedAt);
}

async function startOurs(network, program) {
  await new MiniupnpdCarrier(network).start();
  await new Daemon(network, program, TOPOLOGIES.nat.daemon).start();
}

/** Where each rule goes; both gateways write theirs when a port opens. */
const TABLE = `
table inet gateway {
  chain mapped_forward {
  }
  chain mapped_in {
  }
  chain mapped_out {
  }
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    jump mapped_in
  }
  chain postrouting {
    type nat hook postrouting priority srcnat - 1; policy accept;
    jump mapped_out
  }
}
`;

/** As Debian ships it, NAT-PMP and PCP for the LAN included. */
async function startMiniupnpd(network) {
  const config = join(network.folder, `${network.set}-gateway.conf`);
  const pidFile = join(network.folder, `${network.set}-gateway.pid`);
  const lines = [
    'ext_ifname=wan',
    // Behind a carrier it would serve nobody; this makes it believe to be at a public address.
    `ext_ip=${CARRIER_ADDRESS}`,
    'listening_ip=br-lan',
    'enable_upnp=yes',
    'enable_natpmp=yes',
    'secure_mode=yes',
    'system_uptime=yes',
    'upnp_table_name=gateway',
    'upnp_nat_table_name=gateway',
    'upnp_forward_chain=mapped_forward',
    'upnp_nat_chain=mapped_in',
    'upnp_nat_postrouting_chain=mapped_out',
    'uuid=8a1f6b66-1b3b-4f67-8a5e-9d2d1a6b0c14',
    'allow 1024-65535 0.0.0.0/0 1024-65535',
    'deny 0-65535 0.0.0.0/0 0-65535',
  ];
  writeFileSync(config, `${lines.join('\n')}\n`);
  network.namespaces.nft('cpe', TABLE);
  const args = ['-d', '-f', config, '-P', pidFile];
  const miniupnpd = network.namespaces.start('cpe', 'gateway', '/usr/sbin/miniupnpd', args);
  await until('miniupnpd is up', 5000, () => ({ ok: miniupnpd.isRunning && existsSync(pidFile), why: 'see its log' }));
}

/** Told by the kernel, whoever the gateway is. */
class OpenedPorts {
  #listeners = new Set();

  constructor(network) {
    const monitor = network.namespaces.start('cpe', 'monitor', 'stdbuf', ['-oL', 'nft', 'monitor', 'new'], {
      keepStdout: true,
    });
    createInterface({ input: monitor.stdout }).on('line', (line) => {
      if (!/^add element inet igd2pcp in |^add rule inet gateway mapped_in .*dnat/.test(line)) return;
      for (const listener of this.#listeners) listener(performance.now());
    });
  }

  /** → when; null: not within this time. */
  next(withinMs) {
    return new Promise((done) => {
      const end = (at) => {
        this.#listeners.delete(end);
        clearTimeout(late);
        done(at);
      };
      const late = setTimeout(() => end(null), withinMs);
      this.#listeners.add(end);
    });
  }
}

const sorted = (figures) => figures.map((ms) => ms ?? Infinity).sort((a, b) => a - b);
const median = (figures) => sorted(figures)[Math.floor(figures.length / 2)];
const inSeconds = (ms) => (Number.isFinite(ms) ? (ms / 1000).toFixed(3) : 'never');
const triple = (figures) => [sorted(figures)[0], median(figures), sorted(figures).at(-1)].map(inSeconds).join(' / ');
const said = (ours, theirs) => `${triple(ours)} s; miniupnpd ${triple(theirs)} s`;

function print(rows) {
  const width = Math.max(...rows.map(([who]) => who.length));
  console.log(`\n${'seconds'.padEnd(width)}  ${'ours: min / median / max'.padEnd(24)}  miniupnpd: min / median / max`);
  for (const [who, ours, theirs] of rows)
    console.log(`${who.padEnd(width)}  ${triple(ours).padEnd(24)}  ${triple(theirs)}`);
  console.log();
}
