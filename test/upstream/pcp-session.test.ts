import { afterEach, describe, expect, it } from 'vitest';
import { Driver } from '../../src/base/drive.ts';
import { ANY_IPV4, type Endpoint, IpAddress } from '../../src/base/ip-address.ts';
import { portNumber } from '../../src/base/port-number.ts';
import { after, milliseconds, minutes, seconds } from '../../src/base/time.ts';
import type { PcpServiceListener } from '../../src/interworking/pcp-service.ts';
import type { Withdrawal } from '../../src/pcp/asking/map-outcome.ts';
import type { MapRequest } from '../../src/pcp/asking/map-request.ts';
import { nonceFromBytes } from '../../src/pcp/asking/mapping-nonce.ts';
import type { SimulatorSession } from '../../src/simulator/simulator-session.ts';
import { createPcpSession, type PcpSession, type PcpSessionConfig } from '../../src/upstream/pcp-session.ts';
import { attachSimulator } from '../doubles/attach-simulator.ts';
import { type SimulatedHost, SimulatedWorld } from '../doubles/simulated-host.ts';
import type { Weather } from '../doubles/simulated-network.ts';

const WAN = '100.64.1.2';
const CARRIER: Endpoint = { address: IpAddress.of('100.64.0.1'), port: 5351 };
const CARRIER_PORT = portNumber(5351);
const within = { kind: 'answer within', budget: seconds(4) } as const;

const CONFIG: PcpSessionConfig = {
  servers: [{ kind: 'auto' }],
  dhcpFile: '',
  emulatePreferFailure: false,
  natPmp: true,
  maxInFlight: 16,
  rate: 50,
};

const request = (index: number, change: Partial<MapRequest> = {}): MapRequest => ({
  protocol: index % 2 === 0 ? 'TCP' : 'UDP',
  internalPort: portNumber(10_000 + index),
  thirdParty: undefined,
  nonce: nonceFromBytes(Uint8Array.from({ length: 12 }, (_, i) => (index >> (8 * (i % 3))) & 0xff)),
  suggestedPort: portNumber(20_000 + index),
  suggestedAddress: ANY_IPV4,
  exactPort: true,
  remotePeers: [],
  lifetimeSeconds: 3600,
  ...change,
});

const named = (name: string): PcpSessionConfig['servers'] => [
  { kind: 'server', addresses: [{ host: name, port: CARRIER_PORT }] },
];

class Told implements PcpServiceListener {
  readonly events: string[] = [];
  serverLostState(server: string): void {
    this.events.push(`lost ${server}`);
  }
  mappingUpdated(update: { readonly internalPort: number; readonly change: { readonly kind: string } }): void {
    this.events.push(`updated ${update.internalPort} ${update.change.kind}`);
  }
  serverChanged(server: string | undefined): void {
    this.events.push(`server ${server ?? 'none'}`);
  }
  sourceAddressChanged(address: IpAddress | undefined): void {
    this.events.push(`source ${address?.text ?? 'none'}`);
  }
  healthChanged(): void {
    this.events.push('health');
  }
  withdrawal({ state, internalPort }: Withdrawal): void {
    this.events.push(`withdrawal ${internalPort} ${state}`);
  }
}

interface Scene {
  readonly world: SimulatedWorld;
  readonly cpe: SimulatedHost;
  readonly carrier: SimulatedHost;
  readonly simulator: SimulatorSession;
  readonly driver: Driver;
  readonly session: PcpSession;
  readonly told: Told;
}

const open: PcpSession[] = [];
afterEach(() => {
  for (const session of open.splice(0)) session.close();
});

