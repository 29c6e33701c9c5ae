import { describe, expect, it } from 'vitest';
import type { HttpHandler, HttpRequest, HttpResponse } from '../../src/base/http.ts';
import type { Instant } from '../../src/base/time.ts';
import { milliseconds, seconds } from '../../src/base/time.ts';
import { controlHandler, runSimulator, type Simulation } from '../../src/simulator/simulate-command.ts';
import { Simulator } from '../../src/simulator/simulator.ts';
import { readControlLine, SIMULATOR_ACTIONS } from '../../src/simulator/simulator-actions.ts';
import { SIMULATOR_SETTINGS } from '../../src/simulator/simulator-settings.ts';
import { attachSimulator } from '../doubles/attach-simulator.ts';
import { mapRequestBytes, mapResponseIn } from '../doubles/pcp-asker.ts';
import { type SimulatedHost, SimulatedWorld } from '../doubles/simulated-host.ts';
import { at } from '../doubles/simulated-network.ts';

const SERVER = at('192.168.1.1', 5351);

function twoHosts(): { world: SimulatedWorld; carrier: SimulatedHost; client: SimulatedHost } {
  const world = new SimulatedWorld();
  const carrier = world.host([{ name: 'eth0', address: '192.168.1.1/24', segment: 'link' }]);
  const client = world.host([{ name: 'eth0', address: '192.168.1.10/24', segment: 'link' }]);
  return { world, carrier, client };
}

/** Everything that reaches the client, with the port it came from. */
async function listeningClient(client: SimulatedHost) {
  const heard: { readonly bytes: Uint8Array; readonly port: number }[] = [];
  const opened = await client.udp.open({}, { datagram: (bytes, from) => heard.push({ bytes, port: from.port }) });
  if (!opened.ok) throw new Error(opened.error);
  return { heard, ask: () => opened.value.send(mapRequestBytes({}), SERVER) };
}

const SIMULATION: Simulation = {
  listen: SERVER,
  control: '',
  external: undefined,
  restartEvery: undefined,
  settings: [],
};

describe('a simulator on a network', () => {
  it('answers from its port, and from another one when told to', async () => {
    const { world, carrier, client } = twoHosts();
    const session = await attachSimulator(carrier, SERVER, { faults: { delay: milliseconds(20) } });
    const { heard, ask } = await listeningClient(client);
    ask();
    await world.clock.advance(milliseconds(39));
    expect(heard).toEqual([]);
    await world.clock.advance(milliseconds(1));
    session.simulator.setFaults({ wrongSourcePort: true, delay: milliseconds(0) }, world.clock.now());
    ask();
    await world.clock.advance(seconds(1));
    expect(heard.map(({ port }) => port === 5351)).toEqual([true, false]);
    expect(mapResponseIn(heard[0]?.bytes ?? new Uint8Array()).code).toBe(0);
    session.close();
    ask();
    await world.clock.advance(seconds(1));
    expect(heard).toHaveLength(2);
  });

  it('announces a restart to everybody on the link (P-02, P-51)', async () => {
    const { world, carrier, client } = twoHosts();
    const session = await attachSimulator(carrier, SERVER);
    let copies = 0;
    const group = { group: at('224.0.0.1', 0).address, onInterface: at('192.168.1.10', 0).address };
    await client.udp.open({ port: 5350, multicast: group }, { datagram: () => (copies += 1) });
    session.run((simulator, now) => simulator.restart({ keepTable: true, announce: true }, now));
    await world.clock.advance(seconds(300));
    expect(copies).toBe(10);
  });
});

describe('igd2pcp simulate', () => {
  it('prints where it is and a line per request, restarts as often as told, and ends when stopped', async () => {
    const { world, carrier, client } = twoHosts();
    const lines: string[] = [];
    let stop = (): void => {};
    const stopped = new Promise<void>((resolve) => {
      stop = resolve;
    });
    const terminal = {
      print: (line: string) => lines.push(line),
      complain: (line: string) => lines.push(line),
      stopped,
    };
    const end = runSimulator(carrier, { ...SIMULATION, restartEvery: seconds(60) }, terminal);
    await world.clock.advance(seconds(1));
    const { ask } = await listeningClient(client);
    ask();
    await world.clock.advance(seconds(61));
    stop();
    expect(await world.clock.resolve(end, seconds(1))).toBe(0);
    expect(lines).toEqual([
      'PCP server on 192.168.1.1:5351, external address 1.2.3.4',
      '192.168.1.10:32769  MAP TCP 192.168.1.10:8080, any port, for 3600 s  ->  1.2.3.4:8080 for 3600 s',
      'restarted, next in 60 s',
    ]);
  });

  it('says why it cannot start', async () => {
    const { carrier } = twoHosts();
    await attachSimulator(carrier, SERVER);
    const complaints: string[] = [];
    const terminal = { print() {}, complain: (line: string) => complaints.push(line), stopped: Promise.resolve() };
    expect(await runSimulator(carrier, SIMULATION, terminal)).toBe(1);
    expect(complaints).toEqual([expect.stringContaining('already in use')]);
  });
});

