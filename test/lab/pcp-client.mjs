// The PCP client alone, without a control point: the published library and the doctor on the router, Debian's miniupnpd
// as the carrier. What miniupnpd holds is read from its own rules, not asked of it.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Agent } from './agent.mjs';
import { MiniupnpdCarrier } from './carrier.mjs';
import { expectClosed, knock } from './control-points.mjs';
import { CARRIER_ADDRESS, LAN_HOST, Network } from './network.mjs';
import { mapAnswer, mapRequestHex } from './pcp-request.mjs';
import { expect, until } from './report.mjs';
import { TOPOLOGIES } from './topologies.mjs';

const CLIENT_PROGRAM = fileURLToPath(new URL('pcp-client-process.mjs', import.meta.url));
const EXAMPLE = fileURLToPath(new URL('../library/library-example.mjs', import.meta.url));

const SERVICE_PORT = 6890;
/** Short enough to see several renewals, long enough for windows that keep 4 s between them (RFC 6887 §11.2.1). */
const LIFETIME = 10;
const LONGEST_LIFETIME = 86_400;
/** What is in use is stepped over even with PREFER_FAILURE: SUCCESS, with another port. */
const OPTIONS_OF_MINIUPNPD = ['DESCRIPTION works', 'FILTER works', 'PREFER_FAILURE not kept', 'THIRD_PARTY works'];
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

export const PCP_CLIENT = {
  'pcp-client': { says: 'the library and the doctor against miniupnpd, without a control point', play },
};

async function play(name, { folder, program, report }) {
  const desk = new Desk(program, (who, what, work) => report.check(name, who, what, work));
  try {
    const isReady = await desk.check('lab', 'network and carrier are there, and hold nothing', () =>
      desk.open(folder, name),
    );
    if (!isReady) return;
    await askDoctor(desk);
    await announce(desk);
    await mapAndDelete(desk);
    await renew(desk);
    await mapForOthers(desk);
    await describeMappings(desk);
    await meetConflicts(desk);
    await surviveRestart(desk);
    await runExample(desk);
  } finally {
    await desk.close();
  }
}

/** The network, and who sits where: the library on the router, a service beside it and one in the LAN. */
class Desk {
  #program;

  constructor(program, check) {
    this.#program = program;
    this.check = check;
  }

  async open(folder, name) {
    this.network = await Network.build(folder, name, TOPOLOGIES.routed.build);
    const { namespaces, agents } = this.network;
    this.carrier = new MiniupnpdCarrier(this.network, { minLifetime: LIFETIME });
    await this.carrier.start();
    agents.cpe = new Agent(namespaces, 'cpe');
    agents.carrier = new Agent(namespaces, 'carrier');
    this.client = new Agent(namespaces, 'cpe', CLIENT_PROGRAM);
    for (const host of ['cpe', 'host']) await agents[host].serve(SERVICE_PORT);
    this.expectHeld();
    return this.carrier.name;
  }

  /** As the library promises: an answer, or an error with a code. */
  async ask(act, what) {
    const reply = await this.client.ask(act, what);
    expect(reply.ok, `${act}: ${reply.why}`);
    return reply;
  }

  run(...args) {
    return this.network.namespaces.attempt('cpe', 60_000, process.execPath, ...args);
  }

