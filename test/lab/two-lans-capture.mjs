// Two LANs and a WAN, seen by tcpdump on the far end of each cable: every LAN hears of the address it can reach, and the
// WAN hears nothing at all. Also runs alone: node test/lab/two-lans-capture.mjs

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Namespaces, removeLeftovers } from './namespaces.mjs';
import { expect, Report, until } from './report.mjs';
import { claimTheMachine } from './single-run.mjs';

const SIDES = [
  { name: 'red', gateway: '192.168.1.1', host: '192.168.1.20', interface: 'lan0' },
  { name: 'blue', gateway: '192.168.2.1', host: '192.168.2.20', interface: 'lan1' },
  { name: 'wan', gateway: '203.0.113.1', host: '203.0.113.20', interface: 'wan0' },
];
const LANS = SIDES.slice(0, 2);
const WAN = SIDES[2];
const HTTP_PORT = 5000;
/** Longer than the announcements of a start, which are spread over two seconds. */
const ANNOUNCED_MS = 4000;
const ANSWERED_MS = 2500;
/** The daemon looks every ten seconds whether an address is still there, and every five whether it is back. */
const AWAY_MS = 11_000;
const RETURN_NOTICED_MS = 6000;

export async function playTwoLansCapture(name, { folder, program, report }) {
  const network = new CaptureNetwork(folder, name);
  const check = (who, what, work) => report.check(name, who, what, work);
  try {
    network.build();
    const taps = await network.tap();
    const daemon = network.startDaemon(program);
    await sleep(ANNOUNCED_MS);
    expect(daemon.isRunning, 'igd2pcp ended: see its log');
    for (const side of LANS) await checkLan(side, network, check);
    await checkWan(network, check);
    await checkReturn(LANS[0], network, check);
    await daemon.stop('SIGTERM');
    await sleep(500);
    await taps.stop();
    await checkLanCapture(LANS[1], network, check);
    await checkWanCapture(network, check);
  } finally {
    await network.close();
  }
}

async function checkLan(side, network, check) {
  for (const [how, to] of [
    ['multicast', '239.255.255.250'],
    ['unicast', side.gateway],
  ]) {
    await check(side.name, `a ${how} search finds the gateway at ${side.gateway}`, async () => {
      const locations = await network.search(side, to);
      expect(locations.length > 0, 'nobody answers');
      const strange = locations.filter((url) => !url.startsWith(`http://${side.gateway}:${HTTP_PORT}/`));
      expect(strange.length === 0, `it is also led to ${strange}`);
      return [...new Set(locations)].join(' ');
    });
  }
}

/** The cable is made anew: same name, same address, and a group that nobody is a member of. */
async function checkReturn(side, network, check) {
  network.cutCable(side);
  await sleep(AWAY_MS);
  network.layCable(side);
  await sleep(ANNOUNCED_MS + RETURN_NOTICED_MS);
  await check(
    side.name,
    'a multicast search finds the gateway after the interface went away and came back',
    async () => {
      const locations = await network.search(side, '239.255.255.250');
      expect(locations.length > 0, 'nobody answers');
    },
  );
}

async function checkWan(network, check) {
  const targets = ['239.255.255.250', WAN.gateway, ...LANS.map(({ gateway }) => gateway)];
  for (const to of targets) {
    await check('wan', `a search sent to ${to} is not answered`, async () => {
      const locations = await network.search(WAN, to);
      expect(locations.length === 0, `answered with ${locations}`);
    });
  }
  await check('wan', 'no description is served', async () => {
    for (const address of [WAN.gateway, ...LANS.map(({ gateway }) => gateway)]) {
      const status = await network.get(WAN, `http://${address}:${HTTP_PORT}/igd1.xml`);
      expect(status !== 200, `${address} serves it`);
    }
  });
}

async function checkLanCapture(side, network, check) {
  await check(side.name, 'the capture shows alive and byebye sets with its own LOCATION alone', async () => {
    const lines = network.captured(side, `udp and src host ${side.gateway}`).split('\n');
    const alive = lines.filter((line) => line.includes('ssdp:alive')).length;
    const byebye = lines.filter((line) => line.includes('ssdp:byebye')).length;
    const hosts = new Set(lines.flatMap((line) => /^LOCATION: http:\/\/([\d.]+):/.exec(line)?.[1] ?? []));
    expect(alive > 0, 'no ssdp:alive');
    // One set before the first alive, one at the end; alive went out three times.
    expect(byebye * 3 === alive * 2, `${alive} alive and ${byebye} byebye`);
    expect([...hosts].join() === side.gateway, `LOCATION names ${[...hosts]}`);
    return `${alive} alive, ${byebye} byebye`;
  });
}

async function checkWanCapture(network, check) {
  await check('wan', 'the capture shows no word of SSDP, IGMP or HTTP from this box', async () => {
    const own = SIDES.map(({ gateway }) => `src host ${gateway}`).join(' or ');
    // PCP is what the daemon is on the WAN for.
    const sent = network.captured(WAN, `(${own}) and udp and not port 5351`).trim();
    expect(sent === '', sent);
    const joined = network.captured(WAN, `(${own}) and igmp and host 239.255.255.250`).trim();
    expect(joined === '', joined);
    const served = network.captured(WAN, `(${own}) and tcp`);
    expect(!served.includes('HTTP/1.1 200'), served);
    const heard = network.captured(WAN, `src host ${WAN.host} and udp port 1900`);
    expect(heard.includes('M-SEARCH'), 'the capture missed even our own searches');
  });
}