describe('the control socket', () => {
  async function control(): Promise<{
    simulator: Simulator;
    say: (body: string) => Promise<HttpResponse>;
    get: HttpHandler;
    now: Instant;
  }> {
    const { carrier } = twoHosts();
    const session = await attachSimulator(carrier, SERVER);
    const get = controlHandler(session, carrier.clock);
    const say = (body: string): Promise<HttpResponse> => get(request('POST', '/', body));
    return { simulator: session.simulator, say, get, now: carrier.clock.now() };
  }

  const request = (method: string, path: string, body = ''): HttpRequest => ({
    method,
    path,
    query: '',
    headers: {},
    body,
    bodyTooLong: false,
    httpVersion: '1.1',
    peer: at('0.0.0.0', 0),
    local: at('0.0.0.0', 0),
    hungUp: new AbortController().signal,
  });

  it('changes faults line by line, and nothing when one line is wrong', async () => {
    const { simulator, say } = await control();
    expect(await say('loss 30%\nsilent\nwithout filter third-party\nrefuse-with 8:600')).toMatchObject({ status: 200 });
    expect(simulator.faults).toMatchObject({
      loss: 0.3,
      silent: true,
      missingOptions: new Set([1, 3]),
      refuseWith: { code: 8, lifetimeSeconds: 600 },
    });
    expect(await say('loss 0%\nquota many')).toMatchObject({
      status: 400,
      body: expect.stringContaining('"quota" must be'),
    });
    expect(simulator.faults.loss).toBe(0.3);
    await say('without\nrefuse-with off\nsilent off');
    expect(simulator.faults).toMatchObject({ silent: false, missingOptions: new Set(), refuseWith: undefined });
  });

  it('does what is to be done once', async () => {
    const { simulator, say, now } = await control();
    await say('static tcp 192.168.1.10:80 8080');
    await say('external 1.2.3.9 quietly\nmove tcp 192.168.1.10:80 8081\nepoch 77');
    expect(simulator.mappings(now)).toMatchObject([{ externalPort: 8081, internalPort: 80 }]);
    expect(simulator.mappings(now)[0]?.externalAddress.text).toBe('1.2.3.9');
    expect(simulator.epoch(now)).toBe(77);
    await say('revoke tcp 192.168.1.10:80 quietly\nrestart keep-table');
    expect(simulator.mappings(now)).toEqual([]);
    expect(simulator.epoch(now)).toBe(0);
  });

  it.each([
    'restart now',
    'epoch soon',
    'external nowhere',
    'move tcp 1.1.1.1:1 0',
    'revoke sctp 1.1.1.1:1',
    'dance',
    'loss',
  ])('says what would be right instead of "%s"', (line) => {
    const read = readControlLine(line);
    expect(read.ok ? '' : read.error).toMatch(/is used as: |must be |nothing to set or do; known: /);
  });

  it('shows every setting and every mapping, as text and as JSON', async () => {
    const { say, get } = await control();
    await say('static udp 192.168.1.10:53 5353');
    const shown = await get(request('GET', '/'));
    for (const { flag } of SIMULATOR_SETTINGS) expect(shown.body).toContain(flag);
    expect(shown.body).toContain('UDP  1.2.3.4:5353 -> 192.168.1.10:53  static');
    const data: unknown = JSON.parse((await get(request('GET', '/json'))).body ?? '');
    expect(data).toMatchObject({ mappings: [{ protocol: 'UDP', externalPort: 5353 }], settings: { loss: '0%' } });
    expect((await get(request('GET', '/nothing'))).status).toBe(404);
  });

  it('reads back every setting as it shows it', () => {
    const simulator = new Simulator({}, { unit: () => 0 }, 0 as Instant);
    for (const row of SIMULATOR_SETTINGS) {
      const shown = row.show(simulator).replaceAll(/["[\]]/g, '');
      expect(row.read(shown === '' ? [] : [shown]), `${row.flag} ${shown}`).toMatchObject({ ok: true });
    }
    expect(
      new Set([...SIMULATOR_SETTINGS.map(({ flag }) => flag), ...SIMULATOR_ACTIONS.map(({ name }) => name)]).size,
    ).toBe(SIMULATOR_SETTINGS.length + SIMULATOR_ACTIONS.length);
  });
});
