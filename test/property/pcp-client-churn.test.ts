// Mappings made, renewed, refreshed, hung up on and released without rest over a bad line: 30 % of all datagrams lost each
// way, 30 % doubled, 30 % overtaken. Once the line is well, the server has what is wanted, and nothing else.

import { expect, it } from 'vitest';
import { ANY_IPV4, type Endpoint, IpAddress } from '../../src/base/ip-address.ts';
import { portNumber } from '../../src/base/port-number.ts';
import { after, type Instant, instant, milliseconds, minutes, seconds } from '../../src/base/time.ts';
import { Client } from '../../src/pcp/asking/client.ts';
import type { ClientOutput } from '../../src/pcp/asking/client-output.ts';
import { DEFAULT_CLIENT_SETTINGS } from '../../src/pcp/asking/client-settings.ts';
import { serverId } from '../../src/pcp/asking/map-outcome.ts';
import type { MapRequest, Patience } from '../../src/pcp/asking/map-request.ts';
import { Simulator, type SimulatorOutput } from '../../src/simulator/simulator.ts';
import { NO_FAULTS } from '../../src/simulator/simulator-options.ts';
import { nonce } from '../doubles/pcp-asker.ts';
import { seededRandom } from '../doubles/seeded-random.ts';

const SERVER: Endpoint = { address: IpAddress.of('192.168.1.1'), port: 5351 };
const BOX: Endpoint = { address: IpAddress.of('192.168.1.10'), port: 40_000 };
const KEYS = 12;
const FIRST_PORT = 1000;
const BAD_LINE = {
  loss: 0.3,
  duplicates: 0.3,
  reordering: 0.3,
  reorderingWithin: milliseconds(200),
  delay: milliseconds(20),
};
const STORM = instant(400_000);
const CALM = instant(1_900_000);

/** What is wanted of one mapping, and the id of what was asked last for it. */
interface Want {
  state: 'none' | 'asked' | 'had' | 'unwanted';
  id: number;
  /** A Mapping Update, or a refresh that failed: to be asked for again then. */
  againAt: Instant | undefined;
}

class Churn {
  readonly #unit: () => number;
  readonly #client: Client;
  readonly #simulator: Simulator;
  readonly #wants = Array.from({ length: KEYS }, (): Want => ({ state: 'none', id: 0, againAt: undefined }));
  readonly #keyOf = new Map<number, number>();
  readonly #arrived: Uint8Array[] = [];
  #now = instant(0);
  #nextId = 1;

  constructor(seed: number) {
    const random = seededRandom(seed);
    this.#unit = () => random.unit();
    this.#simulator = new Simulator({}, random, this.#now);
    this.#simulator.setFaults(BAD_LINE, this.#now);
    this.#client = new Client(DEFAULT_CLIENT_SETTINGS, this.#unit);
    const addresses = [{ endpoint: SERVER, source: BOX.address }];
    this.#perform(this.#client.setServers([{ id: serverId('server'), addresses }], this.#now));
  }

