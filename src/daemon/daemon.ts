// The running process put together: who listens to whom, in which order things start, and how they end.
// No rule of a protocol lives here; each part is made by its own room and handed what it needs.

import type { Driver } from '../base/drive.ts';
import type { Host } from '../base/host.ts';
import type { HttpRequest } from '../base/http.ts';
import { NetworkWatch } from '../base/network-watch.ts';
import { Periodic } from '../base/periodic.ts';
import { ok, type Result, refused } from '../base/result.ts';
import { type Duration, seconds } from '../base/time.ts';
import type { Config } from '../config/config.ts';
import { createGateway, type RunningGateway } from '../interworking/create-gateway.ts';
import type { DescriptorTexts } from '../lan/igd/igd-descriptors.ts';
import { LanHosts } from '../lan/lan-hosts.ts';
import { LanSide, NO_LAN_COUNTS } from '../lan/lan-side.ts';
import { AdminDoors } from '../operator/admin-doors.ts';
import { SAMPLE_EVERY } from '../operator/event-history.ts';
import { HistoryKeeper } from '../operator/history-keeper.ts';
import { MappingMetrics } from '../operator/mapping-metrics.ts';
import { Metrics, type ProcessFigures } from '../operator/metrics.ts';
import type { OperatorSource } from '../operator/operator-source.ts';
import { presentationAnswer } from '../operator/presentation-page.ts';
import type { ControlEvent } from '../upnp/control/control-endpoint.ts';
import { createPcpSession, type PcpSession } from '../upstream/pcp-session.ts';
import { objectionToLans } from './config-on-this-box.ts';
import { gatewayOptionsOf, policyOf } from './gateway-settings.ts';
import { createOperatorView } from './operator-view.ts';
import { reload } from './reload.ts';
import { ServerViews } from './server-views.ts';
import { openStateDirectory, type StateDirectory } from './state-directory.ts';
import { WanSide } from './wan-side.ts';

export interface DaemonParts {
  readonly host: Host;
  readonly driver: Driver;
  readonly config: Config;
  readonly descriptors: DescriptorTexts;
  readonly version: string;
  /** Everything on this one machine: mappings go when the daemon does. */
  readonly isDemo: boolean;
  readonly processFigures: () => ProcessFigures;
}

/** Longer than a carrier takes to answer, shorter than the two seconds a person waits after Ctrl-C. */
const RELEASE_WITHIN = seconds(1.5);

export class Daemon {
  readonly #parts: DaemonParts;
  readonly #state: StateDirectory;
  readonly #history: HistoryKeeper;
  readonly #metrics = new Metrics();
  readonly #mappingMetrics = new MappingMetrics(this.#metrics);
  readonly #hosts: LanHosts;
  readonly #serverViews = new ServerViews();
  readonly #operator: OperatorSource;
  readonly #watch: NetworkWatch;
  readonly #wan: WanSide;
  readonly #pcp: PcpSession;
  readonly #gateway: RunningGateway;
  #config: Config;
  #lan: LanSide | undefined;
  #admin: AdminDoors | undefined;

  private constructor(
    parts: DaemonParts,
    state: StateDirectory,
    hosts: LanHosts,
    history: HistoryKeeper,
    watch: NetworkWatch,
    wan: WanSide,
    pcp: PcpSession,
  ) {
    const { host, driver, config } = parts;
    this.#parts = parts;
    this.#config = config;
    this.#watch = watch;
    this.#wan = wan;
    this.#pcp = pcp;
    this.#hosts = hosts;
    this.#history = history;
    this.#state = state;
    const { table, file } = state;
    this.#gateway = createGateway({
      table,

      pcp,
      localNat: wan.nat,
      policy: () => policyOf(this.#config, this.#lan?.lans() ?? []),
      options: gatewayOptionsOf(config, config.pcp.trusted || parts.isDemo),
      now: () => host.clock.now(),
      wallTime: () => host.clock.wallTime(),
      random: host.random,
      drawNonce: (owner) => host.keyedHash(state.identity.nonceSecret, owner),
      log: host.log,
      macOf: (address) => this.#hosts.macOf(address),
      durable: () => file.settled(),
      diskProblem: () => (file.isFailing ? file.problem : undefined),
    });
    this.#operator = this.#createOperatorView();
    const gateway = driver.add('mappings', this.#gateway.machine, (output) => this.#gateway.perform(output));
    this.#gateway.onWakeMoved(() => gateway.run(() => []));
    const drivenFile = driver.add('mapping file', file, (output) => file.perform(output));
    file.onWakeMoved(() => drivenFile.run(() => []));
  }

