// What passed between us and each PCP server, as metrics: read from the snapshot, counted by the PCP client itself.

import { inSeconds } from '../base/time.ts';
import { resultName } from '../pcp/asking/result-code.ts';
import { histogramText, type Labels, readingText } from './metric.ts';
import type { ServerView, Snapshot } from './operator-source.ts';

type Rows = readonly (readonly [Labels, number])[];

export function serverMetricsText({ servers }: Snapshot): string {
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
