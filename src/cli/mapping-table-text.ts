// The mappings as a table for a terminal: `igd2pcp list` and `watch`.

import { durationInWords, seconds } from '../base/time.ts';
import type { LostMappingJson, MappingJson, MappingsJson } from '../operator/api-schema.ts';
import { type Cell, type Colour, type Column, paragraph, printable, type Terminal, table } from './terminal-text.ts';

const COLUMNS: readonly Column[] = [
  { title: 'PROTO', least: 5 },
  { title: 'PORT', least: 5, alignRight: true },
  // An IPv4 address with its port: half of it would be wrong.
  { title: 'TO', least: 21 },
  { title: 'HOST', least: 6 },
  { title: 'LEASE LEFT', least: 8 },
  { title: 'RENEWS IN', least: 8 },
  { title: 'STATE', least: 5 },
  { title: 'FOR', least: 8 },
];

const STATE_COLOUR: Readonly<Record<MappingJson['state'], Colour>> = {
  granted: 'green',
  restoring: 'yellow',
  degraded: 'yellow',
  waiting: 'red',
  deleting: 'dim',
};

const STATE_WORDS: Readonly<Record<MappingJson['state'], string>> = {
  granted: 'open',
  restoring: 'restoring',
  degraded: 'degraded',
  waiting: 'waiting',
  deleting: 'closing',
};

/** The open ports, and beneath them those that were lost within a day. */
export function listText({ mappings, lost }: Pick<MappingsJson, 'mappings' | 'lost'>, terminal: Terminal): string {
  if (lost.length === 0) return mappingTableText(mappings, terminal);
  const notes = lost.map((one) => paragraph(terminal, lostText(one))).join('');
  return `${mappingTableText(mappings, terminal)}\nLost within the last day:\n${notes}`;
}

export function mappingTableText(mappings: readonly MappingJson[], terminal: Terminal): string {
  if (mappings.length === 0) return 'No port is open.\n';
  const reasons = mappings.filter(({ reason }) => reason !== '');
  const notes = reasons.map((mapping) =>
    paragraph(terminal, `${mapping.protocol} ${mapping.externalPort}: ${printable(mapping.reason)}`),
  );
  return table(terminal, COLUMNS, mappings.map(rowOf)) + (notes.length === 0 ? '' : `\n${notes.join('')}`);
}

function lostText(lost: LostMappingJson): string {
  const from = lost.remoteHost === '' ? '' : ` from ${lost.remoteHost}`;
  const name = `${lost.protocol} ${lost.externalPort}${from} → ${targetOf(lost)}`;
  return printable(`${name}, lost ${spanText(lost.lostSecondsAgo)} ago: ${lost.why}`);
}

const targetOf = (one: { readonly internalAddress: string; readonly internalPort: number }): string =>
  `${one.internalAddress.includes(':') ? `[${one.internalAddress}]` : one.internalAddress}:${one.internalPort}`;

function rowOf(mapping: MappingJson): readonly Cell[] {
  return [
    { text: mapping.protocol },
    { text: String(mapping.externalPort) },
    { text: targetOf(mapping) },
    { text: mapping.hostName ?? '' },
    { text: mapping.leaseSecondsLeft === null ? 'endless' : spanText(mapping.leaseSecondsLeft) },
    { text: spanText(mapping.renewInSeconds) },
    { text: STATE_WORDS[mapping.state], colour: STATE_COLOUR[mapping.state] },
    { text: mapping.remoteHost === '' ? mapping.description : `${mapping.description} (from ${mapping.remoteHost})` },
  ];
}

const spanText = (count: number): string => durationInWords(seconds(count));
