// The two texts the table is kept in: `mappings.json`, a snapshot that is valid JSON with one checksummed mapping per
// line, and `mappings.journal`, one checksummed line per birth or end since; what is owed to servers stands beside them.
// Both carry a generation: a journal that does not follow its snapshot has been folded into it already. Text in, values
// out; no file is touched here.

import { type WallTime, wallTime } from '../base/time.ts';
import { type LedgerChange, type OwedRelease, type PlaceAtServer, placeText } from './ledger.ts';
import { type Mapping, type MappingKey, mappingKeyText } from './mapping.ts';
import {
  type ClockReading,
  isFields,
  keyOf,
  mappingOf,
  numberOf,
  owedRecordOf,
  owedReleaseOf,
  placeOf,
  placeRecordOf,
  RECORD_VERSION,
  type RecordFields,
  recordOf,
  upgradeRecord,
} from './mapping-record.ts';

const FORMAT = 'igd2pcp mappings';

export type JournalEntry =
  | { readonly kind: 'put'; readonly mapping: Mapping; readonly insteadOf?: MappingKey }
  | { readonly kind: 'gone'; readonly key: MappingKey }
  | LedgerChange;

export function snapshotText(
  generation: number,
  mappings: Iterable<Mapping>,
  reading: ClockReading,
  owed: readonly OwedRelease[] = [],
): string {
  const lines = Array.from(mappings, (mapping) => snapshotLine('mapping', recordOf(mapping, reading)));
  const debts = owed.map((release) => snapshotLine('owed', owedRecordOf(release, reading)));
  const counts = { count: lines.length, owed: debts.length };
  const head = { format: FORMAT, version: RECORD_VERSION, generation, savedAt: reading.wall, ...counts };
  const headText = JSON.stringify(head);
  const lists = `"mappings":[\n${lines.join(',\n')}\n],"owed":[\n${debts.join(',\n')}\n]`;
  return `{"head":${headText},"crc":"${checksum(headText)}",${lists}}\n`;
}

function snapshotLine(name: 'mapping' | 'owed', record: RecordFields): string {
  const text = JSON.stringify(record);
  return `{"crc":"${checksum(text)}","${name}":${text}}`;
}

export const journalHead = (generation: number): string =>
  journalLine({ format: FORMAT, version: RECORD_VERSION, generation });

export function journalText(entries: readonly JournalEntry[], reading: ClockReading): string {
  return entries.map((entry) => journalLine({ at: reading.wall, ...entryFields(entry, reading) })).join('');
}

function entryFields(entry: JournalEntry, reading: ClockReading): RecordFields {
  if (entry.kind === 'gone') return { gone: keyFields(entry.key) };
  if (entry.kind === 'owed') return { owed: owedRecordOf(entry.release, reading) };
  if (entry.kind === 'done') return { done: placeRecordOf(entry.place) };
  const put = recordOf(entry.mapping, reading);
  return entry.insteadOf === undefined ? { put } : { put, insteadOf: keyFields(entry.insteadOf) };
}

const keyFields = ({ protocol, externalPort, remoteHost }: MappingKey): RecordFields => ({
  protocol,
  externalPort,
  remoteHost,
});

function journalLine(fields: RecordFields): string {
  const text = JSON.stringify(fields);
  return `${checksum(text)} ${text}\n`;
}

interface StoredTable {
  readonly mappings: readonly Mapping[];
  /** Those of no mapping among them; some may have ended. */
  readonly owed: readonly OwedRelease[];
  /** Of the snapshot; what is written next must carry a higher one. */
  readonly generation: number;
  /** What was wrong with each text; undefined: nothing. A torn last line of the journal is the trace of a kill, no damage. */
  readonly snapshotDamage: string | undefined;
  readonly journalDamage: string | undefined;
}