  run(): this {
    for (let act = instant(1000); act < STORM; act = after(act, seconds(3 * this.#unit()))) {
      this.#passUntil(act);
      this.#act(Math.floor(KEYS * this.#unit()), this.#unit());
    }
    this.#simulator.setFaults({ ...NO_FAULTS }, this.#now);
    for (const [key, want] of this.#wants.entries()) if (want.state === 'unwanted') this.#release(key, false);
    this.#passUntil(CALM);
    return this;
  }

  get wanted(): readonly number[] {
    return [...this.#wants.keys()].filter((key) => this.#wants[key]?.state === 'had');
  }

  get made(): readonly number[] {
    const ports = this.#simulator.mappings(this.#now).map(({ internalPort }) => internalPort - FIRST_PORT);
    return ports.sort((a, b) => a - b);
  }

  #act(key: number, dice: number): void {
    const want = this.#want(key);
    if (want.state === 'none') this.#map(key, { kind: 'answer within', budget: seconds(4) }, 'asked');
    else if (want.state === 'unwanted') this.#release(key, dice < 0.8);
    else if (want.state === 'asked') {
      if (dice < 0.5) this.#perform(this.#client.cancel(want.id, 'hung up', this.#now));
    } else if (dice < 0.3) this.#map(key, { kind: 'one packet', until: after(this.#now, minutes(1)) }, 'had');
    else if (dice < 0.5) this.#map(key, { kind: 'answer within', budget: seconds(4) }, 'had');
    else this.#release(key, dice < 0.8);
  }

  #map(key: number, patience: Patience, state: Want['state']): void {
    const id = this.#begin(key, state);
    this.#perform(this.#client.map(id, requestFor(key), patience, this.#now));
  }

  #release(key: number, isWaitedFor: boolean): void {
    const id = this.#begin(key, 'unwanted');
    const until = after(this.#now, minutes(10));
    this.#perform(this.#client.release(id, { key: requestFor(key), until, isWaitedFor }, this.#now));
  }

  #begin(key: number, state: Want['state']): number {
    const id = this.#nextId++;
    Object.assign(this.#want(key), { id, state, againAt: undefined });
    this.#keyOf.set(id, key);
    return id;
  }

  #perform(outputs: readonly ClientOutput[]): void {
    for (const output of outputs) {
      if (output.kind === 'transmit') this.#serve(this.#simulator.handleDatagram(output.bytes, BOX, this.#now));
      else if (output.kind === 'settled' || output.kind === 'released') this.#ended(output.id, output.outcome.kind);
      else if (output.kind === 'mapping updated') {
        this.#want(output.update.internalPort - FIRST_PORT).againAt = this.#now;
      }
    }
  }

  #ended(id: number, outcome: string): void {
    const want = this.#want(this.#keyOf.get(id) ?? 0);
    if (want.id !== id) return;
    if (outcome === 'granted') want.state = 'had';
    else if (outcome === 'released' || want.state === 'asked') want.state = 'none';
    else if (want.state === 'had') want.againAt = after(this.#now, seconds(30));
  }

  #serve(outputs: readonly SimulatorOutput[]): void {
    for (const output of outputs) if (output.kind === 'transmit') this.#arrived.push(output.bytes);
  }

  #passUntil(end: Instant): void {
    for (;;) {
      for (let bytes = this.#arrived.shift(); bytes !== undefined; bytes = this.#arrived.shift()) {
        this.#perform(this.#client.handleDatagram(bytes, SERVER, 'unicast', this.#now));
      }
      const wakes = [this.#client.nextWake()?.at, this.#simulator.nextWake()?.at, ...this.#wants.map((w) => w.againAt)];
      const next = Math.min(end, ...wakes.filter((at) => at !== undefined));
      this.#now = instant(Math.max(this.#now, next));
      if (this.#now >= end) return;
      this.#perform(this.#client.handleTimeout(this.#now));
      this.#serve(this.#simulator.handleTimeout(this.#now));
      for (const [key, { state, againAt }] of this.#wants.entries()) {
        if (againAt === undefined || againAt > this.#now) continue;
        this.#want(key).againAt = undefined;
        if (state === 'had') this.#map(key, { kind: 'keep trying', until: after(this.#now, minutes(5)) }, 'had');
      }
    }
  }

  #want(key: number): Want {
    const want = this.#wants[key];
    if (want === undefined) throw new RangeError(`there is no key ${key}`);
    return want;
  }
}

const requestFor = (key: number): MapRequest => ({
  protocol: key % 2 === 0 ? 'TCP' : 'UDP',
  internalPort: portNumber(FIRST_PORT + key),
  thirdParty: undefined,
  nonce: nonce(key + 1),
  suggestedPort: portNumber(5000 + key),
  suggestedAddress: ANY_IPV4,
  exactPort: false,
  remotePeers: [],
  lifetimeSeconds: 7200,
});

const IS_LONG = process.env['IGD2PCP_FUZZ'] === 'long';
const SEEDS = Array.from({ length: IS_LONG ? 300 : 12 }, (_, index) => index + 1);

it.each(SEEDS)('nothing leaks and nothing is lost (seed %i; P-33, P-72; RFC 6887 §11.4, §15)', (seed) => {
  const churn = new Churn(seed).run();
  expect(churn.made).toEqual(churn.wanted);
});
