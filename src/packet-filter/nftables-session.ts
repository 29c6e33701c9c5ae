// This box's NAT over the real `nft`: runs what the keeper asks for, one process at a time, and lets each request wait
// until its rule is in the kernel. Rules live in `packet-filter/`; here are only the process, the promises and the log.

import type { Driven, Driver } from '../base/drive.ts';
import type { Host, SoleUse } from '../base/host.ts';
import type { IpAddress } from '../base/ip-address.ts';
import { Periodic } from '../base/periodic.ts';
import type { PortNumber } from '../base/port-number.ts';
import { ok, type Result, refused, unreachable } from '../base/result.ts';
import { between, type Duration, type Instant, milliseconds, seconds } from '../base/time.ts';
import type { TransportProtocol } from '../base/transport-protocol.ts';
import type { LocalNat, Nat1Problem, Nat1Rule } from '../interworking/local-nat.ts';
import { forwardingAdvice, probeForwarding } from './firewall-probe.ts';
import { listeningPorts, Nat1Ports, SOCKET_TABLES } from './nat1-ports.ts';
import { type NftCall, type NftOutcome, nftListRuleset, nftSuccess } from './nft-program.ts';
import { isInterfaceName, type LanDoors, NFT_TABLE, type RulesetOptions } from './nft-ruleset.ts';
import { NftShell } from './nft-shell.ts';
import { type KeeperOutput, NftTableKeeper } from './nft-table-keeper.ts';
import { type OpenedTable, openNftTable } from './open-nft-table.ts';
import type { RequestId } from './rule-requests.ts';

export interface NftablesOptions extends Omit<RulesetOptions, 'doors'> {
  /** Undefined: not known yet; nothing can be applied until `wanAddressChanged`. */
  readonly wanAddress: IpAddress | undefined;
  /** As `LocalNat` is asked for it: about the external interface. */
  readonly obstacle: () => string | undefined;
}

/** Before the LAN side is open. */
const NO_DOORS: LanDoors = { interfaces: [], addresses: [], httpPorts: [] };

export interface NftablesFigures {
  readonly rules: number;
  readonly elements: number;
  readonly transactions: number;
  readonly failures: number;
  readonly lastTransaction: { readonly elements: number; readonly took: Duration } | undefined;
  /** Whether this kernel extends a timeout by adding the element again. */
  readonly addExtends: boolean;
  /** What surely keeps mapped ports from working, in a sentence: nft failed last time, or the firewall drops. */
  readonly problem: string | undefined;
}

/** Whoever mends the firewall wants to see soon that it helped; a firewall in order is looked at on a signal alone. */
const LOOK_AT_BAD_FIREWALL_EVERY = seconds(15);

/** Reading the socket tables takes long where there are thousands of connections: a burst of requests reads them once. */
const LISTENERS_KNOWN_FOR = seconds(1);

/** Without the protocols whose tables could not be read: about those, what was known before still stands. */
type ListeningPorts = readonly { readonly protocol: TransportProtocol; readonly ports: ReadonlySet<number> }[];

/** Makes or takes over our table. The error is a sentence for the person who starts the daemon. */
export async function startNftablesSession(
  host: Host,
  driver: Driver,
  options: NftablesOptions,
): Promise<Result<NftablesSession, string>> {
  const { wanInterface, hairpin } = options;
  if (wanInterface !== undefined && !isInterfaceName(wanInterface)) {
    return refused(`"${wanInterface}" is not an interface name`);
  }
  // The kernel's own "owner" flag would drop the table with the process; ours is to outlive it.
  const use = await host.soleUses.inNetwork(NFT_TABLE);
  if (use.kind === 'taken') {
    return refused(`another igd2pcp keeps nftables table ${NFT_TABLE}: only one here can have wan.nat = "nftables"`);
  }
  if (use.kind === 'impossible') host.log.warn(`another igd2pcp with nftables would not be noticed: ${use.message}`);
  const ruleset = { wanInterface, hairpin, doors: NO_DOORS };
  const shell = new NftShell(host);
  const opened = await openNftTable(
    ruleset,
    (call) => shell.run(call),
    () => host.clock.now(),
  );
  if (!opened.ok) {
    await giveBack(use);
    return refused(`nat = "nftables" needs a working nft, run as root or with CAP_NET_ADMIN: ${opened.error}`);
  }
  const session = new NftablesSession(host, driver, options, ruleset, shell, opened.value, use);
  // It only warns: nobody has to wait for that.
  void session.lookAtFirewall();
  return ok(session);
}