/** `undefined` stands for a file that is not there. */
export function readStoredTable(
  snapshot: string | undefined,
  journal: string | undefined,
  reading: ClockReading,
): StoredTable {
  const snapshotPart = readSnapshot(snapshot);
  const journalPart = readJournal(journal);
  const steps = journalPart.steps.filter((step) => followsSnapshot(step, journalPart, snapshotPart));
  const records = new Map<string, Written>();
  const owed = new Map<string, Written>();
  for (const record of snapshotPart.records) setRecord(records, record, snapshotPart.savedAt);
  for (const record of snapshotPart.owed) setOwed(owed, record, snapshotPart.savedAt);
  for (const step of steps) {
    if (step.removes !== undefined) records.delete(mappingKeyText(step.removes));
    if (step.puts !== undefined) setRecord(records, step.puts, step.at);
    if (step.owes !== undefined) setOwed(owed, step.owes, step.at);
    if (step.pays !== undefined) owed.delete(placeText(step.pays));
  }
  const readingFor = readingsSince(reading, Math.max(snapshotPart.savedAt, ...steps.slice(-1).map((step) => step.at)));
  const mappings: Mapping[] = [];
  let unreadable = 0;
  for (const { record, at } of records.values()) {
    const mapping = mappingOf(record, readingFor(at));
    if (mapping === undefined) unreadable += 1;
    else mappings.push(mapping);
  }
  return {
    mappings,
    owed: owedBeside(mappings, owed.values(), readingFor),
    generation: Math.max(snapshotPart.generation ?? 0, journalPart.generation ?? 0),
    snapshotDamage:
      snapshotPart.damage ?? (unreadable > 0 ? `${unreadable} mapping(s) with impossible values` : undefined),
    journalDamage: journalPart.damage,
  };
}

/** A record, and the wall time at which it was written: the times in it are by the clock as it was then. */
interface Written {
  readonly record: RecordFields;
  readonly at: number;
}

/**
 * Without a snapshot to compare with, the journal alone is better than nothing: it holds nonces. Without its first line a
 * journal does not say which snapshot it follows; then what is younger than the snapshot does.
 */
function followsSnapshot(step: JournalStep, journal: JournalPart, snapshot: SnapshotPart): boolean {
  if (snapshot.generation === undefined) return true;
  return journal.generation === undefined ? step.at >= snapshot.savedAt : journal.generation === snapshot.generation;
}

/** No clock that is right shows less: this program is younger. */
const CLOCK_IS_SET_FROM = Date.UTC(2025, 0, 1);

/**
 * How to read the times of a record, given when it was written. Where the clock was not set then, or has gone back since,
 * nobody knows how much time has gone by, and we say "none". The server is asked in any case, and a lease that is kept too
 * long is better than a port that closes by itself.
 */
function readingsSince({ now, wall }: ClockReading, lastSeen: number): (at: number) => ClockReading {
  const present = Math.max(wall, lastSeen);
  return (at) => ({ now, wall: wallTime(at < CLOCK_IS_SET_FROM || at > present ? at : present) });
}

function setRecord(records: Map<string, Written>, record: RecordFields, at: number): void {
  const key = keyOf(record);
  if (key !== undefined) records.set(mappingKeyText(key), { record, at });
}

function setOwed(owed: Map<string, Written>, record: RecordFields, at: number): void {
  const place = placeOf(record);
  if (place !== undefined) owed.set(placeText(place), { record, at });
}

/** A kill between the debt and the end of its entry leaves both: the entry is still there, and nobody was told otherwise. */
function owedBeside(
  mappings: readonly Mapping[],
  records: Iterable<Written>,
  readingFor: (at: number) => ClockReading,
): readonly OwedRelease[] {
  const inUse = new Set(mappings.map(({ protocol, upstream }) => placeText({ protocol, ...upstream })));
  return Array.from(records, ({ record, at }) => owedReleaseOf(record, readingFor(at)))
    .filter((release) => release !== undefined)
    .filter((release) => !inUse.has(placeText(release)));
}

interface SnapshotPart {
  readonly records: readonly RecordFields[];
  readonly owed: readonly RecordFields[];
  /** Undefined: there is no telling. */
  readonly generation: number | undefined;
  readonly savedAt: WallTime;
  readonly damage: string | undefined;
}

