// Everything the daemon counts, by name: the catalogue behind /metrics. Parts of the daemon call the methods; the rest
// is read from the snapshot when somebody scrapes. The names are an interface: dashboards hold on to them.

import { type Duration, inSeconds } from '../base/time.ts';
import { doorMetricsText } from './door-metrics.ts';
import { Counter, Histogram, type Metric, readingText } from './metric.ts';
import type { Snapshot } from './operator-source.ts';
import { serverMetricsText } from './server-metrics.ts';

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