export class NftablesSession implements LocalNat {
  readonly #host: Host;
  readonly #run: (call: NftCall) => Promise<NftOutcome>;
  readonly #endShell: () => void;
  readonly obstacle: () => string | undefined;
  #ruleset: RulesetOptions;
  readonly #addExtends: boolean;
  readonly #soleUse: SoleUse;
  readonly #ports = new Nat1Ports();
  #listeners: { readonly since: Instant; readonly read: Promise<void> } | undefined;
  readonly #keeper: Driven<NftTableKeeper, KeeperOutput>;
  readonly #firewallWatch: { remove(): void };
  readonly #waiting = new Map<RequestId, (outcome: Result<void, Nat1Problem>) => void>();
  #requestsSoFar = 0;
  #transactions = 0;
  #failures = 0;
  #lastTransaction: NftablesFigures['lastTransaction'];
  #lastFailure: Nat1Problem | undefined;
  #firewallAdvice: string | undefined;
  #firewallProblem: string | undefined;

  constructor(
    host: Host,
    driver: Driver,
    options: NftablesOptions,
    ruleset: RulesetOptions,
    shell: NftShell,
    opened: OpenedTable,
    use: SoleUse,
  ) {
    this.#host = host;
    const kept = driver.add('nft process', shell, () => shell.close());
    // One at a time; the driver hears of the wake that follows.
    this.#run = async (call) => {
      const outcome = await shell.run(call);
      kept.run(() => []);
      return outcome;
    };
    this.#endShell = () => {
      kept.remove();
      shell.close();
    };
    this.obstacle = options.obstacle;
    this.#ruleset = ruleset;
    this.#soleUse = use;
    this.#addExtends = opened.addExtends;
    const again = new Periodic(LOOK_AT_BAD_FIREWALL_EVERY, 'see whether the firewall was mended', host.clock.now());
    this.#firewallWatch = driver.add('firewall', again, () => {
      if (this.#firewallProblem !== undefined) void this.lookAtFirewall();
    });
    const keeper = new NftTableKeeper(ruleset, opened, options.wanAddress, host.clock.now());
    this.#keeper = driver.add('nftables', keeper, (output: KeeperOutput) => this.#perform(output));
  }

  async reserve(protocol: TransportProtocol, wished: PortNumber): Promise<PortNumber | undefined> {
    await this.#knowListeners();
    return this.#ports.reserve(protocol, wished);
  }

  reserveExactly(protocol: TransportProtocol, port: PortNumber): boolean {
    return this.#ports.reserveExactly(protocol, port);
  }

  unreserve(protocol: TransportProtocol, port: PortNumber): void {
    this.#ports.unreserve(protocol, port);
  }

  apply(rule: Nat1Rule, validFor: Duration): Promise<Result<void, Nat1Problem>> {
    return this.#ask((id) => this.#keeper.run((keeper, now) => keeper.handleApply(id, rule, validFor, now)));
  }

  remove(rule: Nat1Rule): Promise<Result<void, Nat1Problem>> {
    return this.#ask((id) => this.#keeper.run((keeper, now) => keeper.handleRemove(id, rule, now)));
  }

  /** All rules move along; old ones are gone from the kernel in the same transaction. */
  wanAddressChanged(address: IpAddress): void {
    this.#keeper.run((keeper, now) => keeper.handleWanAddress(address, now));
  }

  /** Rules are for one interface: they are rewritten, and what is open stays open. */
  wanInterfaceChanged(wanInterface: string): void {
    if (isInterfaceName(wanInterface)) this.#use({ ...this.#ruleset, wanInterface });
    else this.#host.log.error(`no port can be opened: "${wanInterface}" cannot be written as an interface name`);
    void this.lookAtFirewall();
  }

  /** Where our own servers are reached from now on. */
  guard(doors: LanDoors): void {
    this.#use({ ...this.#ruleset, doors });
  }

  /** On a signal: compares the kernel's table with what it should be, and puts it right. */
  async check(): Promise<Result<void, Nat1Problem>> {
    await this.lookAtFirewall();
    return this.#ask((id) => this.#keeper.run((keeper, now) => keeper.handleCheck(id, now)));
  }

  /** Removes the table (`--flush-on-exit`). Without it the rules stay until they time out. */
  async flush(): Promise<Result<void, Nat1Problem>> {
    const outcome = await this.#ask((id) => this.#keeper.run((keeper, now) => keeper.handleFlush(id, now)));
    this.close();
    return outcome;
  }

  /** No more checks; the kernel keeps its elements until they time out. */
  close(): void {
    this.#keeper.remove();
    this.#firewallWatch.remove();
    this.#endShell();
    void giveBack(this.#soleUse);
    for (const settle of this.#waiting.values()) settle(refused('the daemon ends'));
    this.#waiting.clear();
  }

  figures(): NftablesFigures {
    return {
      rules: this.#keeper.machine.ruleCount,
      elements: this.#keeper.machine.elementCount,
      transactions: this.#transactions,
      failures: this.#failures,
      lastTransaction: this.#lastTransaction,
      addExtends: this.#addExtends,
      problem: this.#lastFailure ?? this.#firewallProblem,
    };
  }

  /** Warns once when the firewall would drop what we send inwards, and again when that changes. */
  async lookAtFirewall(): Promise<void> {
    const listed = nftSuccess(await this.#run(nftListRuleset()));
    const { wanInterface } = this.#ruleset;
    if (wanInterface === undefined) return;
    const verdict = listed.ok ? probeForwarding(listed.value, wanInterface) : ({ kind: 'unreadable' } as const);
    const advice = forwardingAdvice(verdict);
    if (advice !== undefined && advice !== this.#firewallAdvice) this.#host.log.warn(advice);
    this.#firewallAdvice = advice;
    this.#firewallProblem = verdict.kind === 'dropped' ? advice : undefined;
  }

  /** Programs of this box start and end as they like: a service that came a moment ago must not be cut off. */
  #knowListeners(): Promise<void> {
    const now = this.#host.clock.now();
    if (this.#listeners === undefined || between(this.#listeners.since, now) >= LISTENERS_KNOWN_FOR) {
      const read = readListeningPorts(this.#host).then((listening) => {
        for (const { protocol, ports } of listening) this.#ports.setListening(protocol, ports);
      });
      this.#listeners = { since: now, read };
    }
    return this.#listeners.read;
  }

  #use(ruleset: RulesetOptions): void {
    this.#ruleset = ruleset;
    this.#keeper.run((keeper, now) => keeper.handleRuleset(ruleset, now));
  }

  #ask(start: (id: RequestId) => void): Promise<Result<void, Nat1Problem>> {
    this.#requestsSoFar += 1;
    const id = this.#requestsSoFar;
    return new Promise((settle) => {
      this.#waiting.set(id, settle);
      start(id);
    });
  }

  #perform(output: KeeperOutput): void {
    switch (output.kind) {
      case 'run nft':
        void this.#runNft(output.call, output.changes);
        return;
      case 'settled':
        this.#waiting.get(output.request)?.(output.outcome);
        this.#waiting.delete(output.request);
        return;
      case 'put back':
        this.#host.log.warn(`somebody changed table inet igd2pcp: ${output.what}`);
        return;
      case 'nft failed':
        this.#failures += 1;
        this.#lastFailure = output.problem;
        this.#host.log.error(output.problem);
        return;
      default:
        unreachable(output);
    }
  }

  async #runNft(call: NftCall, elements: number): Promise<void> {
    const startedAt = this.#host.clock.now();
    const outcome = await this.#run(call);
    const endedAt = this.#host.clock.now();
    if (nftSuccess(outcome).ok) this.#lastFailure = undefined;
    if (elements > 0) {
      this.#transactions += 1;
      this.#lastTransaction = { elements, took: milliseconds(between(startedAt, endedAt)) };
      this.#host.log.debug('nft transaction', { elements, milliseconds: this.#lastTransaction.took });
    }
    this.#keeper.run((keeper, now) => keeper.handleNft(outcome, now));
  }
}

const giveBack = async (use: SoleUse): Promise<void> => {
  if (use.kind === 'mine') await use.giveBack();
};

/** On which ports programs of this box wait for the outside. */
async function readListeningPorts({ files }: Host): Promise<ListeningPorts> {
  const ofProtocol = async (protocol: TransportProtocol) => {
    const tables = await Promise.all(SOCKET_TABLES[protocol].map((path) => files.read(path)));
    // A kernel without IPv6 has no table of it.
    if (tables.some((table) => !table.ok && table.error.kind !== 'missing')) return [];
    const ports = tables.flatMap((table) => (table.ok ? [...listeningPorts(protocol, table.value)] : []));
    return [{ protocol, ports: new Set(ports) }];
  };
  return (await Promise.all([ofProtocol('TCP'), ofProtocol('UDP')])).flat();
}
