// The daemon as the operator's pages want it: plain data, taken fresh each time, and the two things the person at the
// box may do. Reads from the parts, decides nothing.

import type { Driver } from '../base/drive.ts';
import type { Clock } from '../base/host.ts';
import { IpAddress } from '../base/ip-address.ts';
import { isPublicIPv4 } from '../base/ip-prefix.ts';
import { isPortNumber } from '../base/port-number.ts';
import { ok, type Result, refused } from '../base/result.ts';
import { between, type Instant, type WallTime } from '../base/time.ts';
import type { RunningGateway } from '../interworking/create-gateway.ts';
import type { Asker, Wish } from '../interworking/gateway.ts';
import type { Refusal } from '../interworking/refusal.ts';
import { promisedLease } from '../lan/igd/port-mapping-arguments.ts';
import { upnpErrorOf } from '../lan/igd/upnp-refusal.ts';
import type { LanView } from '../lan/lan-side.ts';
import type { MappingTable } from '../mapping/mapping-table.ts';
import type { HistoryKeeper } from '../operator/history-keeper.ts';
import { mappingView } from '../operator/mapping-view.ts';
import type { Metrics, ProcessFigures } from '../operator/metrics.ts';
import type {
  AddedMapping,
  DiskProblem,
  DoorCounts,
  MappingName,
  MappingOrder,
  OperatorSource,
  OrderRefusal,
  ServerView,
  Snapshot,
  WanView,
} from '../operator/operator-source.ts';
import type { UpnpErrorCode } from '../upnp/upnp-error.ts';
import { DELETE_ALL_WITHIN } from './release-everything.ts';

export interface OperatorViewParts {
  readonly clock: Clock;
  readonly driver: Driver;
  readonly version: string;
  readonly isDemo: boolean;
  readonly startedAt: WallTime;
  readonly table: MappingTable;
  readonly diskProblem: () => DiskProblem | undefined;
  readonly gateway: RunningGateway;
  readonly history: HistoryKeeper;
  readonly metrics: Metrics;
  readonly maxMappings: () => number;
  readonly nameOfHost: (address: string) => string | undefined;
  readonly servers: (now: Instant) => readonly ServerView[];
  readonly noServerBecause: () => string | undefined;
  readonly lan: () => readonly LanView[];
  readonly wan: () => WanView;
  readonly subscribers: () => number;
  readonly doors: () => DoorCounts;
  readonly processFigures: () => ProcessFigures;
}

/** The person at the box may act for every host and on every port. */
const OPERATOR: Asker = {
  address: IpAddress.of('127.0.0.1'),
  via: 'operator',
  name: 'igd2pcp',
  hungUp: undefined,
};

/** More than anybody reads; the earliest matter. */
const MOST_WAKES = 20;

export function createOperatorView(parts: OperatorViewParts): OperatorSource {
  const snapshot = (): Snapshot => takeSnapshot(parts);
  return {
    snapshot,
    lastDay: () => parts.history.lastDay(),
    metrics: () => parts.metrics.text(snapshot(), parts.processFigures()),
    listen: (listener) => parts.history.listen(listener),
    addMapping: (order) => addMapping(parts, order),
    deleteMapping: (name) => deleteMapping(parts, name),
    deleteAll: () => parts.gateway.deleteAll(DELETE_ALL_WITHIN),
  };
}

function takeSnapshot(parts: OperatorViewParts): Snapshot {
  const now = parts.clock.now();
  const external = parts.gateway.known.externalAddress();
  const servers = parts.servers(now);
  return {
    takenAt: parts.clock.wallTime(),
    startedAt: parts.startedAt,
    version: parts.version,
    isDemo: parts.isDemo,
    lan: parts.lan(),
    wan: parts.wan(),
    servers,
    noServerBecause: servers.some((server) => server.isCurrent) ? undefined : parts.noServerBecause(),
    externalAddress: external?.text,
    externalAddressIsPublic: external !== undefined && isPublicIPv4(external),
    mappings: [...parts.table.all()].map((mapping) =>
      mappingView(mapping, now, parts.nameOfHost(mapping.internalClient.text), parts.gateway.troubleOf(mapping)),
    ),
    lost: parts.gateway.lost().map(({ mapping, at, why }) => ({
      protocol: mapping.protocol,
      externalPort: mapping.externalPort,
      remoteHost: mapping.remoteHost,
      internalClient: mapping.internalClient.text,
      internalPort: mapping.internalPort,
      ago: between(at, now),
      why,
    })),
    maxMappings: parts.maxMappings(),
    releasesOwed: parts.table.ledger.owed(now).length,
    diskProblem: parts.diskProblem(),
    subscribers: parts.subscribers(),
    doors: parts.doors(),
    wakes: parts.driver
      .wakes()
      .slice(0, MOST_WAKES)
      .map(({ who, wake }) => ({ who, why: wake.why, in: between(now, wake.at) })),
  };
}

