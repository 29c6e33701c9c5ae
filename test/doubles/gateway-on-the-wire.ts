// The interworking function in virtual time: table, file, NAT1, gateway and PCP client as the daemon wires them, and the
// simulator as the carrier. `restart` is a kill -9: only the disk, the kernel's NAT and the carrier stay.

import { Driver } from '../../src/base/drive.ts';
import { IpAddress } from '../../src/base/ip-address.ts';
import { IpPrefix } from '../../src/base/ip-prefix.ts';
import type { LogFields } from '../../src/base/log.ts';
import { NetworkWatch } from '../../src/base/network-watch.ts';
import { Periodic } from '../../src/base/periodic.ts';
import { type PortNumber, portNumber } from '../../src/base/port-number.ts';
import { ok, type Result, refused } from '../../src/base/result.ts';
import { after, type Duration, minutes, seconds } from '../../src/base/time.ts';
import { createGateway, type RunningGateway } from '../../src/interworking/create-gateway.ts';
import type {
  Answer,
  Asker,
  ClosedPortName,
  ListedMapping,
  PortName,
  PortSelection,
  Wish,
} from '../../src/interworking/gateway.ts';
import type { HostObservation } from '../../src/interworking/host-departure.ts';
import { DEFAULT_GATEWAY_OPTIONS, type GatewayOptions } from '../../src/interworking/interworking.ts';
import type { RefusedRequest } from '../../src/interworking/mishaps.ts';
import { DEFAULT_POLICY, type Policy } from '../../src/interworking/policy.ts';
import type { RenewalOutput } from '../../src/interworking/renewal-loop.ts';
import { promisedLease } from '../../src/lan/igd/port-mapping-arguments.ts';
import { type MappingAction, upnpErrorOf } from '../../src/lan/igd/upnp-refusal.ts';
import type { Mapping, MappingChanges } from '../../src/mapping/mapping.ts';
import { MappingFile, type MappingFileOutput } from '../../src/mapping/mapping-file.ts';
import { MappingTable } from '../../src/mapping/mapping-table.ts';
import type { OperatorEvent } from '../../src/operator/event-history.ts';
import { mappingEvent } from '../../src/operator/mapping-event.ts';
import type { UpnpErrorCode } from '../../src/upnp/upnp-error.ts';
import { createPcpSession, type PcpSession } from '../../src/upstream/pcp-session.ts';
import { AccessWire } from './access-wire.ts';
import { LocalNatInMemory } from './local-nat-in-memory.ts';
import { ACCESS, ScenarioCarrier } from './scenario-carrier.ts';
import { seededRandom } from './seeded-random.ts';
import { SimulatedFiles } from './simulated-files.ts';
import { type SimulatedHost, SimulatedWorld } from './simulated-host.ts';
import { SimulatedProcess } from './simulated-process.ts';
import { settle, type VirtualClock } from './virtual-clock.ts';

const LAN = { address: IpAddress.of('192.168.1.1'), prefix: IpPrefix.of(IpAddress.of('192.168.1.0'), 24) };

/** What the carrier and this box are called where nothing else is said. */
export const CARRIER = '192.0.2.1';
export const OTHER_CARRIER = '192.0.2.3';
const WAN = '192.0.2.2';
/** What the carrier gives. */
const EXTERNAL = '198.51.100.7';

export interface WorldSettings {
  readonly nat: 'none' | 'nat1';
  readonly options?: Partial<GatewayOptions>;
  readonly policy?: Partial<Policy>;
  readonly seed?: number;
  readonly watchesHosts?: boolean;
  /** `pcp.emulate_prefer_failure`. */
  readonly emulatesPreferFailure?: boolean;
}

/** What a kill -9 leaves in place. */
export interface Surviving {
  readonly simulated: SimulatedWorld;
  readonly box: SimulatedHost;
  readonly carrier: ScenarioCarrier;
  readonly files: SimulatedFiles;
  readonly localNat: LocalNatInMemory | undefined;
}

