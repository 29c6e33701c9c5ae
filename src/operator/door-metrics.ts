// What passed the doors of this box, as metrics: searches, events, strangers, and this box's own NAT.

import { readingText } from './metric.ts';
import type { NatCounts, Snapshot } from './operator-source.ts';

export function doorMetricsText({ doors, wan }: Snapshot): string {
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
