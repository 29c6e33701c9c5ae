// A world whose every step is chosen from outside: the real PCP client, core, table, ledger and file against the real
// simulator, with a network in between that delivers, loses, doubles and delays what it is told to. Same steps, same world.

import { Driver } from '../../src/base/drive.ts';
import type { UdpListener, UdpSocket } from '../../src/base/host.ts';
import { type Endpoint, IpAddress } from '../../src/base/ip-address.ts';
import { IpPrefix } from '../../src/base/ip-prefix.ts';
import { SILENT_LOG } from '../../src/base/log.ts';
import { NetworkWatch } from '../../src/base/network-watch.ts';
import { portNumber } from '../../src/base/port-number.ts';
import { ok } from '../../src/base/result.ts';
import { between, type Duration, hours, type Instant, seconds } from '../../src/base/time.ts';
import { createGateway, type RunningGateway } from '../../src/interworking/create-gateway.ts';
import type { Asker, Wish } from '../../src/interworking/gateway.ts';
import { DEFAULT_GATEWAY_OPTIONS } from '../../src/interworking/interworking.ts';
import { DEFAULT_POLICY } from '../../src/interworking/policy.ts';
import type { RenewalOutput } from '../../src/interworking/renewal-loop.ts';
import { MappingFile, type MappingFileOutput } from '../../src/mapping/mapping-file.ts';
import { MappingTable } from '../../src/mapping/mapping-table.ts';
import { Simulator, type SimulatorOutput } from '../../src/simulator/simulator.ts';
import { createPcpSession, type PcpSession } from '../../src/upstream/pcp-session.ts';
import { SimulatedFiles } from '../doubles/simulated-files.ts';
import { settle, VirtualClock } from '../doubles/virtual-clock.ts';

export type Step =
  /** The host asks for the next thing on its list. */
  | { readonly kind: 'ask' }
  | { readonly kind: 'deliver' | 'lose' | 'double'; readonly which: number }
  /** Time passes until the core or the client wants to wake. */
  | { readonly kind: 'pass' }
  | { readonly kind: 'kill' }
  | { readonly kind: 'server restarts'; readonly keepsTable: boolean };

/** What the host wants, in this order. */
export type Errand = { readonly open: number } | { readonly close: number };

/** How much of each may go wrong in one story. */
export interface Budget {
  readonly lost: number;
  readonly doubled: number;
  readonly kills: number;
  readonly serverRestarts: number;
}

interface Packet {
  readonly bytes: Uint8Array;
  readonly to: 'server' | 'us';
  /** Our end. */
  readonly ours: Endpoint;
  readonly sentAt: Instant;
}

const OUR_ADDRESS = IpAddress.of('192.0.2.2');
const SERVER: Endpoint = { address: IpAddress.of('192.0.2.1'), port: 5351 };
const HOST = IpAddress.of('192.168.1.20');
const LAN = { address: IpAddress.of('192.168.1.1'), prefix: IpPrefix.of(IpAddress.of('192.168.1.0'), 24) };
const ASKER: Asker = { address: HOST, via: 'IGD:2', name: 'explorer', hungUp: undefined };
/** Longer than whatever is still to be said takes, shorter than the shortest grant. */
const CALM = seconds(150);
/** As the client takes it (`pcp/asking/`): no network keeps a packet longer. */
const PACKETS_LIVE = seconds(9);
const LONGEST_GRANT = seconds(1200);

export class ExploredWorld {
  readonly clock = new VirtualClock();
  readonly simulator: Simulator;
  readonly #errands: readonly Errand[];
  #budget: Budget;
  #packets: Packet[] = [];
  #files = new SimulatedFiles();
  #next = 0;
  #life = 0;
  #table = new MappingTable();
  #driver = new Driver(this.clock);
  #gateway: RunningGateway | undefined;
  #session: PcpSession | undefined;
  #sockets = new Map<number, UdpListener>();
  /** By external port: what the host was told last. "asked": nothing yet. */
  readonly #told = new Map<number, 'open' | 'closed' | 'asked' | 'no'>();

  private constructor(errands: readonly Errand[], budget: Budget) {
    this.#errands = errands;
    this.#budget = budget;
    const options = { allowThirdParty: true, longestLifetime: LONGEST_GRANT, holdBack: seconds(0) };
    this.simulator = new Simulator(options, { unit: () => 0.5 }, this.clock.now());
  }