  doctor(...flags) {
    return this.run(this.#program, 'doctor', '--lan', 'br-lan', '--trusted-pcp-network', '--descriptions', ...flags);
  }

  /** "TCP 7001" for each mapping the carrier has now. */
  held() {
    const rules = this.network.namespaces.run('carrier', 'nft', 'list', 'chain', 'inet', 'carrier', 'mapped_in');
    // miniupnpd writes the protocol as a field of the raw packet.
    return [...rules.matchAll(/@nh,72,8 (0x6|0x11) th dport (\d+) dnat/g)]
      .map(([, protocol, port]) => `${protocol === '0x6' ? 'TCP' : 'UDP'} ${port}`)
      .sort();
  }

  expectHeld(...wanted) {
    const held = this.held();
    const nothing = 'nothing';
    expect(
      held.join() === wanted.join(),
      `the carrier holds ${held.join(', ') || nothing} instead of ${wanted.join(', ') || nothing}`,
    );
  }

  async close() {
    await this.carrier?.stop();
    await this.network?.close();
  }
}

async function askDoctor(desk) {
  await desk.check('doctor', 'finds the server, tries everything, leaves nothing', async () => {
    const { code, output } = await desk.doctor('--json');
    const { healthy, verdict, servers } = JSON.parse(output);
    const [{ server, speaks, externalAddress, shortestSeconds, longestSeconds, options }] = servers;
    expect(healthy && code === 0, verdict);
    expect(server === `${desk.network.between.carrier}:5351` && speaks === 'PCP', `${server} speaks ${speaks}`);
    expect(externalAddress === CARRIER_ADDRESS, `external address ${externalAddress}`);
    expect(shortestSeconds === LIFETIME && longestSeconds === LONGEST_LIFETIME, 'other limits');
    const found = Object.entries(options).map(([option, kind]) => `${option} ${kind}`);
    expect(found.sort().join() === OPTIONS_OF_MINIUPNPD.join(), found.join(', '));
    desk.expectHeld();
    return found.join(', ');
  });
  await desk.check('doctor', 'says it in words', async () => {
    const { output } = await desk.doctor();
    const verdict = /^Verdict: (.*)$/m.exec(output)?.[1] ?? 'none';
    expect(verdict.startsWith('it works with'), verdict);
    expect(output.includes('a taken port was granted as another one'), 'it does not say what is wrong');
    return verdict;
  });
}

async function announce(desk) {
  await desk.check('library', 'announce: who is there (RFC 6887 §14.1.1)', async () => {
    const { server, protocol, roundTripMs, epoch } = await desk.ask('announce');
    expect(protocol === 'PCP' && epoch >= 0, `${protocol}, epoch ${epoch}`);
    return `${server} in ${roundTripMs} ms, epoch ${epoch}`;
  });
}

async function mapAndDelete(desk) {
  for (const [protocol, port] of [
    ['TCP', 7001],
    ['UDP', 7002],
  ]) {
    await desk.check('library', `map ${protocol}: a stranger gets through; released: no more`, async () => {
      const wish = { name: protocol, protocol, internalPort: SERVICE_PORT, externalPort: port, exactPort: true };
      const { externalAddress, externalPort } = await desk.ask('map', wish);
      expect(externalPort === port, `got port ${externalPort}`);
      expect(externalAddress === CARRIER_ADDRESS, `got address ${externalAddress}`);
      desk.expectHeld(`${protocol} ${port}`);
      await knock(desk.network, protocol, port);
      await desk.ask('release', { name: protocol });
      desk.expectHeld();
      await expectClosed(desk.network, protocol, port);
    });
  }
}

async function renew(desk) {
  const wish = { name: 'short', protocol: 'TCP', internalPort: SERVICE_PORT, externalPort: 7010, lifetime: LIFETIME };
  await desk.check('library', `renew: ${LIFETIME} s at a time, three lifetimes long`, async () => {
    await desk.ask('map', wish);
    await wait(3 * LIFETIME * 1000);
    const { state, externalPort, changes, losses } = await desk.ask('look', wish);
    expect(state === 'mapped' && externalPort === 7010, `${state} at ${externalPort}`);
    expect(changes + losses === 0, `${changes} changes, ${losses} losses meanwhile`);
    await knock(desk.network, 'TCP', 7010);
  });
  await desk.check('library', 'gone without a word: the carrier closes the port by itself', async () => {
    const neglected = new Agent(desk.network.namespaces, 'cpe', CLIENT_PROGRAM);
    const other = { ...wish, name: 'neglected', internalPort: SERVICE_PORT + 1, externalPort: 7011 };
    expect((await neglected.ask('map', other)).ok, 'not mapped');
    desk.expectHeld('TCP 7010', 'TCP 7011');
    await neglected.ask('close');
    const took = await until(
      'only the renewed one is left',
      3 * LIFETIME * 1000,
      () => desk.held().join() === 'TCP 7010',
    );
    await desk.ask('release', wish);
    desk.expectHeld();
    return `after ${Math.round(took / 1000)} s`;
  });
}

async function mapForOthers(desk) {
  await desk.check('library', 'THIRD_PARTY: mapped for a LAN host, which is reached (RFC 6887 §13.1)', async () => {
    const wish = { name: 'third', protocol: 'TCP', internalPort: SERVICE_PORT, externalPort: 7020 };
    const { internalAddress } = await desk.ask('map', { ...wish, internalAddress: LAN_HOST });
    expect(internalAddress === LAN_HOST, `mapped for ${internalAddress}`);
    await knock(desk.network, 'TCP', 7020);
    await desk.ask('release', wish);
    desk.expectHeld();
  });
}

async function describeMappings(desk) {
  await desk.check('library', 'DESCRIPTION of any length is taken (RFC 7220 §3)', async () => {
    const descriptions = ['', 'cam', 'door', 'doors', 'Türkamera', 'x'.repeat(300)];
    for (const description of descriptions) {
      await desk.ask('map', { name: 'described', protocol: 'UDP', internalPort: SERVICE_PORT, description });
      await desk.ask('release', { name: 'described' });
    }
    desk.expectHeld();
    return descriptions.map((text) => Buffer.byteLength(text)).join(', ');
  });
}

/** In both, miniupnpd grants the next port in spite of PREFER_FAILURE: nobody wants that mapping. */
async function meetConflicts(desk) {
  const { network } = desk;
  const { carrier, other } = network.between;
  const wish = { protocol: 'TCP', internalPort: SERVICE_PORT };
  const expectConflict = async (externalPort) => {
    const reply = await desk.client.ask('map', { ...wish, name: 'exact', externalPort, exactPort: true });
    expect(!reply.ok && reply.code === 'CONFLICT', reply.ok ? `got port ${reply.externalPort}` : reply.why);
    await until('the other port is released', 5000, () => desk.held().join() === 'TCP 7300');
  };
  const otherAsks = async (port, lifetimeSeconds) => {
    const hex = mapRequestHex(other, 'TCP', 7300, port, lifetimeSeconds);
    const reply = await network.agents.other.ask('udp', { address: carrier, port: 5351, hex, withinMs: 3000 });
    expect(reply.ok && mapAnswer(reply.hex).code === 0, 'the carrier refused the other subscriber');
  };
  await desk.check('library', 'conflict: another subscriber holds the port (RFC 6887 §13.2)', async () => {
    await otherAsks(7300, 600);
    await expectConflict(7300);
    const { externalPort } = await desk.ask('map', { ...wish, name: 'near', externalPort: 7300 });
    desk.expectHeld('TCP 7300', `TCP ${externalPort}`);
    await desk.ask('release', { name: 'near' });
    desk.expectHeld('TCP 7300');
    return `${externalPort} when any port will do`;
  });
  await desk.check('library', 'conflict: a program on the carrier itself uses the port', async () => {
    await network.agents.carrier.serve(7310);
    await expectConflict(7310);
    await otherAsks(0, 0);
    desk.expectHeld();
  });
}

async function surviveRestart(desk) {
  const wish = { name: 'long', protocol: 'TCP', internalPort: SERVICE_PORT, externalPort: 7400, exactPort: true };
  await desk.check('library', 'carrier restarted with lost state: mapped again (RFC 6887 §14.1.3)', async () => {
    await desk.ask('map', wish);
    await knock(desk.network, 'TCP', 7400);
    // An epoch of a second or two, started anew, is within the tolerance of RFC 6887 §8.5: nobody could tell.
    await wait(10_000);
    await desk.carrier.restart();
    const took = await until('mapped again', 60_000, () => desk.held().join() === 'TCP 7400');
    await knock(desk.network, 'TCP', 7400);
    const { state, changes } = await desk.ask('look', wish);
    expect(state === 'mapped' && changes === 0, `${state}, ${changes} changes`);
    await desk.ask('release', wish);
    desk.expectHeld();
    return `after ${(took / 1000).toFixed(1)} s`;
  });
}

async function runExample(desk) {
  await desk.check('example', 'test/library/library-example.mjs, as it stands', async () => {
    const lines = readFileSync(EXAMPLE, 'utf8').trim().split('\n').length;
    expect(lines <= 10, `it has ${lines} lines`);
    const { code, output } = await desk.run(EXAMPLE);
    expect(code === 0, `exit code ${code}: ${output.trim().split('\n').at(-1)}`);
    const { cpe } = desk.network.between;
    expect(output.startsWith(`${cpe}:8080 is open to everybody at ${CARRIER_ADDRESS}:`), output.trim());
    desk.expectHeld();
    return output.trim();
  });
}