export class GatewayWorld {
  readonly settings: WorldSettings;
  readonly simulated: SimulatedWorld;
  readonly clock: VirtualClock;
  readonly box: SimulatedHost;
  readonly carrier: ScenarioCarrier;
  /** What left this box, and what happens to it on its way. */
  readonly wire: AccessWire;
  readonly pcp: PcpSession;
  readonly files: SimulatedFiles;
  readonly localNat: LocalNatInMemory | undefined;
  readonly table = new MappingTable();
  readonly ledger = this.table.ledger;
  readonly gateway: RunningGateway;
  readonly file: MappingFile;
  readonly changes: MappingChanges[] = [];
  /** What the history would tell. */
  readonly events: OperatorEvent[] = [];
  readonly refusals: RefusedRequest[] = [];
  readonly logged: { readonly level: string; readonly message: string; readonly fields: LogFields | undefined }[] = [];
  readonly #process: SimulatedProcess;
  readonly #driver: Driver;
  readonly #watch: NetworkWatch;
  policy: Policy;
  macs = new Map<string, string>();
  hosts: HostObservation = { leases: undefined, neighbours: [], ownAddresses: [] };

  private constructor(settings: WorldSettings, surviving: Surviving, life: Life) {
    this.settings = settings;
    const { simulated, box, carrier, files, localNat } = surviving;
    this.simulated = simulated;
    this.clock = simulated.clock;
    this.box = box;
    this.carrier = carrier;
    this.files = files;
    this.localNat = localNat;
    this.wire = life.wire;
    this.pcp = life.pcp;
    this.#process = life.process;
    this.#driver = life.driver;
    this.#watch = life.watch;
    this.policy = { ...DEFAULT_POLICY, lans: [LAN], ...settings.policy };
    const log = {
      debug: () => {},
      info: (message: string, fields?: LogFields) => this.logged.push({ level: 'info', message, fields }),
      warn: (message: string, fields?: LogFields) => this.logged.push({ level: 'warn', message, fields }),
      error: (message: string, fields?: LogFields) => this.logged.push({ level: 'error', message, fields }),
    };
    const clock = () => ({ now: this.clock.now(), wall: this.clock.wallTime() });
    const { table } = this;
    this.file = new MappingFile({ files, directory: '/state', table, clock, log });
    this.gateway = createGateway({
      table,
      pcp: this.pcp,
      localNat: this.localNat,
      policy: () => this.policy,
      options: { ...DEFAULT_GATEWAY_OPTIONS, isTrustedNetwork: settings.nat === 'none', ...settings.options },
      now: () => this.clock.now(),
      wallTime: () => this.clock.wallTime(),
      random: seededRandom(settings.seed ?? 1),
      log,
      macOf: (address) => this.macs.get(address.text),
      durable: () => this.file.settled(),
      diskProblem: () => (this.file.isFailing ? this.file.problem : undefined),
    });
    this.gateway.onRefusal((refusal) => this.refusals.push(refusal));
    this.table.listen((changes) => {
      this.changes.push(changes);
      const told = changes.map((change) => mappingEvent(change, this.clock.wallTime(), () => undefined));
      this.events.push(...told.filter((event) => event !== undefined));
    });
    const gateway = this.#driver.add<RunningGateway['machine'], RenewalOutput>(
      'gateway',
      this.gateway.machine,
      (output) => this.gateway.perform(output),
    );
    this.gateway.onWakeMoved(() => gateway.run(() => []));
    if (settings.watchesHosts === true) {
      const look = new Periodic(seconds(5), 'look at the hosts', this.clock.now());
      this.#driver.add('hosts', look, () => this.gateway.hostsSeen(this.hosts));
    }
    const file = this.#driver.add<MappingFile, MappingFileOutput>('mapping file', this.file, (output) =>
      this.file.perform(output),
    );
    this.file.onWakeMoved(() => file.run(() => []));
  }

  /** A new box at a new carrier, which has been heard of. */
  static async open(settings: WorldSettings): Promise<GatewayWorld> {
    const simulated = new SimulatedWorld({ seed: settings.seed ?? 1 });
    const carrier = await openCarrier(simulated, CARRIER, settings.nat);
    const box = simulated.host([{ name: 'wan', address: `${WAN}/24`, segment: ACCESS }]);
    box.defaultRoutes = routeTo(CARRIER);
    const localNat = settings.nat === 'none' ? undefined : new LocalNatInMemory(() => simulated.clock.now());
    const world = await GatewayWorld.start(settings, {
      simulated,
      box,
      carrier,
      files: new SimulatedFiles(),
      localNat,
    });
    await world.until(() => world.pcp.health() === 'up', seconds(5));
    world.wire.takePackets();
    return world;
  }

  /** One life of the program, on what the life before has left. */
  static async start(settings: WorldSettings, surviving: Surviving): Promise<GatewayWorld> {
    const world = new GatewayWorld(settings, surviving, await beginLife(settings, surviving));
    const stored = await world.file.load();
    if (!stored.ok) throw new Error(stored.error.message);
    world.gateway.start(stored.value);
    await world.file.begin();
    return world;
  }

  /** kill -9, then a fresh start on what is left. */
  async restart(settings: WorldSettings = this.settings): Promise<GatewayWorld> {
    this.kill();
    const localNat = settings.nat === 'none' ? undefined : this.localNat?.afterRestart();
    // Another life, other random numbers.
    const seed = (this.settings.seed ?? 1) + 1000;
    return GatewayWorld.start({ ...settings, seed }, { ...this.remains(), localNat });
  }

  /** On the machine and at the carrier. */
  remains(): Surviving {
    const { simulated, box, carrier, localNat } = this;
    return { simulated, box, carrier, localNat, files: new SimulatedFiles(this.files.snapshot()) };
  }

  kill(): void {
    this.#process.kill();
    this.#driver.close();
    this.files.failWith('failed');
    this.gateway.stop();
  }

  advance(span: Duration): Promise<void> {
    return this.clock.advance(span);
  }

  /** Advances until it is so, at most `most`. */
  async until(isSo: () => boolean, most: Duration): Promise<void> {
    const isDone = isSo() || (await this.clock.advanceUntil(after(this.clock.now(), most), isSo)) || isSo();
    if (!isDone) throw new Error(`not so after ${most / 1000} simulated seconds`);
  }

  resolve<T>(promise: Promise<T>): Promise<T> {
    return this.clock.resolve(promise, 200_000 as Duration);
  }

  /** Nothing comes through any more, and the PCP client has found that out. */
  async carrierFallsSilent(): Promise<void> {
    this.wire.isSilent = true;
    await this.until(() => this.pcp.health() === 'down', minutes(20));
  }

  async anotherCarrier(address = OTHER_CARRIER): Promise<ScenarioCarrier> {
    return openCarrier(this.simulated, address, this.settings.nat);
  }

  /** The default route, and with it the PCP server. Undefined: there is none. */
  async routeLeadsTo(carrier: ScenarioCarrier | undefined): Promise<void> {
    this.box.defaultRoutes = carrier === undefined ? {} : routeTo(carrier.address);
    await this.#looksAtTheNetwork();
  }

  /** Undefined: the line goes down. */
  async wanMovesTo(address: string | undefined): Promise<void> {
    this.box.removeInterface('wan');
    this.box.defaultRoutes = {};
    if (address !== undefined) {
      this.box.addInterface({ name: 'wan', address: `${address}/24`, segment: ACCESS });
      this.box.defaultRoutes = routeTo(this.carrier.address);
    }
    await this.#looksAtTheNetwork();
  }

  async #looksAtTheNetwork(): Promise<void> {
    await this.#watch.look();
    await settle();
  }

  mapping(protocol: 'TCP' | 'UDP', port: number, remoteHost = ''): Mapping | undefined {
    return this.table.find({ protocol, externalPort: portNumber(port), remoteHost });
  }

  /** As the UPnP door asks: its leases, its error numbers. */
  async openExactly(asker: Asker, wish: Wish): Promise<Result<PortNumber, UpnpErrorCode>> {
    return inUpnp(await this.gateway.openPort(asker, promised(asker, wish, true)), asker, 'AddPortMapping');
  }

  async openAny(asker: Asker, wish: Wish): Promise<Result<PortNumber, UpnpErrorCode>> {
    return inUpnp(await this.gateway.openPort(asker, promised(asker, wish, false)), asker, 'AddAnyPortMapping');
  }

  async close(asker: Asker, name: ClosedPortName): Promise<Result<void, UpnpErrorCode>> {
    return inUpnp(await this.gateway.closePort(asker, name), asker, 'DeletePortMapping');
  }

  async closeRange(asker: Asker, selection: PortSelection): Promise<Result<void, UpnpErrorCode>> {
    return inUpnp(await this.gateway.closePorts(asker, selection), asker, 'DeletePortMappingRange');
  }

  entryAt(asker: Asker, index: number): Result<ListedMapping, UpnpErrorCode> {
    return inUpnp(this.gateway.entryAt(asker, index), asker, 'GetGenericPortMappingEntry');
  }

  async entryOf(asker: Asker, name: PortName): Promise<Result<ListedMapping, UpnpErrorCode>> {
    return inUpnp(await this.gateway.entryOf(asker, name), asker, 'GetSpecificPortMappingEntry');
  }

  entries(asker: Asker, selection: PortSelection, most: number): Result<readonly ListedMapping[], UpnpErrorCode> {
    return inUpnp(this.gateway.entries(asker, selection, most), asker, 'GetListOfPortMappings');
  }

  async add(asker: Asker, wish: Wish): Promise<number | 'ok'> {
    const answer = await this.resolve(this.openExactly(asker, wish));
    return answer.ok ? 'ok' : answer.error;
  }

  /** The reserved port, or the error as a negative number: both are numbers a test should not mix up. */
  async addAny(asker: Asker, wish: Wish): Promise<number> {
    const answer = await this.resolve(this.openAny(asker, wish));
    return answer.ok ? answer.value : -answer.error;
  }

  /** `protocol` undefined: the control point left it empty. */
  async delete(asker: Asker, protocol: 'TCP' | 'UDP' | undefined, port: number): Promise<number | 'ok'> {
    const answer = await this.resolve(this.close(asker, { protocol, externalPort: portNumber(port), remoteHost: '' }));
    return answer.ok ? 'ok' : answer.error;
  }

  async specific(asker: Asker, protocol: 'TCP' | 'UDP', port: number) {
    return this.resolve(this.entryOf(asker, { protocol, externalPort: portNumber(port), remoteHost: '' }));
  }
}