  static async after(errands: readonly Errand[], budget: Budget, steps: readonly Step[]): Promise<ExploredWorld> {
    const world = new ExploredWorld(errands, budget);
    // A server that restarts right after its start cannot be told from one that did not (RFC 6887 §8.5).
    await world.clock.advance(hours(1));
    await world.#starts();
    // The first question is always answered: what is explored begins with a server that is known.
    await world.#calms(seconds(1));
    for (const step of steps) await world.#take(step);
    return world;
  }

  /** What can happen next. */
  steps(): readonly Step[] {
    const { lost, doubled, kills, serverRestarts } = this.#budget;
    const steps: Step[] = [];
    if (this.#next < this.#errands.length) steps.push({ kind: 'ask' });
    for (const which of this.#packets.keys()) {
      steps.push({ kind: 'deliver', which });
      if (lost > 0) steps.push({ kind: 'lose', which });
      if (doubled > 0) steps.push({ kind: 'double', which });
    }
    if (this.#nextWakeIn() !== undefined) steps.push({ kind: 'pass' });
    if (kills > 0) steps.push({ kind: 'kill' });
    if (serverRestarts > 0) for (const keepsTable of [true, false]) steps.push({ kind: 'server restarts', keepsTable });
    return steps;
  }

  /** Worlds with the same text go on alike, as far as can be seen from outside of the client. */
  text(): string {
    const now = this.clock.now();
    const table = [...this.#table.all()].map(({ externalPort, state, upstream }) => {
      const { nonce, expiresAt, renewAt, window, assignedPort } = upstream;
      return [externalPort, state, nonce, assignedPort, between(now, expiresAt), between(now, renewAt), window];
    });
    const ledger = this.#table.ledger.all(now).map(({ internalPort, endsAt }) => [internalPort, between(now, endsAt)]);
    const owed = this.#table.ledger.owed(now).map(({ internalPort }) => internalPort);
    const server = this.simulator
      .mappings(now)
      .map((one) => [one.internalPort, one.externalPort, between(now, one.expiresAt ?? now)]);
    const packets = this.#packets.map(({ bytes, to, ours }) => [to, ours.port, Buffer.from(bytes).toString('hex')]);
    const wakes = this.#driver.wakes().map(({ who, wake }) => [who, wake.why, between(now, wake.at)]);
    const rest = [this.#budget, this.#next, [...this.#told], this.simulator.epoch(now)];
    return JSON.stringify([table, ledger, owed, server, packets, wakes, rest]);
  }

  /** What must never be so, at any moment. */
  wrongNow(): readonly string[] {
    const now = this.clock.now();
    const entries = [...this.#table.all()];
    const known = new Set([
      ...entries.map(({ upstream }) => upstream.internalPort),
      ...this.#table.ledger.all(now).map(({ internalPort }) => internalPort),
    ]);
    const unknown = this.simulator.mappings(now).filter(({ internalPort }) => !known.has(internalPort));
    const answered = new Set(this.#packets.filter(({ to }) => to === 'us').flatMap(({ bytes }) => portOfAnswer(bytes)));
    const idle = entries.filter(({ upstream, state }) => state !== 'deleting' && upstream.renewAt > upstream.expiresAt);
    return [
      ...unknown
        .filter(({ internalPort }) => !answered.has(internalPort))
        .map(({ internalPort }) => `the server holds ${internalPort}, and nobody knows of it`),
      ...idle.map(({ externalPort }) => `${externalPort} is promised, and nobody asks for it`),
    ];
  }

  /** Nothing goes wrong any more: what is left when all has been said? */
  async wrongWhenCalm(): Promise<readonly string[]> {
    await this.#calms(CALM);
    const now = this.clock.now();
    const held = this.simulator.mappings(now).map(({ externalPort }) => Number(externalPort));
    const entries = [...this.#table.all()].map(({ externalPort }) => Number(externalPort));
    const promised = [...this.#told].flatMap(([port, what]) => (what === 'open' ? [port] : []));
    const refused = [...this.#told].flatMap(([port, what]) => (what === 'closed' ? [port] : []));
    return [
      ...held.filter((port) => !entries.includes(port)).map((port) => `the server holds ${port} for nobody`),
      ...entries.filter((port) => !held.includes(port)).map((port) => `${port} is in the table, not at the server`),
      ...promised.filter((port) => !entries.includes(port)).map((port) => `${port} was promised and is gone`),
      ...refused.filter((port) => entries.includes(port)).map((port) => `${port} was closed and is open`),
    ];
  }

  ends(): void {
    this.#driver.close();
    this.#gateway?.stop();
  }

  async #take(step: Step): Promise<void> {
    switch (step.kind) {
      case 'ask':
        this.#ask();
        break;
      case 'deliver':
        for (const packet of this.#packets.splice(step.which, 1)) this.#arrives(packet);
        break;
      case 'lose':
        this.#packets.splice(step.which, 1);
        this.#budget = { ...this.#budget, lost: this.#budget.lost - 1 };
        break;
      case 'double': {
        const packet = this.#packets[step.which];
        if (packet !== undefined) this.#arrives(packet);
        this.#budget = { ...this.#budget, doubled: this.#budget.doubled - 1 };
        break;
      }
      case 'pass':
        await this.clock.advance(this.#nextWakeIn() ?? seconds(0));
        this.#packets = this.#packets.filter(({ sentAt }) => between(sentAt, this.clock.now()) <= PACKETS_LIVE);
        break;
      case 'kill':
        this.#budget = { ...this.#budget, kills: this.#budget.kills - 1 };
        await this.#dies();
        break;
      case 'server restarts':
        this.#budget = { ...this.#budget, serverRestarts: this.#budget.serverRestarts - 1 };
        this.#transmit(this.simulator.restart({ keepTable: step.keepsTable, announce: false }, this.clock.now()));
    }
    await settle();
    await settle();
  }

  #ask(): void {
    const errand = this.#errands[this.#next];
    const gateway = this.#gateway;
    this.#next += 1;
    if (errand === undefined || gateway === undefined) return;
    const life = this.#life;
    if ('open' in errand) {
      const port = errand.open;
      this.#told.set(port, 'asked');
      void gateway.openPort(ASKER, wishFor(port)).then(({ ok: isOpen }) => {
        if (life === this.#life) this.#told.set(port, isOpen ? 'open' : 'no');
      });
      return;
    }
    const port = errand.close;
    this.#told.set(port, 'asked');
    void gateway
      .closePort(ASKER, { protocol: 'TCP', externalPort: portNumber(port), remoteHost: '' })
      .then((closed) => {
        const isClosed = closed.ok || closed.error.reason === 'no such entry';
        if (life === this.#life) this.#told.set(port, isClosed ? 'closed' : 'no');
      });
  }

  #arrives({ bytes, to, ours }: Packet): void {
    if (to === 'us') this.#sockets.get(ours.port)?.datagram(bytes, SERVER);
    else this.#transmit(this.simulator.handleDatagram(bytes, ours, this.clock.now()));
  }

  #transmit(outputs: readonly SimulatorOutput[]): void {
    for (const output of outputs)
      if (output.kind === 'transmit')
        this.#packets.push({ bytes: output.bytes, to: 'us', ours: output.to, sentAt: this.clock.now() });
  }

  /** Of the core and of the client; the file's own looks at the clock are no steps of a story. */
  #nextWakeIn(): Duration | undefined {
    const next = this.#driver.wakes().find(({ who }) => who === 'core' || who === 'PCP');
    return next === undefined ? undefined : between(this.clock.now(), next.wake.at);
  }

  async #calms(span: Duration): Promise<void> {
    const deliverAll = async (): Promise<void> => {
      for (let count = 0; this.#packets.length > 0 && count < 1000; count += 1) {
        for (const packet of this.#packets.splice(0)) {
          this.#arrives(packet);
          await settle();
        }
        await settle();
      }
    };
    const until = this.clock.now() + span;
    await deliverAll();
    while (this.clock.now() < until) {
      const wait = this.#nextWakeIn() ?? span;
      await this.clock.advance(Math.min(Math.max(wait, 0), until - this.clock.now()) as Duration);
      await deliverAll();
    }
  }

  async #dies(): Promise<void> {
    this.ends();
    this.#sockets.clear();
    this.#files.failWith('failed');
    this.#files = new SimulatedFiles(this.#files.snapshot());
    // Who was not answered does not know; who asked for an answer gets none.
    this.#life += 1;
    await this.#starts();
  }

  async #starts(): Promise<void> {
    const { clock } = this;
    this.#table = new MappingTable();
    this.#driver = new Driver(clock);
    const [table, driver, files] = [this.#table, this.#driver, this.#files];
    const reading = () => ({ now: clock.now(), wall: clock.wallTime() });
    const file = new MappingFile({ files, directory: '/state', table, clock: reading, log: SILENT_LOG });
    const stored = await file.load();
    if (!stored.ok) throw new Error(stored.error.message);
    this.#session = await this.#opensSession(driver);
    const gateway = createGateway({
      table,
      pcp: this.#session,
      localNat: undefined,
      policy: () => ({ ...DEFAULT_POLICY, lans: [LAN] }),
      options: { ...DEFAULT_GATEWAY_OPTIONS, isTrustedNetwork: true, externalAddress: 'off' },
      now: () => clock.now(),
      wallTime: () => clock.wallTime(),
      random: { unit: () => 0.5, bytes: (count) => new Uint8Array(count) },
      drawNonce: nonceOf,
      log: SILENT_LOG,
      macOf: () => undefined,
      durable: () => file.settled(),
      diskProblem: () => undefined,
    });
    const core = driver.add<RunningGateway['machine'], RenewalOutput>('core', gateway.machine, (output) =>
      gateway.perform(output),
    );
    gateway.onWakeMoved(() => core.run(() => []));
    const onDisk = driver.add<MappingFile, MappingFileOutput>('file', file, (output) => file.perform(output));
    file.onWakeMoved(() => onDisk.run(() => []));
    this.#gateway = gateway;
    gateway.start(stored.value);
    await file.begin();
    await settle();
  }

  #opensSession(driver: Driver): Promise<PcpSession> {
    const { clock } = this;
    const sockets = this.#sockets;
    const open = async (options: { readonly peer?: Endpoint }, listener: UdpListener) => {
      // A port of its own in each life: what is sent to an earlier one reaches nobody.
      const local = { address: OUR_ADDRESS, port: 50_000 + this.#life };
      const isOurs = (): boolean => sockets.get(local.port) === listener;
      if (options.peer !== undefined) sockets.set(local.port, listener);
      const socket: UdpSocket = {
        local,
        send: (bytes) => {
          if (isOurs()) this.#packets.push({ bytes, to: 'server', ours: local, sentAt: clock.now() });
        },
        close: () => {
          if (isOurs()) sockets.delete(local.port);
        },
      };
      return ok(socket);
    };
    // Nothing changes in this network: nobody needs to look.
    const still = { now: () => clock.now(), wallTime: () => clock.wallTime(), wakeAt: () => () => {} };
    return createPcpSession({
      driver,
      tell: () => {},
      watch: new NetworkWatch(still, new Driver(still)),
      config: {
        servers: [{ kind: 'server', addresses: [{ host: SERVER.address.text, port: portNumber(SERVER.port) }] }],
        dhcpFile: '',
        emulatePreferFailure: false,
        natPmp: false,
        maxInFlight: 16,
        rate: 1000,
      },
      host: {
        clock,
        random: { unit: () => 0.5, bytes: (count) => new Uint8Array(count) },
        log: SILENT_LOG,
        udp: { open },
        files: this.#files,
        network: {
          interfaces: () => [],
          defaultRoute: async () => undefined,
          neighbours: async () => [],
          linkState: async () => undefined,
          resolve: async () => [],
        },
      },
    });
  }
}

const wishFor = (port: number): Wish => ({
  protocol: 'TCP',
  externalPort: portNumber(port),
  isExact: true,
  remoteHost: '',
  remotePeers: [],
  internalClient: HOST,
  internalPort: portNumber(port),
  description: '',
  leaseSeconds: 3600,
});

/** As the daemon does it with a secret: the same owner, the same nonce, in each life. */
function nonceOf(owner: string): Uint8Array {
  let hash = 0x811c_9dc5;
  for (const character of owner) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x0100_0193);
  return Uint8Array.from({ length: 32 }, (_, index) => (hash >>> (index % 24)) & 0xff);
}

/** RFC 6887 §11.1: the internal port of a MAP answer. */
function portOfAnswer(bytes: Uint8Array): readonly number[] {
  const isMapAnswer = bytes[0] === 2 && bytes[1] === 0x81 && bytes.length >= 60;
  return isMapAnswer ? [((bytes[40] ?? 0) << 8) | (bytes[41] ?? 0)] : [];
}