async function scene(
  options: {
    readonly weather?: Weather;
    readonly config?: Partial<PcpSessionConfig>;
    readonly behaviour?: Parameters<typeof attachSimulator>[2];
    readonly seed?: number;
    readonly prepare?: (cpe: SimulatedHost) => void;
  } = {},
): Promise<Scene> {
  const world = new SimulatedWorld({ seed: options.seed ?? 3 });
  const carrier = world.host([{ name: 'core', address: '100.64.0.1/16', segment: 'access' }]);
  const cpe = world.host([{ name: 'wan', address: `${WAN}/16`, segment: 'access' }]);
  cpe.defaultRoutes.IPv4 = { interfaceName: 'wan', gateway: CARRIER.address };
  options.prepare?.(cpe);
  const simulator = await attachSimulator(carrier, CARRIER, options.behaviour);
  const driver = new Driver(cpe.clock);
  const session = await createPcpSession({ host: cpe, driver, config: { ...CONFIG, ...options.config } });
  open.push(session);
  const told = new Told();
  session.listen(told);
  if (options.weather !== undefined) world.network.weather = options.weather;
  await world.clock.advance(milliseconds(10));
  return { world, cpe, carrier, simulator, driver, session, told };
}

const mappingsAt = ({ simulator, world }: Scene) => simulator.simulator.mappings(world.clock.now());

