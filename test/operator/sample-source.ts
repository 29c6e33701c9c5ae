// An operator source with rules of its own: mappings can be added and deleted, ports conflict, listeners hear of it.

import { ok, type Result, refused } from '../../src/base/result.ts';
import { type Duration, hours, milliseconds, minutes, seconds, type WallTime, wallTime } from '../../src/base/time.ts';
import { EventHistory, SAMPLE_EVERY } from '../../src/operator/event-history.ts';
import type { MappingView } from '../../src/operator/mapping-view.ts';
import type {
  AddedMapping,
  Emptied,
  MappingName,
  MappingOrder,
  OperatorListener,
  OperatorSource,
  OrderRefusal,
  ServerView,
  Snapshot,
} from '../../src/operator/operator-source.ts';

/** A Friday in November, 10:00 UTC. */
export const TEN_OCLOCK: WallTime = wallTime(Date.UTC(2026, 10, 20, 10, 0, 0));

export const sampleMapping = (changes: Partial<MappingView> = {}): MappingView => ({
  protocol: 'TCP',
  externalAddress: '198.51.100.7',
  externalPort: 6881,
  assignedPort: 6881,
  remoteHost: '',
  internalClient: '192.168.1.10',
  internalPort: 6881,
  hostName: 'desk-pc',
  description: 'Torrent client',
  madeBy: '192.168.1.10',
  userAgent: 'Linux/6.1 UPnP/1.1 MiniUPnPc/2.2.4',
  via: 'IGD:1',
  action: 'AddPortMapping',
  createdAt: wallTime(TEN_OCLOCK - hours(5)),
  leaseLeft: minutes(47),
  lifetimeLeft: minutes(58),
  renewIn: minutes(29),
  server: 'pcp:192.0.2.1',
  nat1Port: undefined,
  state: 'granted',
  reason: '',
  ...changes,
});

export const sampleServer = (changes: Partial<ServerView> = {}): ServerView => ({
  id: 'pcp:192.0.2.1',
  addresses: ['192.0.2.1'],
  isCurrent: true,
  health: 'up',
  healthFor: hours(5),
  version: 'PCP 2',
  roundTrip: milliseconds(12.4),
  abilities: { MAP: 'yes', THIRD_PARTY: 'yes', PREFER_FAILURE: 'yes', FILTER: 'no' },
  traffic: {
    sent: { map: 20, release: 2, announce: 1 },
    retransmissions: 3,
    unanswered: 1,
    results: new Map([
      [0, 18],
      [8, 2],
    ]),
    ignored: new Map([['wrong nonce', 1]]),
    roundTrips: { bounds: [milliseconds(10), milliseconds(20)], atMost: [4, 18], sum: milliseconds(260), count: 20 },
  },
  lastRefusal: undefined,
  ...changes,
});

export const sampleSnapshot = (changes: Partial<Snapshot> = {}): Snapshot => ({
  takenAt: TEN_OCLOCK,
  startedAt: wallTime(TEN_OCLOCK - hours(5)),
  version: '0.1.0',
  isDemo: false,
  lan: [
    {
      name: 'br-lan',
      address: '192.168.1.1',
      descriptionUrls: ['http://192.168.1.1:5000/igd1.xml', 'http://192.168.1.1:5000/igd2.xml'],
      problem: undefined,
    },
  ],
  wan: { interfaceName: 'wan', nat: 'none', natProblem: undefined, natCounts: undefined },
  doors: {
    searchesAnswered: 40,
    searchesIgnored: new Map([['not ours', 7]]),
    eventsDelivered: 12,
    eventsFailed: 2,
    subscriptionsRefused: 1,
    pcpStrangers: 4,
  },
  servers: [sampleServer()],
  noServerBecause: undefined,
  externalAddress: '198.51.100.7',
  externalAddressIsPublic: true,
  mappings: [
    sampleMapping(),
    sampleMapping({
      protocol: 'UDP',
      externalPort: 3074,
      assignedPort: 3074,
      internalClient: '192.168.1.23',
      internalPort: 3074,
      hostName: 'XBOX-Living-Room',
      description: 'Teredo <Xbox> & friends',
      madeBy: '192.168.1.23',
      leaseLeft: undefined,
      userAgent: '',
    }),
    sampleMapping({
      externalPort: 8443,
      assignedPort: 40122,
      internalClient: '192.168.1.40',
      internalPort: 443,
      hostName: undefined,
      description: 'NAS',
      madeBy: '192.168.1.1',
      action: 'operator',
      state: 'degraded',
      reason: 'open at port 40122 instead of 8443; the promised port is tried again',
    }),
  ],
  lost: [],
  maxMappings: 1024,
  releasesOwed: 0,
  diskProblem: undefined,
  subscribers: 2,
  wakes: [
    { who: 'renewals', why: 'renew TCP 6881', in: minutes(29) },
    { who: 'announcer', why: 'announce the gateway', in: minutes(12) },
  ],
  ...changes,
});