function readSnapshot(text: string | undefined): SnapshotPart {
  const nothing = { records: [], owed: [], generation: undefined, savedAt: wallTime(0) };
  if (text === undefined) return { ...nothing, damage: undefined };
  const [headLine = '', ...lines] = text.split('\n');
  const outer = parsed(headLine.replace(/,"mappings":\[$/, '}'));
  const head = outer === undefined ? undefined : outer['head'];
  if (!isFields(head) || outer?.['crc'] !== checksum(JSON.stringify(head)) || head['format'] !== FORMAT)
    return { ...nothing, damage: 'its first line is not one of ours' };
  const version = numberOf(head['version']) ?? 0;
  if (version < 1 || version > RECORD_VERSION)
    return { ...nothing, damage: `version ${version} is newer than this program understands` };
  const entries = lines.map((line) => parsed(line.replace(/,$/, '')));
  const records = recordsNamed('mapping', entries).map((record) => upgradeRecord(record, version));
  const owed = recordsNamed('owed', entries);
  const expected = (numberOf(head['count']) ?? 0) + (numberOf(head['owed']) ?? 0);
  const found = records.length + owed.length;
  return {
    records,
    owed,
    generation: numberOf(head['generation']) ?? 0,
    savedAt: wallTime(numberOf(head['savedAt']) ?? 0),
    damage: found === expected ? undefined : `${expected - found} of ${expected} lines are damaged`,
  };
}

const recordsNamed = (
  name: 'mapping' | 'owed',
  entries: readonly (RecordFields | undefined)[],
): readonly RecordFields[] =>
  entries.flatMap((entry) => {
    const record = entry?.[name];
    return isFields(record) && entry?.['crc'] === checksum(JSON.stringify(record)) ? [record] : [];
  });

interface JournalStep {
  readonly at: number;
  readonly removes: MappingKey | undefined;
  readonly puts: RecordFields | undefined;
  readonly owes: RecordFields | undefined;
  readonly pays: PlaceAtServer | undefined;
}

interface JournalPart {
  readonly steps: readonly JournalStep[];
  /** Undefined: the first line, which says it, is damaged. */
  readonly generation: number | undefined;
  readonly damage: string | undefined;
}

/** Each line has a checksum of its own: a damaged one costs nothing but itself. */
function readJournal(text: string | undefined): JournalPart {
  const lines = (text ?? '').split('\n');
  // What follows the last line end is a line that was never finished.
  lines.pop();
  if (lines.length === 0) return { steps: [], generation: 0, damage: undefined };
  const [head, ...rest] = lines.map(checkedLine);
  // Behind a damaged first line the oldest version is assumed: the steps leave newer records as they are.
  const version = head === undefined ? 1 : (numberOf(head['version']) ?? 0);
  if (head !== undefined && (head['format'] !== FORMAT || version < 1 || version > RECORD_VERSION))
    return { steps: [], generation: 0, damage: 'its first line is not one of ours' };
  const steps: JournalStep[] = [];
  let damaged = 0;
  for (const [index, fields] of rest.entries()) {
    if (fields !== undefined) steps.push(stepOf(fields, version));
    else if (index < rest.length - 1) damaged += 1;
  }
  const some = damaged === 0 ? undefined : `${damaged} of ${rest.length} lines are damaged`;
  if (head !== undefined) return { steps, generation: numberOf(head['generation']) ?? 0, damage: some };
  const restText = steps.length === 0 ? '' : `; ${steps.length} of ${rest.length} further lines could be read`;
  return { steps, generation: undefined, damage: `its first line is damaged${restText}` };
}

function stepOf(fields: RecordFields, version: number): JournalStep {
  const { put, owed } = fields;
  return {
    at: numberOf(fields['at']) ?? 0,
    removes: keyOf(fields['gone']) ?? keyOf(fields['insteadOf']),
    puts: isFields(put) ? upgradeRecord(put, version) : undefined,
    owes: isFields(owed) ? owed : undefined,
    pays: placeOf(fields['done']),
  };
}

function checkedLine(line: string): RecordFields | undefined {
  const text = line.slice(9);
  return line.slice(0, 9) === `${checksum(text)} ` ? parsed(text) : undefined;
}

function parsed(text: string): RecordFields | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isFields(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

// CRC-32 (IEEE 802.3) of a text, as eight hexadecimal digits: tells a whole line from a torn or damaged one.

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb8_8320 : value >>> 1;
  return value;
});

const encoder = new TextEncoder();

export function checksum(text: string): string {
  let crc = 0xffff_ffff;
  for (const byte of encoder.encode(text)) crc = (crc >>> 8) ^ (TABLE[(crc ^ byte) & 0xff] ?? 0);
  return ((crc ^ 0xffff_ffff) >>> 0).toString(16).padStart(8, '0');
}
