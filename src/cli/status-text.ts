// `igd2pcp status` for people, drawn from the API's JSON.

import { type Duration, durationInWords, milliseconds, seconds } from '../base/time.ts';
import type { StatusJson } from '../operator/api-schema.ts';
import { countText } from '../operator/health.ts';
import { roundTripText } from '../operator/status-json.ts';
import { type Colour, paint, paragraph, type Terminal } from './terminal-text.ts';

type ServerJson = StatusJson['servers'][number];

const LEVEL_COLOUR: Readonly<Record<StatusJson['health']['level'], Colour>> = {
  good: 'green',
  attention: 'yellow',
  bad: 'red',
};

const LABEL_WIDTH = 12;
const INDENT = ' '.repeat(LABEL_WIDTH);

export function statusText(status: StatusJson, terminal: Terminal): string {
  const upFor = durationInWords(milliseconds(Date.parse(status.takenAt) - Date.parse(status.startedAt)));
  const section = (label: string, lines: readonly string[]): string => {
    const text = lines.map((line) => paragraph(terminal, line, INDENT)).join('');
    return paint(terminal, 'dim', label) + text.slice(label.length);
  };
  return [
    paint(terminal, LEVEL_COLOUR[status.health.level], paragraph(terminal, status.health.sentence).trimEnd()),
    '\n\n',
    section('igd2pcp', [`${status.version}, up for ${upFor}${status.isDemo ? ', a demo' : ''}`]),
    section('LAN', status.lan.length === 0 ? ['none served'] : status.lan.flatMap(lanLines)),
    section('WAN', [wanLine(status.wan)]),
    section('External', [externalLine(status)]),
    section('PCP server', status.servers.length === 0 ? ['none known'] : status.servers.flatMap(serverLines)),
    section('Mappings', [mappingsLine(status.mappings), ...owedLines(status.releasesOwed)]),
    section('Events', [countText(status.subscribers, 'subscriber')]),
    section('Next', nextLines(status)),
  ].join('');
}

const lanLines = (lan: StatusJson['lan'][number]): string[] =>
  lan.problem === null
    ? [`${lan.name} ${lan.address}`, ...lan.descriptionUrls]
    : [`${lan.name}: not served, ${lan.problem}`];

const wanLine = (wan: StatusJson['wan']): string =>
  [
    wan.interface === '' ? 'no default route' : wan.interface,
    wan.nat === 'none' ? 'this box does not translate' : 'this box translates (nftables)',
    ...(wan.natProblem === null ? [] : [wan.natProblem]),
  ].join(', ');

function externalLine({ externalAddress, externalAddressIsPublic }: StatusJson): string {
  if (externalAddress === null) return 'not known yet';
  return externalAddressIsPublic ? externalAddress : `${externalAddress} (not a public address)`;
}

const spanOf = (count: number): Duration => seconds(count);

function serverLines(server: ServerJson): string[] {
  const health = { up: 'answers', unknown: 'has not answered yet', down: 'does not answer' }[server.health];
  const facts = [
    `${server.addresses.join(', ')}${server.isCurrent ? '' : ' (spare)'}: ${health}`,
    ...(server.health === 'unknown' ? [] : [`for ${durationInWords(spanOf(server.healthForSeconds))}`]),
  ].join(' ');
  const speech = [
    server.version,
    server.roundTripMilliseconds === null ? null : `round trip ${roundTripText(server.roundTripMilliseconds)}`,
  ];
  const lines = [facts, ...(server.version === null ? [] : [speech.filter((part) => part !== null).join(', ')])];
  const can = Object.entries(server.abilities).filter(([, yes]) => yes === 'yes');
  const cannot = Object.entries(server.abilities).filter(([, yes]) => yes === 'no');
  if (can.length > 0) lines.push(`can ${can.map(([name]) => name).join(', ')}`);
  if (cannot.length > 0) lines.push(`cannot ${cannot.map(([name]) => name).join(', ')}`);
  if (server.lastRefusal !== null) {
    lines.push(`${durationInWords(spanOf(server.lastRefusal.secondsAgo))} ago it refused: ${server.lastRefusal.words}`);
  }
  return lines;
}

function mappingsLine(counts: StatusJson['mappings']): string {
  const parts = [
    [counts.granted, 'open'],
    [counts.restoring, 'being restored'],
    [counts.waiting, 'closed, waiting for the PCP server'],
    [counts.degraded, 'under another port'],
    [counts.deleting, 'being deleted'],
  ] as const;
  const shown = parts.filter(([count]) => count > 0).map(([count, words]) => `${count} ${words}`);
  return `${counts.total} of ${counts.most}${shown.length === 0 ? '' : `: ${shown.join(', ')}`}`;
}

const owedLines = (count: number): readonly string[] =>
  count === 0 ? [] : [`${countText(count, 'deletion')} not answered by the PCP server yet`];

function nextLines({ nextRenewal, wakes }: StatusJson): readonly string[] {
  if (nextRenewal === null) return wakes.length === 0 ? ['nothing to do'] : wakes.slice(0, 1).map(wakeLine);
  const { protocol, externalPort, inSeconds } = nextRenewal;
  return [`renew ${protocol} ${externalPort} in ${durationInWords(spanOf(inSeconds))}`];
}

const wakeLine = ({ who, why, inSeconds }: StatusJson['wakes'][number]): string =>
  `${why} in ${durationInWords(spanOf(inSeconds))} (${who})`;