async function addMapping(
  { gateway }: OperatorViewParts,
  order: MappingOrder,
): Promise<Result<AddedMapping, OrderRefusal>> {
  const wish = wishOf(order);
  if (!wish.ok) return wish;
  const opened = await gateway.openPort(OPERATOR, wish.value);
  if (!opened.ok) return refused(openingInWords(opened.error, wish.value));
  const { protocol, remoteHost } = order;
  return ok({
    protocol,
    externalPort: opened.value,
    remoteHost,
    externalAddress: gateway.known.externalAddress()?.text,
  });
}

async function deleteMapping(
  { gateway }: OperatorViewParts,
  { protocol, externalPort, remoteHost }: MappingName,
): Promise<Result<void, OrderRefusal>> {
  if (!isPortNumber(externalPort)) return refused({ code: undefined, message: `${externalPort} is not a port` });
  const closed = await gateway.closePort(OPERATOR, { protocol, externalPort, remoteHost });
  if (closed.ok) return closed;
  const { error } = closed;
  const message =
    error.reason === 'no such entry'
      ? `there is no mapping ${protocol} ${externalPort}`
      : 'the PCP server does not answer: it is closed as soon as it does';
  return refused({ code: upnpErrorOf(error, 'DeletePortMapping', 2), message });
}

function wishOf(order: MappingOrder): Result<Wish, OrderRefusal> {
  const internalClient = IpAddress.parse(order.internalAddress);
  const remote = order.remoteHost === '' ? undefined : IpAddress.parse(order.remoteHost);
  const wrong = (message: string): Result<never, OrderRefusal> => refused({ code: undefined, message });
  if (internalClient === undefined) return wrong(`"${order.internalAddress}" is not an IP address`);
  if (order.remoteHost !== '' && remote === undefined) return wrong(`"${order.remoteHost}" is not an IP address`);
  const { externalPort, internalPort } = order;
  if (!isPortNumber(externalPort)) return wrong(`${externalPort} is not a port`);
  if (!isPortNumber(internalPort) || internalPort === 0) return wrong(`${internalPort} is not a port`);
  if (externalPort === 0 && !order.anyPort) return wrong('external port 0 is for "any port" only');
  return ok({
    protocol: order.protocol,
    externalPort,
    isExact: !order.anyPort,
    remoteHost: order.remoteHost,
    remotePeers: remote === undefined ? [] : [remote],
    internalClient,
    internalPort,
    description: order.description,
    leaseSeconds: promisedLease(order.leaseSeconds, 2),
  });
}

function openingInWords(no: Refusal, { protocol, externalPort, internalClient, isExact }: Wish): OrderRefusal {
  const code = upnpErrorOf(no, isExact ? 'AddPortMapping' : 'AddAnyPortMapping', 2);
  const words: Partial<Record<UpnpErrorCode, string>> = {
    501: 'the PCP server does not answer or cannot do this: igd2pcp doctor says more',
    600: `${internalClient} is in no network that is served (lan.interfaces, lan.routed_prefixes)`,
    606: 'the PCP server does not allow it',
    718: `${protocol} ${externalPort} is taken: by another host here, or at the carrier (--any takes another port)`,
    728: 'no more ports: the cap of policy.max_mappings, or of the carrier, is reached',
    729: `${protocol} ${externalPort} is used by this box itself`,
  };
  return { code, message: words[code] ?? no.why };
}
