// Everything the daemon counts, by name: the catalogue behind /metrics. Parts of the daemon call the methods; the rest
// is read from the snapshot when somebody scrapes. The names are an interface: dashboards hold on to them.

import { type Duration, inSeconds } from '../base/time.ts';
import { resultName } from '../pcp/asking/result-code.ts';
import { Counter, Histogram, histogramText, type Labels, type Metric, readingText } from './metric.ts';
import type { NatCounts, ServerView, Snapshot } from './operator-source.ts';

/** What only the platform knows about the process. */
export interface ProcessFigures {
  readonly residentBytes: number;
  readonly heapBytes: number;
  readonly cpuSeconds: number;
  /** 99th percentile since the last scrape. */
  readonly eventLoopDelay: Duration;
  /** A full disk, or nobody who reads. */
  readonly logLinesDropped: number;
}

const ANSWER_BOUNDS = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 4, 10];
// RFC 6887 §14.1.3 spreads a recovery over 5 s before its first packet.
const RECOVERY_BOUNDS = [0.5, 1, 2, 5, 6, 8, 10, 20, 60, 300];

export class Metrics {
  readonly #upnp = new Counter(
    'igd2pcp_upnp_requests_total',
    'UPnP actions by name and result ("ok" or the error code).',
  );
  readonly #answerTime = new Histogram(
    'igd2pcp_upnp_answer_seconds',
    'Time until a control point had its answer.',
    ANSWER_BOUNDS,
  );
  readonly #ignored = new Counter(
    'igd2pcp_requests_ignored_total',
    'Requests of the LAN that were turned away, by protocol and reason.',
  );
  readonly #renewals = new Counter('igd2pcp_renewals_total', 'Renewals by result.');
  readonly #refusals = new Counter('igd2pcp_refusals_total', 'Mapping requests refused, by reason.');
  readonly #removals = new Counter('igd2pcp_mappings_removed_total', 'Mappings that ended, by reason.');
  readonly #recoveries = new Counter('igd2pcp_recoveries_total', 'Times a PCP server lost its state.');
  readonly #recoveryTime = new Histogram(
    'igd2pcp_recovery_seconds',
    "From a server's lost state until all mappings were there again.",
    RECOVERY_BOUNDS,
  );
  readonly #counted: readonly Metric[] = [
    this.#upnp,
    this.#answerTime,
    this.#ignored,
    this.#renewals,
    this.#refusals,
    this.#removals,
    this.#recoveries,
    this.#recoveryTime,
  ];

  /** `result`: "ok", or the UPnP error code. */
  upnpAnswered(action: string, result: string, took: Duration): void {
    this.#upnp.add({ action, result });
    this.#answerTime.observe(inSeconds(took));
  }

  datagramIgnored(protocol: string, reason: string): void {
    this.#ignored.add({ protocol, reason });
  }

  renewed(result: 'granted' | 'not granted'): void {
    this.#renewals.add({ result });
  }

  /** `reason`: in words, of a bounded vocabulary. */
  mappingRefused(reason: string): void {
    this.#refusals.add({ reason });
  }

  mappingRemoved(reason: string): void {
    this.#removals.add({ reason });
  }

  serverLostState(): void {
    this.#recoveries.add();
  }

  recovered(took: Duration): void {
    this.#recoveryTime.observe(inSeconds(took));
  }

  /** What was counted, then what the moment shows. */
  text(snapshot: Snapshot, figures: ProcessFigures): string {
    return (
      this.#counted.map((metric) => metric.text()).join('') +
      serverMetricsText(snapshot) +
      doorMetricsText(snapshot) +
      readings(snapshot, figures)
    );
  }
}

const MAPPING_STATES = ['granted', 'restoring', 'degraded', 'waiting', 'deleting'] as const;

function readings(snapshot: Snapshot, figures: ProcessFigures): string {
  const states = MAPPING_STATES.map(
    (state) => [{ state }, snapshot.mappings.filter((view) => view.state === state).length] as const,
  );
  const servers = snapshot.servers.map(({ id, isCurrent, health }) => {
    const labels = { server: id, current: String(isCurrent) };
    return [labels, health === 'unknown' ? undefined : Number(health === 'up')] as const;
  });
  const one = (name: string, help: string, value: number): string => readingText('gauge', name, help, [[{}, value]]);
  return [
    readingText('gauge', 'igd2pcp_info', 'Always 1; the version is a label.', [[{ version: snapshot.version }, 1]]),
    readingText('gauge', 'igd2pcp_mappings', 'Mappings by state.', states),
    one('igd2pcp_mappings_most', 'Most mappings that policy allows.', snapshot.maxMappings),
    one('igd2pcp_releases_owed', 'Deletions that PCP servers have not answered yet.', snapshot.releasesOwed),
    readingText('gauge', 'igd2pcp_server_up', 'Whether the server answers; absent before the first try.', servers),
    one('igd2pcp_event_subscribers', 'UPnP event subscriptions.', snapshot.subscribers),
    one('igd2pcp_start_time_seconds', 'When the daemon started, since 1970.', snapshot.startedAt / 1000),
    one(
      'igd2pcp_event_loop_delay_seconds',
      '99th percentile since the last scrape.',
      inSeconds(figures.eventLoopDelay),
    ),
    readingText('counter', 'igd2pcp_log_lines_dropped_total', 'Log lines that could not be written.', [
      [{}, figures.logLinesDropped],
    ]),
    one('igd2pcp_heap_bytes', 'JavaScript heap in use.', figures.heapBytes),
    one('process_resident_memory_bytes', 'Memory in use.', figures.residentBytes),
    readingText('counter', 'process_cpu_seconds_total', 'Processor time used.', [[{}, figures.cpuSeconds]]),
  ].join('');
}