describe('the PCP session over sockets', () => {
  it('P-01 P-05: finds the default gateway, says where it sends from and that the server is up', async () => {
    const { session } = await scene();
    expect(session.currentServer()).toBe('100.64.0.1');
    expect(session.sourceAddress()?.text).toBe(WAN);
    expect(session.health()).toBe('up');
    expect(session.noServerBecause()).toBeUndefined();
  });

  it('maps, renews and releases', async () => {
    const all = await scene();
    const { session, world } = all;
    const granted = await world.clock.resolve(session.map(request(1), within), seconds(5));
    expect(granted).toMatchObject({ kind: 'granted', assignedPort: 20_001, lifetime: 3_600_000 });
    expect(mappingsAt(all)).toHaveLength(1);
    const renewed = session.map(request(1), { kind: 'one packet', until: after(world.clock.now(), minutes(10)) });
    expect((await world.clock.resolve(renewed, seconds(5))).kind).toBe('granted');
    const { protocol, internalPort, thirdParty, nonce } = request(1);
    const key = { protocol, internalPort, thirdParty, nonce };
    const released = session.release(key, after(world.clock.now(), minutes(1)));
    expect(await world.clock.resolve(released, seconds(5))).toMatchObject({ kind: 'released' });
    expect(mappingsAt(all)).toEqual([]);
  });

  it('P-01: keeps its source port, so that later updates reach it (RFC 6887 §8.1)', async () => {
    const { session, world } = await scene();
    const ports = new Set<number>();
    world.network.watch = ({ from, to }) => {
      if (to.port === 5351) ports.add(from.port);
    };
    await world.clock.resolve(session.map(request(1), within), seconds(5));
    session.reconsider();
    await world.clock.advance(seconds(20));
    await world.clock.resolve(session.map(request(2), within), seconds(5));
    expect(ports.size).toBe(1);
  });

  it('5.3-09: a control point that hangs up leaves nothing behind', async () => {
    const all = await scene({ behaviour: { faults: { delay: seconds(1) } } });
    const hangUp = new AbortController();
    const outcome = all.session.map(request(1), { ...within, hungUp: hangUp.signal });
    await all.world.clock.advance(milliseconds(500));
    hangUp.abort();
    expect(await all.world.clock.resolve(outcome, seconds(1))).toEqual({ kind: 'unanswered', why: 'hung up' });
    await all.world.clock.advance(seconds(30));
    expect(mappingsAt(all)).toEqual([]);
  });

  it('5.3-15: a closed port makes the server down when its silence has lasted, not at once (RFC 5927 §4), and it is found again', async () => {
    const all = await scene();
    all.simulator.close();
    const outcome = all.session.map(request(1), within);
    expect(await all.world.clock.resolve(outcome, seconds(30))).toMatchObject({ kind: 'unanswered' });
    expect(all.session.health()).toBe('up');
    await all.world.clock.advance(seconds(60));
    expect(all.session.health()).toBe('down');
    await attachSimulator(all.carrier, CARRIER);
    void all.session.map(request(2), within);
    await all.world.clock.advance(seconds(60));
    expect(all.session.health()).toBe('up');
  });

  it('P-51 P-53 5.3-07: hears of a restart by the announcement and tells it once (RFC 6887 §14.1)', async () => {
    const all = await scene();
    await all.world.clock.resolve(all.session.map(request(1), within), seconds(5));
    await all.world.clock.advance(seconds(30));
    all.told.events.length = 0;
    all.simulator.run((machine, now) => machine.restart({ keepTable: false, announce: true }, now));
    await all.world.clock.advance(seconds(3));
    expect(all.told.events).toEqual(['lost 100.64.0.1']);
    await all.world.clock.advance(minutes(10));
    expect(all.told.events).toEqual(['lost 100.64.0.1']);
  });

  it('notices a silent restart within a minute while it holds mappings', async () => {
    const all = await scene();
    await all.world.clock.resolve(all.session.map(request(1), within), seconds(5));
    await all.world.clock.advance(seconds(100));
    all.simulator.run((machine, now) => machine.restart({ keepTable: false, announce: false }, now));
    await all.world.clock.advance(seconds(60));
    expect(all.told.events).toContain('lost 100.64.0.1');
  });

  it('P-54 5.3-08: passes a Mapping Update on once, copies dropped (RFC 6887 §11.5)', async () => {
    const all = await scene();
    await all.world.clock.resolve(all.session.map(request(2, { exactPort: false }), within), seconds(5));
    const [mapping] = mappingsAt(all);
    if (mapping === undefined) throw new Error('there is no mapping');
    all.told.events.length = 0;
    all.simulator.run((machine, now) => machine.moveMapping(mapping, portNumber(33_333), now));
    await all.world.clock.advance(seconds(5));
    expect(all.told.events).toEqual(['updated 10002 granted']);
  });

  it('P-55: another WAN address is noticed, told, and used in the next request (RFC 6970 §5.10)', async () => {
    const all = await scene();
    all.cpe.removeInterface('wan');
    all.cpe.addInterface({ name: 'wan', address: '100.64.9.9/16', segment: 'access' });
    await all.world.clock.advance(seconds(6));
    expect(all.told.events).toContain('source 100.64.9.9');
    const outcome = await all.world.clock.resolve(all.session.map(request(1), within), seconds(5));
    expect(outcome).toMatchObject({ kind: 'granted', internalAddress: IpAddress.of('100.64.9.9') });
  });

  it('IWF-40: without a next hop there is no server, and the reason is said', async () => {
    const { session } = await scene({
      prepare: (cpe) => {
        cpe.defaultRoutes.IPv4 = { interfaceName: 'ppp0', gateway: undefined };
      },
    });
    expect(session.currentServer()).toBeUndefined();
    expect(session.noServerBecause()).toContain('the IPv4 default route has no next hop');
    expect(await session.map(request(1), within)).toEqual({ kind: 'unanswered', why: 'no server' });
  });

  it('P-06: over IPv6 sends from the global address, not from the unique local one (RFC 6887 §8.1)', async () => {
    const gateway = IpAddress.of('fd00::1');
    const all = await scene({
      prepare: (cpe) => {
        cpe.removeInterface('wan');
        cpe.addInterface({ name: 'wan', address: 'fd00::2/64', segment: 'access' });
        cpe.addInterface({ name: 'wan', address: '2001:db8::2/64', segment: 'access' });
        cpe.defaultRoutes = { IPv6: { interfaceName: 'wan', gateway } };
      },
    });
    expect(all.session.currentServer()).toBe('fd00::1');
    expect(all.session.sourceAddress()?.text).toBe('2001:db8::2');
  });

  it.each([
    ['2001:db8::2/64', '2001:db8::2'],
    ['fd00::2/64', 'fd00::2'],
    ['fe80::3/64', 'fe80::2'],
  ])('P-06: towards a link-local router the link-local source comes last: with %s, %s', async (address, source) => {
    const all = await scene({
      prepare: (cpe) => {
        cpe.removeInterface('wan');
        cpe.addInterface({ name: 'wan', address: 'fe80::2/64', segment: 'access' });
        cpe.addInterface({ name: 'wan', address, segment: 'access' });
        cpe.defaultRoutes = { IPv6: { interfaceName: 'wan', gateway: IpAddress.of('fe80::1') } };
      },
    });
    expect(all.session.sourceAddress()?.text).toBe(source);
  });

  it('a server named in the configuration is found as soon as its name can be resolved', async () => {
    const all = await scene({ config: { servers: named('pcp.carrier.example') } });
    expect(all.session.currentServer()).toBeUndefined();
    expect(all.session.noServerBecause()).toContain('the name pcp.carrier.example has no address');
    await all.world.clock.advance(seconds(60));
    all.cpe.names.set('pcp.carrier.example', [CARRIER.address]);
    await all.world.clock.advance(seconds(21));
    expect(all.session.health()).toBe('up');
  });

  it('a name server that cannot be asked takes no PCP server away, one that says something new moves it', async () => {
    const all = await scene({
      config: { servers: named('pcp.carrier.example') },
      prepare: (cpe) => cpe.names.set('pcp.carrier.example', [CARRIER.address]),
    });
    expect(all.session.health()).toBe('up');
    all.cpe.names.clear();
    await all.world.clock.advance(minutes(11));
    expect(all.session.currentServer()).toBe('pcp.carrier.example');
    expect(all.told.events).not.toContain('server none');
    const moved = IpAddress.of('100.64.0.9');
    const next = all.world.host([{ name: 'core', address: '100.64.0.9/16', segment: 'access' }]);
    await attachSimulator(next, { address: moved, port: 5351 });
    all.cpe.names.set('pcp.carrier.example', [moved]);
    await all.world.clock.advance(minutes(6));
    await all.world.clock.resolve(all.session.map(request(1), within), seconds(5));
    expect(mappingsAt(all)).toHaveLength(0);
  });

  it('another default gateway is another server', async () => {
    const all = await scene();
    const other = all.world.host([{ name: 'core', address: '100.64.0.2/16', segment: 'access' }]);
    await attachSimulator(other, { address: IpAddress.of('100.64.0.2'), port: 5351 });
    all.cpe.defaultRoutes.IPv4 = { interfaceName: 'wan', gateway: IpAddress.of('100.64.0.2') };
    await all.world.clock.advance(seconds(6));
    expect(all.told.events).toContain('server 100.64.0.2');
    expect(all.session.health()).toBe('up');
  });

  it('5.3-10 P-59: falls back to NAT-PMP, where third parties and filters have no name', async () => {
    const all = await scene({ behaviour: { faults: { speaks: 'NAT-PMP' } }, config: { emulatePreferFailure: true } });
    const outcome = await all.world.clock.resolve(all.session.map(request(1), within), seconds(5));
    expect(outcome).toMatchObject({ kind: 'granted', assignedPort: 20_001, assignedAddress: IpAddress.of('1.2.3.4') });
    expect(all.session.canNameThirdParty()).toBe(false);
    expect(all.session.canFilterRemotePeers()).toBe(false);
    expect(all.session.view()[0]).toMatchObject({ protocol: 'NAT-PMP', health: 'up' });
  });

  it('closing settles what is open and stops asking', async () => {
    const all = await scene({ behaviour: { faults: { silent: true } } });
    const outcome = all.session.map(request(1), within);
    all.session.close();
    expect(await outcome).toEqual({ kind: 'unanswered', why: 'closed' });
    let sent = 0;
    all.world.network.watch = () => {
      sent += 1;
    };
    await all.world.clock.advance(minutes(60));
    expect(sent).toBe(0);
    expect(await all.session.map(request(2), within)).toEqual({ kind: 'unanswered', why: 'closed' });
  });

  it('the view is plain data for the pages', async () => {
    const all = await scene();
    await all.world.clock.resolve(all.session.map(request(1), within), seconds(5));
    const [view] = all.session.view();
    expect(view).toMatchObject({
      id: '100.64.0.1',
      address: '100.64.0.1:5351',
      source: WAN,
      held: 1,
      queued: 0,
      options: { PREFER_FAILURE: 'supported' },
    });
    expect(view?.counters.sent).toEqual({ map: 1, release: 0, announce: 1 });
    expect(view?.counters.results.get(0)).toBe(2);
    expect(view?.counters.lastRoundTrip).toBeDefined();
  });
});
