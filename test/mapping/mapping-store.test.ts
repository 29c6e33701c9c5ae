import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { calendarDate } from '../../src/base/calendar.ts';
import { IpAddress } from '../../src/base/ip-address.ts';
import { portNumber } from '../../src/base/port-number.ts';
import { hours, instant, minutes, wallTime, wallTimeAfter } from '../../src/base/time.ts';
import { mappingOf, owedRecordOf, owedReleaseOf, recordOf, upgradeRecord } from '../../src/mapping/mapping-record.ts';
import { checksum, journalHead, journalText, readStoredTable, snapshotText } from '../../src/mapping/mapping-store.ts';
import { START, someMapping } from './some-mapping.ts';
import { someOwed } from './some-owed-release.ts';

const READING = { now: START, wall: wallTime(1_800_000_000_000) };
const rich = someMapping(5001, {
  remoteHost: '203.0.113.9',
  remotePeers: [IpAddress.of('203.0.113.9')],
  description: 'quotes " and \u2028 and 漢字',
  leaseEndsAt: undefined,
  leaseSeconds: 0,
  nat1Port: undefined,
  state: 'degraded',
});
/** What a file does not keep: when to look again is decided by who loads it. */
const asLoaded = (mapping: ReturnType<typeof someMapping>) => ({
  ...mapping,
  upstream: { ...mapping.upstream, renewAt: READING.now, window: 1 },
});

describe('a mapping on disk', () => {
  it('comes back as it was, remote host and nonce included (IWF-45, P-34)', () => {
    for (const mapping of [someMapping(5001), rich])
      expect(mappingOf(JSON.parse(JSON.stringify(recordOf(mapping, READING))), READING)).toEqual(asLoaded(mapping));
  });

  it('is kept in wall time: a lease goes on while the box is off (Q-23)', () => {
    const record = recordOf(someMapping(5001), READING);
    const later = { now: instant(77), wall: wallTimeAfter(READING.wall, minutes(20)) };
    expect(mappingOf(record, later)?.leaseEndsAt).toBe(77 + minutes(40));
  });

  it('is refused with any field missing or impossible', () => {
    const record = recordOf(rich, READING);
    for (const field of Object.keys(record)) {
      expect(mappingOf({ ...record, [field]: undefined }, READING), field).toBeUndefined();
      expect(mappingOf({ ...record, [field]: { no: 'such value' } }, READING), field).toBeUndefined();
    }
    const upstream = record['upstream'] as Record<string, unknown>;
    for (const field of Object.keys(upstream))
      expect(mappingOf({ ...record, upstream: { ...upstream, [field]: 'x' } }, READING) === undefined, field).toBe(
        field !== 'server',
      );
    expect(mappingOf('text', READING)).toBeUndefined();
  });

  it('is refused when any word about its maker is missing or impossible', () => {
    const record = recordOf(rich, READING);
    const madeBy = record['madeBy'] as Record<string, unknown>;
    for (const field of ['address', 'name', 'via'])
      for (const value of [undefined, 7])
        expect(mappingOf({ ...record, madeBy: { ...madeBy, [field]: value } }, READING), field).toBeUndefined();
    expect(mappingOf({ ...record, madeBy: { ...madeBy, address: undefined, name: 7 } }, READING)).toBeUndefined();
  });

  it('keeps fields of later releases out of the way', () => {
    const record = { ...recordOf(rich, READING), colour: 'blue' };
    expect(mappingOf(record, READING)).toEqual(asLoaded(rich));
  });

  it('of an older release is read through every step since', () => {
    const steps = [
      (record: Readonly<Record<string, unknown>>) => ({ ...record, second: `${record['first']}!` }),
      (record: Readonly<Record<string, unknown>>) => ({ ...record, third: `${record['second']}!` }),
    ];
    expect(upgradeRecord({ first: 'a' }, 1, steps)).toEqual({ first: 'a', second: 'a!', third: 'a!!' });
    expect(upgradeRecord({ second: 'b' }, 2, steps)).toEqual({ second: 'b', third: 'b!' });
    expect(upgradeRecord({ third: 'c' }, 3, steps)).toEqual({ third: 'c' });
  });
});