/** What begins anew with each life. */
interface Life {
  readonly process: SimulatedProcess;
  readonly driver: Driver;
  readonly watch: NetworkWatch;
  readonly wire: AccessWire;
  readonly pcp: PcpSession;
}

async function beginLife(settings: WorldSettings, { simulated, box }: Surviving): Promise<Life> {
  const process = new SimulatedProcess(box);
  const driver = new Driver(process.clock);
  // The network changes only when a test says so: the watch need not look by itself, and a week is simulated sooner.
  const noDriver = new Driver(process.clock);
  noDriver.close();
  const watch = new NetworkWatch(process.clock, noDriver);
  const wire = new AccessWire(simulated, box);
  const config = {
    servers: [{ kind: 'auto' }],
    dhcpFile: '',
    emulatePreferFailure: settings.emulatesPreferFailure ?? false,
    natPmp: true,
    maxInFlight: 16,
    rate: 1000,
    onlyIPv4: settings.nat !== 'none',
  } as const;
  const pcp = await createPcpSession({ host: process, driver, config, watch, tell: () => {} });
  return { process, driver, watch, wire, pcp };
}

const routeTo = (gateway: string) => ({ IPv4: { interfaceName: 'wan', gateway: IpAddress.of(gateway) } });

/** Gives every port, and gives it again as soon as it is free. */
const openCarrier = (simulated: SimulatedWorld, address: string, nat: WorldSettings['nat']): Promise<ScenarioCarrier> =>
  ScenarioCarrier.open(simulated, address, {
    options: {
      externalAddresses: [IpAddress.of(EXTERNAL)],
      externalPorts: { first: portNumber(1), last: portNumber(65_535) },
      allowThirdParty: nat === 'none',
      holdBack: seconds(0),
    },
  });

