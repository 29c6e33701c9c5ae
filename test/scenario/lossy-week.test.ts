// A thousand mappings over a bad line for a simulated week: 30 % of all datagrams lost each way, three in ten doubled,
// one in five overtaken. Made, renewed and released by the PCP client that the daemon and the library use. A lifetime of a
// day has 13 renewal windows of one packet each, so that about one week in ten sees a mapping end; it is made again at once.

import { describe, expect, it } from 'vitest';
import { Driver } from '../../src/base/drive.ts';
import { ANY_IPV4, IpAddress } from '../../src/base/ip-address.ts';
import { SILENT_LOG } from '../../src/base/log.ts';
import { ANY_PORT, portNumber } from '../../src/base/port-number.ts';
import { after, days, hours, minutes } from '../../src/base/time.ts';
import { KeptMapping } from '../../src/library/kept-mapping.ts';
import type { MapRequest } from '../../src/pcp/asking/map-request.ts';
import { NONCE_BYTES, nonceFromBytes } from '../../src/pcp/asking/mapping-nonce.ts';
import { externalKeyText, internalKeyText } from '../../src/simulator/served-mappings.ts';
import type { Simulator } from '../../src/simulator/simulator.ts';
import { createPcpSession, type PcpSession } from '../../src/upstream/pcp-session.ts';
import { attachSimulator } from '../doubles/attach-simulator.ts';
import { type SimulatedHost, SimulatedWorld } from '../doubles/simulated-host.ts';
import { at } from '../doubles/simulated-network.ts';

const COUNT = 1000;
const SERVER = at('192.168.1.1', 5351);
const BOX = IpAddress.of('192.168.1.10');

class LossyLine {
  readonly world = new SimulatedWorld({ seed: 7 });
  readonly kept = new Map<string, KeptMapping>();
  readonly news: string[] = [];
  sent = 0;
  answered = 0;
  readonly #box: SimulatedHost;

  constructor() {
    this.#box = this.world.host([{ name: 'wan', address: '192.168.1.10/24', segment: 'link' }]);
    this.world.network.watch = ({ to }) => {
      if (to.port === SERVER.port) this.sent += 1;
      else this.answered += 1;
    };
  }

  async attachServer(): Promise<Simulator> {
    const carrier = this.world.host([{ name: 'eth0', address: '192.168.1.1/24', segment: 'link' }]);
    const faults = { loss: 0.3, duplicates: 0.3, reordering: 0.2 };
    return (await attachSimulator(carrier, SERVER, { faults })).simulator;
  }

  openSession(): Promise<PcpSession> {
    const address = { host: SERVER.address.text, port: portNumber(SERVER.port) };
    return createPcpSession({
      host: { ...this.#box, log: SILENT_LOG },
      driver: new Driver(this.world.clock),
      config: {
        servers: [{ kind: 'server', addresses: [address] }],
        dhcpFile: '',
        emulatePreferFailure: false,
        natPmp: true,
        maxInFlight: 50,
        rate: 100,
      },
    });
  }

  async make(index: number, service: PcpSession): Promise<void> {
    const { clock } = this.world;
    const { random } = this.#box;
    const request: MapRequest = {
      protocol: index % 2 === 0 ? 'TCP' : 'UDP',
      internalPort: portNumber(20_000 + index),
      thirdParty: undefined,
      nonce: nonceFromBytes(random.bytes(NONCE_BYTES)),
      suggestedPort: ANY_PORT,
      suggestedAddress: ANY_IPV4,
      exactPort: false,
      remotePeers: [],
      lifetimeSeconds: 7 * 86_400,
    };
    const outcome = await service.map(request, { kind: 'keep trying', until: after(clock.now(), hours(1)) });
    if (outcome.kind !== 'granted') throw new Error(`mapping ${index} was not made: ${JSON.stringify(outcome)}`);
    const listener = {
      changed: () => this.news.push(`${index} changed`),
      lost: () => this.news.push(`${index} lost`),
    };
    const key = internalKeyText({ ...request, internalAddress: BOX });
    this.kept.set(key, new KeptMapping({ service, clock, random }, request, outcome, listener));
  }

  /** The client's view and the server's are the same table. */
  expectSameTable(simulator: Simulator): void {
    const theirs = simulator.mappings(this.world.clock.now());
    expect(theirs.map(internalKeyText).sort()).toEqual([...this.kept.keys()].sort());
    for (const mapping of theirs) {
      expect(this.kept.get(internalKeyText(mapping))?.externalPort).toBe(mapping.externalPort);
    }
    expect(new Set(theirs.map(externalKeyText)).size).toBe(theirs.length);
  }
}

describe('a week on a lossy line', () => {
  it('loses and leaks none of a thousand mappings (P-35, P-40, P-70; RFC 6887 §8.1.1, §11.2.1, §15)', async () => {
    const line = new LossyLine();
    const { clock } = line.world;
    const simulator = await line.attachServer();
    const service = await line.openSession();
    const made = Promise.all(Array.from({ length: COUNT }, (_, index) => line.make(index, service)));
    await clock.resolve(made, hours(2));
    for (let day = 0; day < 7; day += 1) {
      line.expectSameTable(simulator);
      await clock.advance(days(1));
    }
    line.expectSameTable(simulator);
    expect(line.news).toEqual([]);

    const releases = Promise.all([...line.kept.values()].map((mapping) => mapping.release(hours(1))));
    const outcomes = await clock.resolve(releases, hours(2));
    expect(outcomes.filter(({ kind }) => kind !== 'released')).toEqual([]);
    await clock.advance(minutes(5));
    expect(simulator.mappings(clock.now())).toEqual([]);
    // With 30 % lost and 30 % doubled each way, a request is answered 0.91² times: so bad was the line indeed.
    expect(line.answered / line.sent).toBeCloseTo(0.91 ** 2, 1);
    expect(line.sent).toBeGreaterThan(20 * COUNT);
    service.close();
  });
});
