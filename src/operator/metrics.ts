// Everything the daemon counts, by name: the catalogue behind /metrics. Parts of the daemon call the methods; the rest
// is read from the snapshot when somebody scrapes. The names are an interface: dashboards hold on to them.

import { type Duration, inSeconds } from '../base/time.ts';
import { resultName } from '../pcp/result-code.ts';
import { Counter, Histogram, type Metric, readingText } from './metric.ts';
import type { Snapshot } from './operator-source.ts';

/** What only the platform knows about the process. */
export interface ProcessFigures {
  readonly residentBytes: number;
  readonly heapBytes: number;
  readonly cpuSeconds: number;
  /** 99th percentile since the last scrape. */
  readonly eventLoopDelay: Duration;
}

// Round trips to a carrier's server lie between a millisecond and RFC 6887 §8.1.1's first retransmission at 3 s.
const ROUND_TRIP_BOUNDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 3, 10];
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
  readonly #sent = new Counter('igd2pcp_pcp_packets_sent_total', 'PCP and NAT-PMP packets sent, by kind.');
  readonly #received = new Counter(
    'igd2pcp_pcp_packets_received_total',
    'PCP and NAT-PMP packets received, by kind and result.',
  );
  readonly #retransmitted = new Counter('igd2pcp_pcp_retransmissions_total', 'PCP requests sent again.');
  readonly #roundTrip = new Histogram(
    'igd2pcp_pcp_round_trip_seconds',
    'From a PCP request to its answer.',
    ROUND_TRIP_BOUNDS,
  );
  readonly #ignored = new Counter(
    'igd2pcp_datagrams_ignored_total',
    'Datagrams not acted upon, by protocol and reason.',
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
    this.#sent,
    this.#received,
    this.#retransmitted,
    this.#roundTrip,
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

  packetSent(kind: string, isRetransmission: boolean): void {
    this.#sent.add({ kind });
    if (isRetransmission) this.#retransmitted.add();
  }

  packetReceived(kind: string, resultCode: number): void {
    this.#received.add({ kind, result: resultName(resultCode) });
  }

  roundTripSeen(span: Duration): void {
    this.#roundTrip.observe(inSeconds(span));
  }

  datagramIgnored(protocol: string, reason: string): void {
    this.#ignored.add({ protocol, reason });
  }

  renewed(result: 'granted' | 'refused' | 'unanswered'): void {
    this.#renewals.add({ result });
  }

  /** `reason`: a PCP result's name, "policy", "quota", "conflict", "no answer". */
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
    return this.#counted.map((metric) => metric.text()).join('') + readings(snapshot, figures);
  }
}

const MAPPING_STATES = ['granted', 'restoring', 'degraded', 'deleting'] as const;

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
    readingText('gauge', 'igd2pcp_server_up', 'Whether the server answers; absent before the first try.', servers),
    one('igd2pcp_event_subscribers', 'UPnP event subscriptions.', snapshot.subscribers),
    one('igd2pcp_start_time_seconds', 'When the daemon started, since 1970.', snapshot.startedAt / 1000),
    one(
      'igd2pcp_event_loop_delay_seconds',
      '99th percentile since the last scrape.',
      inSeconds(figures.eventLoopDelay),
    ),
    one('igd2pcp_heap_bytes', 'JavaScript heap in use.', figures.heapBytes),
    one('process_resident_memory_bytes', 'Memory in use.', figures.residentBytes),
    readingText('counter', 'process_cpu_seconds_total', 'Processor time used.', [[{}, figures.cpuSeconds]]),
  ].join('');
}