class CaptureNetwork {
  #namespaces;
  #folder;
  #set;

  constructor(folder, set) {
    this.#folder = folder;
    this.#set = set;
    this.#namespaces = new Namespaces(folder, set);
  }

  build() {
    this.#namespaces.add('cpe');
    for (const side of SIDES) {
      this.#namespaces.add(side.name);
      this.layCable(side);
    }
    this.#namespaces.run('cpe', 'ip', 'route', 'add', 'default', 'via', WAN.host);
    this.#namespaces.run('cpe', 'sysctl', '-q', '-w', 'net.ipv4.ip_forward=1');
  }

  layCable(side) {
    this.#namespaces.link('cpe', side.interface, side.name, 'eth0');
    this.#namespaces.run('cpe', 'ip', 'address', 'add', `${side.gateway}/24`, 'dev', side.interface);
    this.#namespaces.run(side.name, 'ip', 'address', 'add', `${side.host}/24`, 'dev', 'eth0');
    this.#namespaces.run(side.name, 'ip', 'route', 'add', 'default', 'via', side.gateway);
  }

  cutCable(side) {
    this.#namespaces.run('cpe', 'ip', 'link', 'delete', side.interface);
  }

  /** Settles when every tap listens. */
  async tap() {
    const taps = SIDES.map(({ name }) =>
      this.#namespaces.start(name, `tcpdump-${name}`, 'tcpdump', [
        '-i',
        'eth0',
        '--immediate-mode',
        '-U',
        '-w',
        this.#file(name),
        'ip',
      ]),
    );
    for (const { name } of SIDES) {
      await until(`tcpdump listens on ${name}`, 10_000, async () => this.#capture(name, '') !== undefined);
    }
    return { stop: () => Promise.all(taps.map((tap) => tap.stop('SIGINT'))) };
  }

  startDaemon(program) {
    const config = join(this.#folder, `${this.#set}.toml`);
    writeFileSync(
      config,
      [
        '[lan]',
        `interfaces = ${JSON.stringify(LANS.map((side) => side.interface))}`,
        `http_port = ${HTTP_PORT}`,
        '[wan]',
        `interface = "${WAN.interface}"`,
        'nat = "none"',
        '[pcp]',
        `servers = ["${WAN.host}"]`,
        'trusted = true',
        '[state]',
        `directory = "${join(this.#folder, `${this.#set}-state`)}"`,
        '[admin]',
        `socket = "${join(this.#folder, `${this.#set}.sock`)}"`,
        'listen = "off"',
        '',
      ].join('\n'),
    );
    return this.#namespaces.start('cpe', 'igd2pcp', process.execPath, [program, 'run', '--config', config]);
  }

  /** The LOCATIONs that come back. */
  async search(side, to) {
    const script = `
      const socket = require('node:dgram').createSocket('udp4');
      socket.on('message', (text) => console.log(/LOCATION: *(\\S+)/i.exec(text)?.[1] ?? 'an answer without LOCATION'));
      socket.bind(0, '${side.host}', () => {
        const lines = ['M-SEARCH * HTTP/1.1', 'HOST: 239.255.255.250:1900', 'MAN: "ssdp:discover"', 'MX: 1', 'ST: ssdp:all'];
        socket.setMulticastTTL(4);
        socket.send(lines.join('\\r\\n') + '\\r\\n\\r\\n', 1900, '${to}');
        setTimeout(() => socket.close(), ${ANSWERED_MS - 500});
      });`;
    const { output } = await this.#namespaces.attempt(side.name, ANSWERED_MS + 5000, process.execPath, '-e', script);
    return output.split('\n').filter((line) => line !== '');
  }

  /** The status; undefined when there is no answer. */
  async get(side, url) {
    const script = `fetch('${url}', { signal: AbortSignal.timeout(2000) }).then((a) => console.log(a.status), () => {})`;
    const { output } = await this.#namespaces.attempt(side.name, 8000, process.execPath, '-e', script);
    return output.trim() === '' ? undefined : Number(output);
  }

  captured(side, filter) {
    return this.#capture(side.name, filter) ?? '';
  }

  #file = (name) => join(this.#folder, `${this.#set}-${name}.pcap`);

  #capture(name, filter) {
    try {
      return this.#namespaces.run(name, 'tcpdump', '-n', '-A', '-r', this.#file(name), filter);
    } catch {
      return undefined;
    }
  }

  close() {
    return this.#namespaces.close();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = await alone();

async function alone() {
  const obstacle = claimTheMachine();
  if (obstacle !== undefined) {
    console.error(obstacle);
    return 2;
  }
  const folder = mkdtempSync(join(tmpdir(), 'igd2pcp-capture-'));
  removeLeftovers();
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => {
      removeLeftovers();
      process.exit(1);
    });
  }
  const report = new Report();
  const program = process.argv[2] ?? fileURLToPath(new URL('../../dist/igd2pcp.cjs', import.meta.url));
  try {
    await playTwoLansCapture('capture', { folder, program, report });
  } finally {
    removeLeftovers();
  }
  const isGood = report.print();
  if (isGood) rmSync(folder, { recursive: true });
  else console.log(`logs: ${folder}`);
  return isGood ? 0 : 1;
}
