// The whole system in virtual time: a carrier, this box with the daemon as `main.ts` wires it, computers on the LAN.
// Nothing of the daemon is replaced but the machine beneath it.

import { Driver } from '../../src/base/drive.ts';
import { type IpAddress as Address, IpAddress } from '../../src/base/ip-address.ts';
import { ok, refused } from '../../src/base/result.ts';
import { type Duration, milliseconds, seconds } from '../../src/base/time.ts';
import type { AdminCall } from '../../src/cli/admin-commands.ts';
import type { Config } from '../../src/config/config.ts';
import { readConfig } from '../../src/config/config-reader.ts';
import { Daemon } from '../../src/daemon/daemon.ts';
import type { MappingView } from '../../src/operator/mapping-view.ts';
import { descriptorTexts } from './descriptor-texts.ts';
import { LanComputer } from './lan-computer.ts';
import { NftDouble } from './nft-double.ts';
import { Promises } from './promises-made.ts';
import { ACCESS, type CarrierBehaviour, ScenarioCarrier } from './scenario-carrier.ts';
import { type SimulatedHost, SimulatedWorld } from './simulated-host.ts';
import type { Weather } from './simulated-network.ts';
import { SimulatedProcess } from './simulated-process.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** "policy.min_port" → the value as TOML writes it. */
export type Settings = Readonly<Record<string, string>>;

export interface DaemonWorldOptions {
  /** Left out: this box does NAT. */
  readonly nat?: 'none' | 'nftables';
  readonly settings?: Settings;
  readonly carrier?: CarrierBehaviour;
  readonly seed?: number;
  readonly weather?: Weather;
}

export const ROUTER = '192.168.1.1';
export const WAN = '100.64.1.2';
export const CARRIER = '100.64.1.1';
export const LEASES = '/tmp/dhcp.leases';
/** Each computer has its own, until a story says otherwise. */
export const macOf = (address: string): string =>
  `02:00:5e:00:00:${address.split('.').at(-1)?.padStart(2, '0').slice(-2)}`;
const ADMIN_SOCKET = '/run/igd2pcp.sock';

const STANDARD: Settings = {
  'lan.interfaces': '["br-lan"]',
  'wan.interface': '"wan"',
  'hosts.dhcp_leases': `"${LEASES}"`,
};

export class DaemonWorld {
  readonly simulated: SimulatedWorld;
  readonly box: SimulatedHost;
  readonly carrier: ScenarioCarrier;
  /** The kernel's table: it outlives the daemon. */
  readonly nft = new NftDouble();
  readonly promises: Promises;
  readonly nat: 'none' | 'nftables';
  wanAddress: string | undefined = WAN;
  lanAddress = ROUTER;
  settings: Settings;
  process: SimulatedProcess;
  #daemon: Daemon | undefined;
  #driver: Driver | undefined;

  private constructor(options: DaemonWorldOptions, simulated: SimulatedWorld, carrier: ScenarioCarrier) {
    this.simulated = simulated;
    this.carrier = carrier;
    this.nat = options.nat ?? 'nftables';
    const trusted: Settings = this.nat === 'none' ? { 'pcp.trusted': 'true' } : {};
    this.settings = { ...STANDARD, 'wan.nat': `"${this.nat}"`, ...trusted, ...options.settings };
    this.promises = new Promises(simulated.clock, () => this.box.lines.length);
    this.box = simulated.host([
      { name: 'br-lan', address: `${ROUTER}/24`, segment: 'lan' },
      { name: 'wan', address: `${WAN}/24`, segment: ACCESS },
    ]);
    this.box.defaultRoutes = { IPv4: { interfaceName: 'wan', gateway: IpAddress.of(CARRIER) } };
    this.box.programs = {
      run: async (program, args, input) => {
        if (program !== 'nft') return refused(`${program} is not installed`);
        this.nft.now = simulated.clock.now();
        return this.nft.run({ args, input });
      },
    };
    this.process = new SimulatedProcess(this.box);
  }

  static async open(options: DaemonWorldOptions = {}): Promise<DaemonWorld> {
    const { seed, weather } = options;
    const simulated = new SimulatedWorld({
      ...(seed === undefined ? {} : { seed }),
      ...(weather === undefined ? {} : { weather }),
    });
    const behaviour = options.carrier ?? {};
    const thirdParty = { allowThirdParty: options.nat === 'none' };
    const carrier = await ScenarioCarrier.open(simulated, CARRIER, {
      ...behaviour,
      options: { ...thirdParty, ...behaviour.options },
    });
    const world = new DaemonWorld(options, simulated, carrier);
    await world.boots();
    return world;
  }

  get clock(): VirtualClock {
    return this.simulated.clock;
  }