export const SAMPLES = 170;

export class SampleSource implements OperatorSource {
  now: Snapshot;
  readonly history = new EventHistory();
  readonly listeners = new Set<OperatorListener>();

  constructor(now: Snapshot = sampleSnapshot()) {
    this.now = now;
    for (let i = SAMPLES; i >= 0; i -= 1) {
      const at = wallTime(now.takenAt - i * SAMPLE_EVERY);
      const trip = i > 40 && i < 52 ? undefined : milliseconds(11 + 6 * Math.abs(Math.sin(i / 9)));
      this.history.sample({ at, mappings: i > 120 ? 1 : i > 60 ? 5 : 3, roundTrip: trip });
    }
    this.#tell(hours(5), 'daemon', 'igd2pcp 0.1.0 started', 'info');
    this.#tell(minutes(250), 'server', 'The PCP server 192.0.2.1 does not answer', 'warn');
    this.#tell(
      minutes(205),
      'server',
      'The PCP server 192.0.2.1 answers again; it had lost its state, 5 ports were opened again in 6 s',
      'info',
    );
    this.#tell(
      minutes(31),
      'granted',
      'TCP 6881 → desk-pc (192.168.1.10:6881) opened for "Torrent client", for 60 min',
      'info',
    );
    this.#tell(
      seconds(50),
      'refused',
      'UDP 53 for printer (192.168.1.66) refused: ports below 1024 are not given (policy.min_port)',
      'warn',
    );
  }

  #tell(ago: Duration, kind: 'daemon' | 'server' | 'granted' | 'refused', text: string, level: 'info' | 'warn'): void {
    this.history.add({ at: wallTime(this.now.takenAt - ago), kind, level, text });
  }

  snapshot(): Snapshot {
    return this.now;
  }

  lastDay() {
    return this.history.view(this.now.takenAt);
  }

  metrics(): string {
    return '# TYPE igd2pcp_info gauge\n';
  }

  listen(listener: OperatorListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  async addMapping(order: MappingOrder): Promise<Result<AddedMapping, OrderRefusal>> {
    const isTaken = (port: number): boolean =>
      this.now.mappings.some((view) => view.protocol === order.protocol && view.externalPort === port);
    if (isTaken(order.externalPort) && !order.anyPort) {
      return refused({ code: 718, message: `port ${order.externalPort} belongs to another host` });
    }
    const externalPort = isTaken(order.externalPort) || order.externalPort === 0 ? 50_000 : order.externalPort;
    const view = sampleMapping({
      ...order,
      externalPort,
      assignedPort: externalPort,
      internalClient: order.internalAddress,
      hostName: undefined,
      action: 'operator',
    });
    this.become({ mappings: [...this.now.mappings, view] });
    return ok({
      protocol: order.protocol,
      externalPort,
      remoteHost: order.remoteHost,
      externalAddress: '198.51.100.7',
    });
  }

  async deleteMapping(name: MappingName): Promise<Result<void, OrderRefusal>> {
    const isNamed = (view: MappingView): boolean =>
      view.protocol === name.protocol && view.externalPort === name.externalPort && view.remoteHost === name.remoteHost;
    if (!this.now.mappings.some(isNamed)) return refused({ code: 714, message: 'there is no such mapping' });
    this.become({ mappings: this.now.mappings.filter((view) => !isNamed(view)) });
    return ok(undefined);
  }

  async deleteAll(): Promise<Emptied> {
    const deleted = this.now.mappings.length;
    this.become({ mappings: [] });
    const left = { what: 'TCP for 192.0.2.9:7', server: '192.0.2.1', why: 'no answer', endsIn: seconds(3600) };
    return { deleted, left: [left] };
  }

  become(changes: Partial<Snapshot>): void {
    this.now = { ...this.now, ...changes };
    for (const listener of this.listeners) listener.changed();
  }
}
