// A random walk of the whole system: control points, the operator, the weather, restarts of either side, changes of the
// WAN, hosts that come and go, step by step from a seed. After each step what must always hold is looked at, and after
// each calm everything.

import { after, type Duration, type Instant, instant, minutes, seconds } from '../../src/base/time.ts';
import { internalKeyText, type SimulatedMapping } from '../../src/simulator/served-mappings.ts';
import { brokenPromises, disagreements, leaksAndLosses, orphanedNonces } from './agreement.ts';
import { CARRIER, type DaemonWorld, macOf, WAN } from './daemon-world.ts';
import type { LanComputer } from './lan-computer.ts';
import type { Wish } from './lan-wish.ts';
import { seededRandom } from './seeded-random.ts';

const COMPUTERS = ['192.168.1.20', '192.168.1.21', '192.168.1.22'];
/** Asks for nothing itself. */
const SERVER = '192.168.1.50';
const LEASES = [0, 60, 300, 3600, 604_800];
const PROTOCOLS = ['TCP', 'UDP'] as const;
const WAN_ADDRESSES = [WAN, '100.64.1.7', '100.64.1.8'];
const LIFETIMES = [120, 600] as const;
const MANY = 1000;
const RESTART_TAKES = seconds(5);
const REMOTE_HOSTS = ['', '', '', '198.51.100.9'];
/** A silent restart shows within a minute; holds of short errors, recoveries and late deletes are over. */
const QUIET = minutes(4);
/** Longer than any grant and every hold, and two of the longest waits between attempts for a published port. */
const CALM = minutes(125);

export class DaemonWalk {
  readonly world: DaemonWorld;
  readonly #unit: () => number;
  readonly #orphans = new Set<string>();
  readonly #moved = new Set<string>();
  #restartedAt: Instant = instant(0);
  readonly #computers: readonly LanComputer[];
  /** What happened lately, for who has to find out why it failed. */
  readonly story: string[] = [];
  steps = 0;
  answers = 0;

  constructor(world: DaemonWorld, seed: number) {
    this.world = world;
    this.#unit = seededRandom(seed).unit;
    this.#computers = COMPUTERS.flatMap((address) => [world.computer(address, 1), world.computer(address, 2)]);
    this.#everybodyIsAtHome();
  }