const igdOf = ({ via }: Asker): 1 | 2 => (via === 'IGD:1' ? 1 : 2);

const promised = (asker: Asker, wish: Wish, isExact: boolean): Wish => ({
  ...wish,
  isExact,
  leaseSeconds: promisedLease(wish.leaseSeconds, igdOf(asker)),
});

const inUpnp = <T>(answer: Answer<T>, asker: Asker, action: MappingAction): Result<T, UpnpErrorCode> =>
  answer.ok ? ok(answer.value) : refused(upnpErrorOf(answer.error, action, igdOf(asker)));

export const controlPoint = (address: string, igd: 1 | 2 = 1, isOperator = false): Asker => ({
  address: IpAddress.of(address),
  via: isOperator ? 'operator' : `IGD:${igd}`,
  name: 'test',
  hungUp: undefined,
});

export interface RequestWords {
  readonly client: string;
  readonly external: number;
  readonly internal?: number;
  readonly protocol?: 'TCP' | 'UDP';
  readonly lease?: number;
  readonly remoteHost?: string;
  readonly description?: string;
}

export const mappingRequest = (words: RequestWords): Wish => ({
  isExact: true,
  protocol: words.protocol ?? 'TCP',
  externalPort: portNumber(words.external) satisfies PortNumber,
  remoteHost: words.remoteHost ?? '',
  remotePeers: words.remoteHost === undefined ? [] : [IpAddress.of(words.remoteHost)],
  internalClient: IpAddress.of(words.client),
  internalPort: portNumber(words.internal ?? words.external),
  description: words.description ?? 'game',
  leaseSeconds: words.lease ?? 3600,
});