describe('snapshot and journal', () => {
  const snapshot = snapshotText(3, [someMapping(1), someMapping(2)], READING);
  const journal =
    journalHead(3) +
    journalText(
      [
        { kind: 'gone', key: someMapping(1) },
        { kind: 'put', mapping: someMapping(3) },
        { kind: 'put', mapping: { ...someMapping(3), externalPort: portNumber(4) }, insteadOf: someMapping(3) },
      ],
      READING,
    );
  const portsOf = (stored: ReturnType<typeof readStoredTable>) =>
    stored.mappings.map((mapping) => mapping.externalPort);

  it('together give the table (IWF-45)', () => {
    const stored = readStoredTable(snapshot, journal, READING);
    expect(portsOf(stored)).toEqual([2, 4]);
    expect(stored).toMatchObject({ generation: 3, snapshotDamage: undefined, journalDamage: undefined });
  });

  it('the snapshot is JSON for scripts', () => {
    expect(JSON.parse(snapshot)).toMatchObject({ head: { version: 2, count: 2 }, mappings: [{}, {}] });
  });

  it('nothing there is an empty table, and no damage (IWF-07)', () => {
    expect(readStoredTable(undefined, undefined, READING)).toEqual({
      mappings: [],
      owed: [],
      generation: 0,
      snapshotDamage: undefined,
      journalDamage: undefined,
    });
  });

  it('a journal of another generation has been folded in already', () => {
    expect(portsOf(readStoredTable(snapshotText(4, [someMapping(7)], READING), journal, READING))).toEqual([7]);
  });

  it('a journal without its snapshot is better than nothing: it holds nonces', () => {
    expect(portsOf(readStoredTable(undefined, journal, READING))).toEqual([4]);
  });

  it('a line that was cut off by a kill is no damage', () => {
    const stored = readStoredTable(snapshot, journal.slice(0, -10), READING);
    expect(portsOf(stored)).toEqual([2, 3]);
    expect(stored.journalDamage).toBeUndefined();
  });

  it('a damaged first line of the journal costs that line only', () => {
    const broken = journal.replace(/^./, 'x');
    const { mappings, journalDamage } = readStoredTable(snapshot, broken, READING);
    expect(mappings.map((mapping) => mapping.externalPort as number).sort()).toEqual([2, 4]);
    expect(journalDamage).toBe('its first line is damaged; 3 of 3 further lines could be read');
  });

  it('a journal without its first line changes nothing that a younger snapshot says', () => {
    const younger = snapshotText(4, [someMapping(1)], { ...READING, wall: wallTimeAfter(READING.wall, minutes(1)) });
    const { mappings } = readStoredTable(younger, journal.replace(/^./, 'x'), READING);
    expect(mappings.map((mapping) => mapping.externalPort as number)).toEqual([1]);
  });

  it('what was written before the clock was set is read as if no time had gone by', () => {
    const in1970 = { now: START, wall: wallTime(40_000) };
    const early = snapshotText(3, [someMapping(1)], in1970);
    const late = journalHead(3) + journalText([{ kind: 'put', mapping: someMapping(2) }], READING);
    const restart = { now: instant(500), wall: wallTimeAfter(READING.wall, minutes(20)) };
    const leases = readStoredTable(early, late, restart).mappings.map((mapping) => mapping.leaseEndsAt);
    const whole = (someMapping(1).leaseEndsAt ?? 0) - START;
    expect(leases).toEqual([500 + whole, 500 + whole - minutes(20)]);
  });

  it('what was written by a clock that has gone back since is read as if no time had gone by', () => {
    const in2099 = { now: START, wall: wallTime(Date.UTC(2099, 0, 1)) };
    const early = journalHead(3) + journalText([{ kind: 'put', mapping: someMapping(2) }], in2099);
    const more = journalText([{ kind: 'put', mapping: someMapping(3) }], READING);
    const { mappings } = readStoredTable(snapshotText(3, [], READING), early + more, READING);
    const leases = mappings.map((mapping) => mapping.leaseEndsAt);
    expect(leases).toEqual([someMapping(2).leaseEndsAt, someMapping(3).leaseEndsAt]);
  });

  it('a damaged line in the middle is reported, the rest is used', () => {
    const lines = journal.split('\n');
    lines[1] = (lines[1] ?? '').replace('gone', 'gine');
    const stored = readStoredTable(snapshot, lines.join('\n'), READING);
    expect(portsOf(stored)).toEqual([1, 2, 4]);
    expect(stored.journalDamage).toContain('1 of 3');
  });

  it('a damaged line of the snapshot is reported, the rest is used', () => {
    const stored = readStoredTable(snapshot.replace('"externalPort":1,', '"externalPort":9,'), journalHead(3), READING);
    expect(portsOf(stored)).toEqual([2]);
    expect(stored.snapshotDamage).toContain('1 of 2');
  });

  it.each([
    ['nonsense', 'hello'],
    ['empty', ''],
    ['somebody else’s JSON', '{"head":{},"crc":"","mappings":[]}'],
  ])('a snapshot that is %s is damage', (_name, text) => {
    expect(readStoredTable(text, undefined, READING).snapshotDamage).toBeDefined();
  });

  it('a snapshot of a later release is not guessed at', () => {
    const head = JSON.stringify({ format: 'igd2pcp mappings', version: 99, generation: 1, savedAt: 0, count: 0 });
    const text = `{"head":${head},"crc":"${checksum(head)}","mappings":[\n\n]}\n`;
    expect(readStoredTable(text, undefined, READING).snapshotDamage).toContain('version 99');
  });

  it('a box whose clock starts in the past loses no lease', () => {
    const wrong = { now: instant(5), wall: wallTime(0) };
    const [mapping] = readStoredTable(snapshot, undefined, wrong).mappings;
    expect(mapping?.leaseEndsAt).toBe(5 + hours(1));
  });
});