// What passed the doors of this box, as metrics: searches, events, strangers, and this box's own NAT.

function doorMetricsText({ doors, wan }: Snapshot): string {
  const { searchesIgnored, eventsDelivered, eventsFailed } = doors;
  const one = (name: string, help: string, value: number): string => readingText('counter', name, help, [[{}, value]]);
  return [
    one('igd2pcp_searches_answered_total', 'Answers to SSDP searches.', doors.searchesAnswered),
    readingText(
      'counter',
      'igd2pcp_searches_ignored_total',
      'SSDP searches not answered, by reason.',
      [...searchesIgnored].map(([reason, count]) => [{ reason }, count]),
    ),
    readingText('counter', 'igd2pcp_events_total', 'UPnP events sent, by result.', [
      [{ result: 'delivered' }, eventsDelivered],
      [{ result: 'failed' }, eventsFailed],
    ]),
    one('igd2pcp_subscriptions_refused_total', 'Requests for events that were refused.', doors.subscriptionsRefused),
    one('igd2pcp_pcp_strangers_total', 'Datagrams for the PCP client from nobody it talks to.', doors.pcpStrangers),
    wan.natCounts === undefined ? '' : natMetricsText(wan.natCounts),
  ].join('');
}

function natMetricsText({ rules, elements, transactions, failures }: NatCounts): string {
  return [
    readingText('gauge', 'igd2pcp_nat_rules', "Mappings in this box's own NAT.", [[{}, rules]]),
    readingText('gauge', 'igd2pcp_nat_elements', 'Elements of its nftables maps.', [[{}, elements]]),
    readingText('counter', 'igd2pcp_nat_transactions_total', 'Changes handed to nft.', [[{}, transactions]]),
    readingText('counter', 'igd2pcp_nat_failures_total', 'Changes nft refused.', [[{}, failures]]),
  ].join('');
}

// What passed between us and each PCP server, as metrics: read from the snapshot, counted by the PCP client itself.

type Rows = readonly (readonly [Labels, number])[];

function serverMetricsText({ servers }: Snapshot): string {
  const each = (rowsOf: (server: ServerView) => Rows): Rows =>
    servers.flatMap((server) =>
      rowsOf(server).map(([labels, value]) => [{ server: server.id, ...labels }, value] as const),
    );
  const counter = (name: string, help: string, rowsOf: (server: ServerView) => Rows): string =>
    readingText('counter', name, help, each(rowsOf));
  return [
    counter('igd2pcp_pcp_packets_sent_total', 'Requests sent, by kind.', ({ traffic }) =>
      Object.entries(traffic.sent).map(([kind, count]) => [{ kind }, count]),
    ),
    counter('igd2pcp_pcp_retransmissions_total', 'Requests sent again.', ({ traffic }) => [
      [{}, traffic.retransmissions],
    ]),
    counter('igd2pcp_pcp_unanswered_total', 'Requests given up.', ({ traffic }) => [[{}, traffic.unanswered]]),
    counter('igd2pcp_pcp_answers_total', 'Answers, by result.', ({ traffic }) =>
      [...traffic.results].map(([code, count]) => [{ result: resultName(code) }, count]),
    ),
    counter('igd2pcp_pcp_ignored_total', 'Datagrams not acted upon, by reason.', ({ traffic }) =>
      [...traffic.ignored].map(([reason, count]) => [{ reason }, count]),
    ),
    histogramText(
      'igd2pcp_pcp_round_trip_seconds',
      'From a request to its answer.',
      servers.map(({ id, traffic: { roundTrips } }) => ({
        labels: { server: id },
        bounds: roundTrips.bounds.map(inSeconds),
        atMost: roundTrips.atMost,
        sum: inSeconds(roundTrips.sum),
        count: roundTrips.count,
      })),
    ),
  ].join('');
}
