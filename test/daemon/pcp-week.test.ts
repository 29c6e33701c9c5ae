import { expect, it } from 'vitest';
import { ANY_IPV4, type Endpoint, IpAddress } from '../../src/base/ip-address.ts';
import { portNumber } from '../../src/base/port-number.ts';
import { after, days, hours, type Instant, minutes, seconds } from '../../src/base/time.ts';
import { Driver } from '../../src/daemon/drive.ts';
import { createPcpSession, type PcpSession } from '../../src/daemon/pcp-session.ts';
import type { Granted, MapOutcome } from '../../src/pcp/map-outcome.ts';
import type { MapRequest } from '../../src/pcp/map-request.ts';
import { nonceFromBytes } from '../../src/pcp/mapping-nonce.ts';
import { firstRenewal, nextRenewal, type RenewalTime } from '../../src/pcp/renewal-time.ts';
import { attachSimulator } from '../doubles/attach-simulator.ts';
import { type SimulatedHost, SimulatedWorld } from '../doubles/simulated-host.ts';

const CARRIER: Endpoint = { address: IpAddress.of('100.64.0.1'), port: 5351 };
const COUNT = 1000;

const request = (index: number): MapRequest => ({
  protocol: index % 2 === 0 ? 'TCP' : 'UDP',
  internalPort: portNumber(10_000 + index),
  thirdParty: undefined,
  nonce: nonceFromBytes(Uint8Array.from({ length: 12 }, (_, i) => (i < 2 ? (index >> (8 * i)) & 0xff : 7))),
  suggestedPort: portNumber(20_000 + index),
  suggestedAddress: ANY_IPV4,
  exactPort: true,
  remotePeers: [],
  lifetimeSeconds: 86_400,
});

/** Keeps one mapping as interworking does: a packet per window, and a recovery when the windows are used up. */
class Keeper {
  readonly #session: PcpSession;
  readonly #host: SimulatedHost;
  readonly #request: MapRequest;
  #renewals = 0;
  #isStopped = false;

  constructor(session: PcpSession, host: SimulatedHost, request: MapRequest) {
    this.#session = session;
    this.#host = host;
    this.#request = request;
  }

  get renewals(): number {
    return this.#renewals;
  }

  /** Asks again when nothing came, as control points do. */
  async make(tries = 4): Promise<boolean> {
    const outcome = await this.#session.map(this.#request, { kind: 'answer within', budget: minutes(10) });
    if (outcome.kind === 'granted') this.#granted(outcome);
    return outcome.kind === 'granted' || (tries > 1 && this.make(tries - 1));
  }

  async stop(): Promise<boolean> {
    this.#isStopped = true;
    const { protocol, internalPort, thirdParty, nonce } = this.#request;
    const until = after(this.#host.clock.now(), hours(1));
    const outcome = await this.#session.release({ protocol, internalPort, thirdParty, nonce }, until);
    return outcome.kind === 'released';
  }

  #granted(granted: Granted): void {
    const at = this.#host.clock.now();
    this.#plan(at, granted, firstRenewal(at, granted.lifetime, this.#host.random.unit()));
  }

  #plan(grantedAt: Instant, granted: Granted, renewal: RenewalTime | undefined): void {
    if (this.#isStopped) return;
    const expiry = after(grantedAt, granted.lifetime);
    if (renewal === undefined) {
      void this.#session
        .map(this.#request, { kind: 'keep trying', until: after(expiry, hours(1)) })
        .then((outcome) => this.#settled(outcome, grantedAt, granted, undefined));
      return;
    }
    this.#host.clock.wakeAt(renewal.renewAt, () => {
      if (this.#isStopped) return;
      const used = { window: renewal.window, sentAt: renewal.renewAt };
      const next = nextRenewal(grantedAt, granted.lifetime, used, this.#host.random.unit());
      this.#renewals += 1;
      void this.#session
        .map(this.#request, { kind: 'one packet', until: next?.renewAt ?? expiry })
        .then((outcome) => this.#settled(outcome, grantedAt, granted, next));
    });
  }

  #settled(outcome: MapOutcome, grantedAt: Instant, granted: Granted, next: RenewalTime | undefined): void {
    if (outcome.kind === 'granted') this.#granted(outcome);
    else this.#plan(grantedAt, granted, next);
  }
}

it('1,000 mappings over a week of 30 % loss, copies and reordering: none lost, none leaked (P-35, P-40, P-70)', async () => {
  const world = new SimulatedWorld({ seed: 11 });
  const carrier = world.host([{ name: 'core', address: '100.64.0.1/16', segment: 'access' }]);
  const cpe = world.host([{ name: 'wan', address: '100.64.1.2/16', segment: 'access' }]);
  cpe.defaultRoutes.IPv4 = { interfaceName: 'wan', gateway: CARRIER.address };
  const faults = { loss: 0.3, duplicates: 0.1, reordering: 0.2 };
  const simulator = await attachSimulator(carrier, CARRIER, { faults });
  const session = await createPcpSession({
    host: cpe,
    driver: new Driver(cpe.clock),
    config: {
      servers: [{ kind: 'auto' }],
      dhcpFile: '',
      emulatePreferFailure: false,
      natPmp: true,
      maxInFlight: 50,
      rate: 50,
    },
  });
  let losses = 0;
  session.listen({
    serverLostState: () => {
      losses += 1;
    },
    mappingUpdated() {},
    serverChanged() {},
    sourceAddressChanged() {},
    healthChanged() {},
  });
  const held = (): number => simulator.simulator.mappings(world.clock.now()).length;
  const keepers = Array.from({ length: COUNT }, (_, index) => new Keeper(session, cpe, request(index)));

  const made = await world.clock.resolve(Promise.all(keepers.map((keeper) => keeper.make())), hours(1));
  expect(made.filter((isMade) => isMade)).toHaveLength(COUNT);
  for (let half = 0; half < 14; half += 1) {
    await world.clock.advance(hours(12));
    expect(held()).toBe(COUNT);
  }
  expect(world.clock.now()).toBeGreaterThan(days(7));
  expect(keepers.reduce((sum, keeper) => sum + keeper.renewals, 0)).toBeGreaterThan(10 * COUNT);
  expect(losses).toBe(0);

  const released = await world.clock.resolve(Promise.all(keepers.map((keeper) => keeper.stop())), hours(2));
  expect(released.filter((isReleased) => isReleased)).toHaveLength(COUNT);
  await world.clock.advance(seconds(60));
  expect(held()).toBe(0);
  session.close();
  simulator.close();
});