describe('owed releases on disk (RFC 6887 §15, IWF-45)', () => {
  const owed = [someOwed(70), someOwed(71, { protocol: 'UDP', isThirdParty: true })];
  const snapshot = snapshotText(3, [someMapping(1)], READING, owed);
  const journal =
    journalHead(3) +
    journalText(
      [
        { kind: 'owed', release: someOwed(72) },
        { kind: 'done', place: someOwed(70) },
      ],
      READING,
    );
  const owedPorts = (stored: ReturnType<typeof readStoredTable>) => stored.owed.map(({ internalPort }) => internalPort);

  it('come back as they were', () => {
    const stored = readStoredTable(snapshot, undefined, READING);
    expect(stored).toMatchObject({ owed, snapshotDamage: undefined });
    expect(stored.mappings).toHaveLength(1);
  });

  it('the journal adds to them and takes away', () => {
    const stored = readStoredTable(snapshot, journal, READING);
    expect(owedPorts(stored)).toEqual([71, 72]);
    expect(stored.journalDamage).toBeUndefined();
  });

  it('are no mappings, so that releases that know nothing of them read the rest', () => {
    const { head, mappings } = JSON.parse(snapshot) as { head: Record<string, unknown>; mappings: unknown[] };
    expect(head).toMatchObject({ version: 2, count: 1, owed: 2 });
    expect(mappings).toHaveLength(1);
    const lines = journal.split('\n').slice(1, 3);
    for (const line of lines) expect(Object.keys(JSON.parse(line.slice(9)))).not.toContain('put');
  });

  it('of a mapping that is still there are void: the kill came before its end was written', () => {
    const { protocol, upstream } = someMapping(1);
    const debt = someOwed(1, { protocol, server: upstream.server, internalAddress: upstream.internalAddress });
    const entry = journalText([{ kind: 'owed', release: { ...debt, internalPort: upstream.internalPort } }], READING);
    expect(owedPorts(readStoredTable(snapshot, journalHead(3) + entry, READING))).toEqual([70, 71]);
    const gone = journalText([{ kind: 'gone', key: someMapping(1) }], READING);
    expect(owedPorts(readStoredTable(snapshot, journalHead(3) + entry + gone, READING))).toHaveLength(3);
  });

  it('that are damaged are reported, the rest is used', () => {
    const stored = readStoredTable(snapshot.replace('"internalPort":70', '"internalPort":99'), undefined, READING);
    expect(owedPorts(stored)).toEqual([71]);
    expect(stored.snapshotDamage).toContain('1 of 3');
  });

  it('are refused with any field missing or impossible', () => {
    const record = owedRecordOf(someOwed(70), READING);
    expect(owedReleaseOf(record, READING)).toEqual(someOwed(70));
    for (const field of Object.keys(record)) {
      expect(owedReleaseOf({ ...record, [field]: undefined }, READING), field).toBeUndefined();
      expect(owedReleaseOf({ ...record, [field]: { no: 'such value' } }, READING), field).toBeUndefined();
    }
    expect(owedReleaseOf('text', READING)).toBeUndefined();
  });

  it('are kept in wall time: grants end while the box is off', () => {
    const later = { now: instant(77), wall: wallTimeAfter(READING.wall, minutes(20)) };
    expect(readStoredTable(snapshot, undefined, later).owed[0]?.endsAt).toBe(77 + minutes(40));
  });
});