  /** What is wrong after it; empty: nothing. */
  async step(): Promise<readonly string[]> {
    this.steps += 1;
    const dice = this.#unit();
    if (dice < 0.6) this.#somebodyAsks();
    else if (dice < 0.75) this.#carrierMisbehaves();
    else if (dice < 0.78) await this.#boxHasTrouble();
    else if (dice < 0.8) this.#wanChanges();
    else if (dice < 0.82) this.#hostsMove();
    else if (dice < 0.97) await this.#timePasses(this.#unit() * 8);
    else await this.#timePasses(this.#unit() * 1500);
    await this.world.passes(seconds(0));
    return [...brokenPromises(this.world), ...this.#oddRows()];
  }

  /** Everybody is well and stays so for a while; what is wrong then. */
  async calm(): Promise<readonly string[]> {
    const { world } = this;
    this.#tell('calm');
    world.carrier.behaves({ loss: 0, duplicates: 0, reordering: 0, delay: seconds(0), silent: false });
    world.carrier.simulator.setOptions({ quotaPerClient: MANY, maxMappings: MANY });
    for (const port of this.#ports()) for (const protocol of PROTOCOLS) world.carrier.takesBack(port, protocol);
    if (world.wanAddress === undefined) world.wanComesUp(WAN);
    this.#everybodyIsAtHome();
    await world.passes(QUIET);
    const early = leaksAndLosses(world, this.#orphans, this.#moved);
    if (early.length > 0) return early;
    this.#moved.clear();
    await world.passes(CALM);
    world.promises.doubtsAreSettledBy(world.table());
    const unsettled = world.tableText().filter((row) => !row.endsWith(' granted'));
    return [...(await disagreements(world)), ...unsettled.map((row) => `not settled: ${row}`)];
  }

  #somebodyAsks(): void {
    const computer = this.#pick(this.#computers);
    const wish: Wish = {
      external: this.#port(),
      internal: 7000 + this.#upTo(6),
      protocol: this.#pick(PROTOCOLS),
      lease: this.#pick(LEASES),
      remoteHost: this.#pick(REMOTE_HOSTS),
    };
    const { protocol = 'TCP', external } = wish;
    const dice = this.#unit();
    const who = `${computer.address} :${computer.igd}`;
    const what = `${protocol} ${external} → ${wish.internal} from "${wish.remoteHost}" for ${wish.lease}`;
    if (dice < 0.45) this.#hear(`${who} adds ${what}`, computer.asksToAdd(wish));
    else if (dice < 0.6 && computer.igd === 2) this.#hear(`${who} adds any ${what}`, computer.asksToAddAny(wish));
    else if (dice < 0.82) this.#hear(`${who} deletes ${protocol} ${external}`, computer.asksToDelete(wish));
    else if (dice < 0.86 && computer.igd === 2)
      this.#hear(`${who} deletes ${protocol} to ${external}`, computer.asksToDeleteRange(5000, external, protocol));
    else if (dice < 0.9) this.#hear(`${who} asks for the address`, computer.asks('GetExternalIPAddress', []));
    else if (dice < 0.95) this.#operatorActs(wish);
    else this.#hear(`${who} asks for the status`, computer.asks('GetStatusInfo', []));
  }

  /** Maps for a host of its own: what it would change of somebody else's entry, nobody would be told. */
  #operatorActs({ external, protocol = 'TCP', internal = 1 }: Wish): void {
    const { operator } = this.world.daemon;
    const name = { protocol, externalPort: external, remoteHost: '' };
    const terms = {
      internalAddress: SERVER,
      internalPort: internal,
      leaseSeconds: 300,
      anyPort: false,
      description: '',
    };
    if (this.#unit() < 0.5)
      this.#hear(`operator adds ${protocol} ${external}`, operator.addMapping({ ...name, ...terms }));
    else this.#hear(`operator deletes ${protocol} ${external}`, operator.deleteMapping(name));
  }

  #carrierMisbehaves(): void {
    const { carrier } = this.world;
    const port = this.#port();
    const protocol = this.#pick(PROTOCOLS);
    const held = carrier.mappings().filter(({ client }) => client?.address.text === this.world.wanAddress);
    const one = held[this.#upTo(held.length)];
    const elsewhere = 6000 + this.#upTo(1000);
    const deeds: readonly (readonly [string, () => void])[] = [
      // A late copy of a deletion whose answer is lost, too, nobody can notice before the next renewal.
      ['carrier loses a third', () => carrier.behaves({ loss: 0.3, duplicates: 0.3, reordering: 0 })],
      ['carrier mixes up a third', () => carrier.behaves({ loss: 0, duplicates: 0.3, reordering: 0.3 })],
      [
        'carrier is well',
        () => carrier.behaves({ loss: 0, duplicates: 0, reordering: 0, delay: seconds(0), silent: false }),
      ],
      ['carrier is slow', () => carrier.behaves({ delay: seconds(0.1 + this.#unit() * 3) })],
      ['carrier is silent', () => carrier.behaves({ silent: true })],
      ['carrier speaks', () => carrier.behaves({ silent: false })],
      ['carrier speaks', () => carrier.behaves({ silent: false })],
      [
        'carrier is full',
        () => carrier.simulator.setOptions({ quotaPerClient: this.#pick([0, MANY]), maxMappings: 0 }),
      ],
      ['carrier has room', () => carrier.simulator.setOptions({ quotaPerClient: MANY, maxMappings: MANY })],
      [
        'carrier grants less or more',
        () => carrier.simulator.setOptions({ longestLifetime: seconds(this.#pick(LIFETIMES)) }),
      ],
      [`carrier gives ${protocol} ${port} away`, () => this.#giveAway(port, protocol)],
      [`carrier has ${protocol} ${port} again`, () => carrier.takesBack(port, protocol)],
      ['carrier restarts and says so', () => this.#carrierRestarts(true)],
      ['carrier restarts in silence', () => this.#carrierRestarts(false)],
      [
        'carrier has another address',
        () =>
          carrier.changesAddress(
            `1.2.3.${4 + this.#upTo(5)}`,
            this.#pick(['mapping updates', 'restart announcement', 'nothing']),
          ),
      ],
      ['carrier moves a mapping', () => this.#touch(one, (port, of) => carrier.moves(port, elsewhere, of))],
      ['carrier revokes a mapping', () => this.#touch(one, (port, of) => carrier.revokes(port, of))],
    ];
    const [what, doIt] = this.#pick(deeds);
    this.#tell(what);
    doIt();
  }

  /** Two restarts within a second show the same epoch: whoever mapped in between has no way to know. */
  #carrierRestarts(announce: boolean): void {
    const { carrier, clock } = this.world;
    const keepTable = this.#unit() < 0.4;
    if (clock.now() < after(this.#restartedAt, RESTART_TAKES)) return;
    this.#restartedAt = clock.now();
    carrier.restarts({ announce, keepTable });
  }

  #touch(one: SimulatedMapping | undefined, doIt: (port: number, of: 'TCP' | 'UDP') => void): void {
    if (one === undefined) return;
    this.#moved.add(internalKeyText(one));
    doIt(one.externalPort, one.protocol);
  }

  /** A port in use cannot be another's. */
  #giveAway(port: number, protocol: 'TCP' | 'UDP'): void {
    const { carrier } = this.world;
    const isFree = carrier.mappings().every((row) => row.externalPort !== port || row.protocol !== protocol);
    if (isFree) carrier.givesAway(port, protocol);
  }

  async #boxHasTrouble(): Promise<void> {
    const { world } = this;
    const dice = this.#unit();
    if (dice < 0.5) {
      this.#tell('kill -9');
      await this.#crashes(seconds(this.#unit() * 20));
    } else if (dice < 0.7) {
      this.#tell('kill -9 at the next effect');
      world.process.killAfterEffects(1 + this.#upTo(6));
      this.#somebodyAsks();
      await world.passes(seconds(5));
      await this.#crashes(seconds(1));
    } else if (dice < 0.8) {
      this.#tell('orderly restart');
      await world.stops();
      await this.#crashes(seconds(1));
    } else {
      this.#tell('somebody flushes the firewall');
      world.nft.table = undefined;
    }
  }

  async #crashes(downFor: Duration): Promise<void> {
    const { world } = this;
    world.kill();
    await world.passes(downFor);
    await world.starts();
    for (const nonce of orphanedNonces(world)) this.#orphans.add(nonce);
    await world.passes(seconds(1));
  }

  #wanChanges(): void {
    if (this.#unit() < 0.4) {
      this.#tell('WAN down');
      this.world.wanGoesDown();
      return;
    }
    const address = this.#pick(WAN_ADDRESSES);
    this.#tell(`WAN up as ${address}`);
    this.world.wanComesUp(address, CARRIER);
  }

  #hostsMove(): void {
    const gone = this.#unit() < 0.5 ? this.#pick(COMPUTERS) : undefined;
    this.#tell(gone === undefined ? 'everybody is at home' : `${gone} leaves`);
    this.#everybodyIsAtHome();
    if (gone === undefined) return;
    this.world.leasesAre(Object.fromEntries(COMPUTERS.filter((one) => one !== gone).map((one) => [one, macOf(one)])));
    this.world.isGone(gone);
  }

  #everybodyIsAtHome(): void {
    this.world.leasesAre(Object.fromEntries(COMPUTERS.map((one) => [one, macOf(one)])));
    for (const one of COMPUTERS) this.world.isSeen(one, macOf(one));
  }

  #timePasses(count: number): Promise<void> {
    this.#tell(`${count.toFixed(1)} s`);
    return this.world.passes(seconds(count));
  }

  /** Of the table alone, at any moment. */
  #oddRows(): readonly string[] {
    const rows = this.world.table();
    const ended = rows.filter((row) => (row.state !== 'waiting' && row.lifetimeLeft <= 0) || (row.leaseLeft ?? 1) <= 0);
    const places = rows.map((row) => `${row.protocol} ${row.nat1Port ?? `${row.internalClient}:${row.internalPort}`}`);
    const doubled = places.filter((place, index) => places.indexOf(place) !== index);
    return [...ended.map((row) => `ended and there: ${row.protocol} ${row.externalPort}`), ...doubled];
  }

  #hear(what: string, answer: Promise<unknown>): void {
    this.#tell(what);
    void answer.then(() => {
      this.answers += 1;
    });
  }

  #tell(what: string): void {
    this.story.push(`${(this.world.clock.now() / 1000).toFixed(1)} ${what}`);
  }

  #ports = (): readonly number[] => Array.from({ length: 12 }, (_, index) => 5000 + index);
  #port = (): number => 5000 + this.#upTo(12);
  #upTo = (count: number): number => Math.floor(this.#unit() * count);
  #pick<T>(items: readonly T[]): T {
    return items[this.#upTo(items.length)] as T;
  }
}
