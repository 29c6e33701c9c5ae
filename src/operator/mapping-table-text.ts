// The mappings as a table for a terminal: `igd2pcp list` and `watch`.

import { durationInWords, seconds } from '../base/time.ts';
import type { MappingJson } from './api-schema.ts';
import { type Cell, type Colour, type Column, paragraph, printable, type Terminal, table } from './terminal.ts';

const COLUMNS: readonly Column[] = [
  { title: 'PROTO', least: 5 },
  { title: 'PORT', least: 5, alignRight: true },
  { title: 'TO', least: 12 },
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
  deleting: 'dim',
};

const STATE_WORDS: Readonly<Record<MappingJson['state'], string>> = {
  granted: 'open',
  restoring: 'restoring',
  degraded: 'degraded',
  deleting: 'closing',
};

export function mappingTableText(mappings: readonly MappingJson[], terminal: Terminal): string {
  if (mappings.length === 0) return 'No port is open.\n';
  const reasons = mappings.filter(({ reason }) => reason !== '');
  const notes = reasons.map((mapping) =>
    paragraph(terminal, `${mapping.protocol} ${mapping.externalPort}: ${printable(mapping.reason)}`),
  );
  return table(terminal, COLUMNS, mappings.map(rowOf)) + (notes.length === 0 ? '' : `\n${notes.join('')}`);
}

function rowOf(mapping: MappingJson): readonly Cell[] {
  const address = mapping.internalAddress;
  const target = `${address.includes(':') ? `[${address}]` : address}:${mapping.internalPort}`;
  return [
    { text: mapping.protocol },
    { text: String(mapping.externalPort) },
    { text: target },
    { text: mapping.hostName ?? '' },
    { text: mapping.leaseSecondsLeft === null ? 'endless' : spanText(mapping.leaseSecondsLeft) },
    { text: spanText(mapping.renewInSeconds) },
    { text: STATE_WORDS[mapping.state], colour: STATE_COLOUR[mapping.state] },
    { text: mapping.remoteHost === '' ? mapping.description : `${mapping.description} (from ${mapping.remoteHost})` },
  ];
}

const spanText = (count: number): string => durationInWords(seconds(count));