describe('small things', () => {
  it('the checksum is CRC-32 (IEEE 802.3 check value)', () => {
    expect(checksum('123456789')).toBe('cbf43926');
  });

  it('dates of set-aside files are UTC', () => {
    for (const iso of ['1970-01-01T00:00:00Z', '2024-02-29T23:59:59Z', '2026-11-20T09:45:00Z', '2000-12-31T12:00:00Z'])
      expect(calendarDate(wallTime(Date.parse(iso)))).toBe(iso.replaceAll(/[-:]/g, ''));
  });
});

describe('a state directory of the release before (version 1)', () => {
  const fixture = (name: string): string =>
    readFileSync(new URL(`../fixtures/state-version-1/${name}`, import.meta.url), 'utf8');
  const then = { now: START, wall: wallTime(1_700_000_000_000) };

  it('is read whole: who made what by which door, what any port was good for, what is owed (RFC 6970 §5.3)', () => {
    const stored = readStoredTable(fixture('mappings.json'), fixture('mappings.journal'), then);
    expect(stored).toMatchObject({ generation: 4, snapshotDamage: undefined, journalDamage: undefined });
    expect(
      stored.mappings.map(({ externalPort, isPublished, madeBy }) => [
        externalPort,
        isPublished,
        madeBy.via,
        madeBy.name,
      ]),
    ).toEqual([
      [6881, true, 'IGD:1', 'miniupnpc/2.2.4'],
      [6883, true, 'operator', 'miniupnpc/2.2.4'],
    ]);
    expect(stored.owed.map(({ protocol, internalPort }) => [protocol, internalPort])).toEqual([['UDP', 7000]]);
    const any = readStoredTable(fixture('mappings.json'), undefined, then).mappings.at(-1);
    expect(any).toMatchObject({ externalPort: 6882, isPublished: false, madeBy: { via: 'IGD:2' } });
  });

  it('is read behind a damaged first line of the journal, too', () => {
    const torn = fixture('mappings.journal').replace('igd2pcp', 'igd2xxx');
    const { mappings, journalDamage } = readStoredTable(fixture('mappings.json'), torn, then);
    expect(journalDamage).toMatch(/its first line is damaged/);
    expect(mappings.map(({ externalPort }) => externalPort)).toContain(6883);
  });
});