  /** The error is a sentence for the person who starts the daemon: what was wrong and what to mend. */
  static async start(parts: DaemonParts): Promise<Result<Daemon, string>> {
    const { host, driver, config } = parts;
    // First of all, because it is taken where a daemon runs already: whose state, NAT and LAN are not to be touched.
    const admin = await AdminDoors.open(host, config);
    if (!admin.ok) return admin;
    const stranger = parts.isDemo ? undefined : await objectionToLans(host, config);
    if (stranger !== undefined) {
      await admin.value.close();
      return refused(stranger);
    }
    const state = await openStateDirectory(host, config.state.directory);
    if (!state.ok) {
      await admin.value.close();
      return state;
    }
    const wan = await WanSide.open(host, driver, config);
    if (!wan.ok) {
      await Promise.all([state.value.giveBack(), admin.value.close()]);
      return wan;
    }
    const hosts = new LanHosts(host, config.hosts.dhcpLeases);
    const history = new HistoryKeeper(host.clock, host.log, (address) => hosts.nameOf(address));
    const tell = (level: 'info' | 'warn', sentence: string): void => history.tell('server', level, sentence);
    const watch = new NetworkWatch(host.clock, driver);
    // Before all others: they go by what the external interface is.
    watch.follow(() => wan.value.look());
    const onlyIPv4 = config.wan.nat === 'nftables';
    const pcp = await createPcpSession({ host, driver, config: { ...config.pcp, onlyIPv4 }, watch, tell });
    wan.value.askedFrom(pcp.sourceAddress());
    const daemon = new Daemon(parts, state.value, hosts, history, watch, wan.value, pcp);
    daemon.#admin = admin.value;
    await daemon.#restore();
    const lan = await LanSide.open({
      ...parts,
      watch,
      identity: state.value.identity,
      gateway: daemon.#gateway,
      wanInterface: () => wan.value.interfaceName,
      machineOf: (address) => hosts.machineOf(address),
      presentation: (request) =>
        presentationAnswer(request, daemon.#operator.snapshot(), daemon.#config.lan.friendlyName, host.random),
      prepare: (request) => daemon.#prepare(request),
      observe: (event) => daemon.#observe(event),
      turnedAway: (why) => daemon.#metrics.datagramIgnored('http', why),
    });
    if (!lan.ok) {
      await daemon.close();
      return lan;
    }
    daemon.#lan = lan.value;
    lan.value.onServed((doors) => wan.value.nat?.guard(doors));
    admin.value.serve(daemon.#operator);
    daemon.#listen();
    return ok(daemon);
  }

  get operator(): OperatorSource {
    return this.#operator;
  }

  descriptionUrls(): readonly string[] {
    return this.#lan?.views().flatMap((view) => view.descriptionUrls) ?? [];
  }

  pageUrl(): string | undefined {
    return this.#admin?.pageUrl();
  }

  /** A configuration that was read again: what can change does, the rest is named. */
  async reload(config: Config): Promise<void> {
    const { log } = this.#parts.host;
    const { config: reloaded, changed, late } = reload(this.#config, config);
    if (late.length > 0) log.warn(`these changes wait for a restart: ${late.join(', ')}`);
    this.#config = reloaded;
    this.#hosts.useLeaseFile(config.hosts.dhcpLeases);
    await this.#wan.useInterface(config.wan.interface);
    this.#lan?.useInterfaces(config.lan.interfaces);
    const problem = await this.#admin?.readToken(config.admin.tokenFile);
    if (problem !== undefined) log.warn(problem);
    this.#gateway.policyChanged();
    log.info(changed.length === 0 ? 'configuration read again: nothing to change' : `changed: ${changed.join(', ')}`);
    await this.check();
  }

  /** Looks at once at everything that is otherwise looked at now and then: after a firewall reload, a new WAN address. */
  async check(): Promise<void> {
    this.#pcp.reconsider();
    await this.#watch.look();
    const kernel = await this.#wan.nat?.check();
    if (kernel?.ok === false) this.#parts.host.log.error(kernel.error);
  }

  /** Says goodbye on the LAN, leaves mappings for the next start (a demo deletes them), ends within two seconds. */
  async close(): Promise<void> {
    await Promise.all([this.#lan?.close(), this.#admin?.close()]);
    if (this.#parts.isDemo) await this.#gateway.close(RELEASE_WITHIN);
    else this.#gateway.stop();
    // Before the last write: what was asked for and is not answered yet is owed to the server.
    this.#pcp.close();
    await this.#state.file.close();
    await this.#wan.close(this.#config.wan.flushOnExit);
    await this.#state.giveBack();
  }

  async #restore(): Promise<void> {
    const { host } = this.#parts;
    const { table, file, stored } = this.#state;
    table.listen((changes) => {
      this.#history.tableChanged(changes);
      this.#mappingMetrics.tableChanged(changes, host.clock.now());
      this.#lan?.publishChanges();
    });
    this.#gateway.start(stored);
    await file.begin();
    await this.#hosts.look();
  }

  #listen(): void {
    const { host, driver } = this.#parts;
    const { clock } = host;
    this.#gateway.onKnownChanged(() => {
      this.#lan?.publishChanges();
      this.#history.changed();
    });
    this.#gateway.onRefusal(({ who, wish, no }) => {
      this.#metrics.mappingRefused(no.reason);
      const what = `${wish.protocol} ${wish.externalPort} → ${wish.internalClient}:${wish.internalPort}`;
      this.#history.refused(`${what} refused to ${who}: ${no.why}`, who.text);
    });
    this.#pcp.listen({
      serverLostState: () => {
        this.#metrics.serverLostState();
        this.#history.changed();
      },
      mappingUpdated() {},
      withdrawal() {},
      serverChanged: () => this.#history.changed(),
      sourceAddressChanged: (address) => this.#wan.askedFrom(address),
      healthChanged: () => {
        this.#serverViews.note(this.#pcp.view(), clock.now());
        this.#history.changed();
      },
    });
    this.#watch.follow(async () => this.#gateway.hostsSeen(await this.#hosts.look()));
    const samples = new Periodic(SAMPLE_EVERY, 'take a sample for the history', clock.now());
    driver.add('history', samples, () => this.#sample());
    this.#sample();
  }

  #sample(): void {
    this.#history.sample(this.#state.table.size, this.#medianRoundTrip());
  }

  #medianRoundTrip(): Duration | undefined {
    const current = this.#pcp.currentServer();
    return this.#pcp.view().find((server) => server.id === current)?.counters.medianRoundTrip;
  }

  #observe(event: ControlEvent): void {
    if (event.kind === 'turned away') {
      this.#metrics.datagramIgnored('http', event.why);
      return;
    }
    const result = event.kind === 'answered' ? 'ok' : String(event.code);
    this.#metrics.upnpAnswered(event.action === '' ? 'unknown' : event.action, result, event.took);
  }

  async #prepare(request: HttpRequest): Promise<void> {
    if (request.method === 'POST' || request.method === 'SUBSCRIBE') await this.#hosts.meet(request.peer.address);
  }

  #createOperatorView(): OperatorSource {
    const { host, driver, version, isDemo, processFigures } = this.#parts;
    return createOperatorView({
      clock: host.clock,
      driver,
      version,
      isDemo,
      startedAt: host.clock.wallTime(),
      table: this.#state.table,
      diskProblem: () => {
        const { problem, isFailing } = this.#state.file;
        return problem === undefined ? undefined : { what: problem, refusesPorts: isFailing };
      },
      gateway: this.#gateway,
      history: this.#history,
      metrics: this.#metrics,
      maxMappings: () => this.#config.policy.maxMappings,
      nameOfHost: (address) => this.#hosts.nameOf(address),
      servers: (now) => this.#serverViews.of(this.#pcp.view(), this.#pcp.currentServer(), now),
      noServerBecause: () => this.#pcp.noServerBecause(),
      lan: () => this.#lan?.views() ?? [],
      wan: () => this.#wan.view(),
      subscribers: () => this.#lan?.subscribers() ?? 0,
      doors: () => ({ ...(this.#lan?.counts() ?? NO_LAN_COUNTS), pcpStrangers: this.#pcp.strangers() }),
      processFigures,
    });
  }
}