  get daemon(): Daemon {
    if (this.#daemon === undefined) throw new Error('the daemon is not running');
    return this.#daemon;
  }

  /** Starts the daemon and gives it a second to get in touch with its server. */
  async boots(): Promise<void> {
    await this.starts();
    await this.passes(seconds(1));
  }

  async starts(): Promise<void> {
    this.process = new SimulatedProcess(this.box);
    const host = this.process;
    const driver = new Driver(host.clock);
    const starting = Daemon.start({
      host,
      driver,
      config: this.readConfig(),
      descriptors: descriptorTexts(),
      version: '0.1.0',
      isDemo: false,
      processFigures: () => ({
        residentBytes: 0,
        heapBytes: 0,
        cpuSeconds: 0,
        eventLoopDelay: milliseconds(0),
        logLinesDropped: 0,
      }),
    });
    const started = await this.clock.resolve(starting, seconds(30));
    if (!started.ok) throw new Error(started.error);
    this.#daemon = started.value;
    this.#driver = driver;
  }

  /** kill -9: the disk, the kernel's NAT and the carrier stay as they are. */
  kill(): void {
    this.process.kill();
    this.#driver?.close();
    this.#daemon = undefined;
  }

  /** As `systemctl stop` does it. */
  async stops(): Promise<void> {
    await this.clock.resolve(this.daemon.close(), seconds(10));
    this.kill();
  }

  /** kill -9, `downFor` long nothing, and up again. */
  async crashes(downFor: Duration = seconds(5)): Promise<void> {
    this.kill();
    await this.passes(downFor);
    await this.boots();
  }

  passes(span: Duration): Promise<void> {
    return this.clock.advance(span);
  }

  /** SIGHUP, after the file was changed so. */
  async reloads(change: Settings): Promise<void> {
    this.settings = { ...this.settings, ...change };
    await this.clock.resolve(this.daemon.reload(this.readConfig()), seconds(10));
  }

  computer(address: string, igd: 1 | 2 = 1): LanComputer {
    const own = IpAddress.of(address);
    if (!this.box.neighbours.some((row) => row.address.equals(own))) this.isSeen(address, macOf(address));
    return this.looker(address, igd);
  }

  /** As `computer`, but the box has not seen it before: who only looks does not keep its mappings alive. */
  looker(address: string, igd: 1 | 2 = 1): LanComputer {
    const own = IpAddress.of(address);
    return new LanComputer({
      clock: this.clock,
      network: this.simulated.network,
      host: this.lanHost(address),
      own,
      igd,
      router: `http://${this.lanAddress}:5000`,
      promises: this.promises,
    });
  }

  lanHost(address: string): SimulatedHost {
    return this.simulated.host([{ name: 'eth0', address: `${address}/24`, segment: 'lan' }]);
  }

  /** In the neighbour table. */
  isSeen(address: string, mac: string): void {
    this.isGone(address);
    const row = { address: IpAddress.of(address), mac, interfaceName: 'br-lan', isReachable: true };
    this.box.neighbours = [...this.box.neighbours, row];
  }

  isGone(address: string): void {
    this.box.neighbours = this.box.neighbours.filter((row) => row.address.text !== address);
  }

  /** dnsmasq writes its lease file anew: "192.168.1.20" → its MAC. */
  leasesAre(macs: Readonly<Record<string, string>>): void {
    const lines = Object.entries(macs).map(([address, mac]) => `0 ${mac} ${address} * *`);
    this.box.files.put(LEASES, lines.map((line) => `${line}\n`).join(''));
  }

  /** Somebody gives the bridge another address. */
  lanMovesTo(address: string): void {
    this.box.removeInterface('br-lan');
    this.box.addInterface({ name: 'br-lan', address: `${address}/24`, segment: 'lan' });
    this.lanAddress = address;
  }

  wanGoesDown(): void {
    this.box.removeInterface('wan');
    this.box.defaultRoutes = {};
    this.wanAddress = undefined;
  }

  wanComesUp(address: string, gateway = CARRIER): void {
    this.wanGoesDown();
    this.box.addInterface({ name: 'wan', address: `${address}/24`, segment: ACCESS });
    this.box.defaultRoutes = { IPv4: { interfaceName: 'wan', gateway: IpAddress.of(gateway) } };
    this.wanAddress = address;
  }

  table(): readonly MappingView[] {
    return this.daemon.operator.snapshot().mappings;
  }

  /** "TCP 6881 → 192.168.1.20:6881 granted", in the order of the ports. */
  tableText(): readonly string[] {
    return [...this.table()]
      .sort((a, b) => a.externalPort - b.externalPort)
      .map((row) => `${row.protocol} ${row.externalPort} → ${row.internalClient}:${row.internalPort} ${row.state}`);
  }

  /** What the log said, fields included, one line each; `from` lines on. */
  logged(pattern: RegExp, from = 0): readonly string[] {
    return this.box.lines
      .slice(from)
      .map(({ level, message, fields }) => `${level} ${message} ${JSON.stringify(fields)}`)
      .filter((line) => pattern.test(line));
  }

  /** How the commands talk to the daemon. */
  readonly admin: AdminCall = async ({ method, path, body = '' }) => {
    const handler = this.box.unixSockets.get(ADMIN_SOCKET);
    if (handler === undefined) return refused('is the daemon running?');
    const [place = '', query = ''] = path.split('?');
    const nobody: { address: Address; port: number } = { address: IpAddress.of('0.0.0.0'), port: 0 };
    const asked = handler({
      method,
      path: place,
      query,
      headers: {},
      body,
      bodyTooLong: false,
      httpVersion: '1.1',
      peer: nobody,
      local: nobody,
      hungUp: new AbortController().signal,
    });
    const answer = await this.clock.resolve(asked, seconds(30));
    return ok({ status: answer.status, body: answer.body ?? '' });
  };

  readConfig(): Config {
    const fileText = Object.entries(this.settings)
      .map(([key, value]) => `${key} = ${value}\n`)
      .join('');
    const read = readConfig({ args: new Map(), env: {}, fileText, fileName: 'igd2pcp.toml', purpose: 'run' });
    if (!read.ok) throw new Error(JSON.stringify(read.error));
    return read.value;
  }
}
