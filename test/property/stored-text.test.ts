// Files this box reads: its own state, its configuration, what DHCP programs leave. Any damage is a value; what a
// damaged state file still yields is what was written, never something new.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { wallTime } from '../../src/base/time.ts';
import { configProblemText } from '../../src/config/config-problem.ts';
import { readConfig } from '../../src/config/config-reader.ts';
import { parseDhcpLeases } from '../../src/interworking/host-departure.ts';
import { type OwedRelease, placeText } from '../../src/mapping/ledger.ts';
import type { Mapping } from '../../src/mapping/mapping.ts';
import { journalHead, journalText, readStoredTable, snapshotText } from '../../src/mapping/mapping-store.ts';
import { listeningPorts } from '../../src/packet-filter/nat1-ports.ts';
import { parseTableListing } from '../../src/packet-filter/nft-listing.ts';
import { readDhcpServers } from '../../src/upstream/pcp-servers.ts';
import { START, someMapping } from '../mapping/some-mapping.ts';
import { someOwed } from '../mapping/some-owed-release.ts';
import { corpus, damaged, FUZZ_TIMEOUT_MS, fuzz } from './fuzzing.ts';

const READING = { now: START, wall: wallTime(1_700_000_100_000) };
const KEPT = [someMapping(1001), someMapping(1002, { remoteHost: '203.0.113.9' }), someMapping(1003)];
const LATER = someMapping(2001);
const OWED = [someOwed(3001), someOwed(3002, { protocol: 'UDP', isThirdParty: true })];
const OWED_LATER = someOwed(3003);
const SNAPSHOT = snapshotText(7, KEPT, READING, OWED);
const JOURNAL =
  journalHead(7) +
  journalText(
    [
      { kind: 'put', mapping: LATER },
      { kind: 'owed', release: OWED_LATER },
      { kind: 'gone', key: someMapping(1003) },
      { kind: 'done', place: someOwed(3001) },
    ],
    READING,
  );
const WRITTEN: ReadonlySet<string> = new Set([...KEPT, LATER].map(essence));

const OWED_AS_WRITTEN: ReadonlySet<string> = new Set([...OWED, OWED_LATER].map(essenceOfOwed));

function essenceOfOwed(release: OwedRelease): string {
  return `${placeText(release)} ${release.nonce} ${release.isThirdParty} ${release.endsAt}`;
}

/** All that a restart relies on. */
function essence({ protocol, externalPort, remoteHost, internalClient, internalPort, upstream }: Mapping): string {
  return [protocol, externalPort, remoteHost, internalClient.text, internalPort, upstream.nonce].join(' ');
}

function expectOnlyWhatWasWritten(snapshot: string, journal: string): void {
  const { mappings, owed } = readStoredTable(snapshot, journal, READING);
  expect(owed.map(essenceOfOwed).filter((text) => !OWED_AS_WRITTEN.has(text))).toEqual([]);
  expect(mappings.map(essence).filter((text) => !WRITTEN.has(text))).toEqual([]);
  const keys = mappings.map(({ protocol, externalPort, remoteHost }) => `${protocol} ${externalPort} ${remoteHost}`);
  expect(new Set(keys).size).toBe(keys.length);
}

describe('state files', () => {
  it('torn at any octet yield only what was written (IWF-45)', () => {
    for (let end = 0; end <= SNAPSHOT.length; end += 1) expectOnlyWhatWasWritten(SNAPSHOT.slice(0, end), JOURNAL);
    for (let end = 0; end <= JOURNAL.length; end += 1) expectOnlyWhatWasWritten(SNAPSHOT, JOURNAL.slice(0, end));
  });

  it('a journal torn at any octet loses at most the lines behind the tear', () => {
    for (let end = JOURNAL.indexOf('\n') + 1; end <= JOURNAL.length; end += 1) {
      const { mappings, owed, journalDamage } = readStoredTable(SNAPSHOT, JOURNAL.slice(0, end), READING);
      expect(journalDamage).toBeUndefined();
      expect(mappings.length).toBeGreaterThanOrEqual(3);
      expect(owed.length).toBeGreaterThanOrEqual(2);
    }
  });

  it(
    'damaged in any other way yield only what was written',
    async () => {
      const pair = fc.oneof(
        fc.tuple(damaged([SNAPSHOT]), fc.constant(JOURNAL)),
        fc.tuple(fc.constant(SNAPSHOT), damaged([JOURNAL])),
      );
      await fuzz(pair, 1500, ([snapshot, journal]) => expectOnlyWhatWasWritten(snapshot, journal));
    },
    FUZZ_TIMEOUT_MS,
  );
});

describe('configuration files, damaged', () => {
  it(
    'are read, or refused with sentences that name the place',
    async () => {
      await fuzz(damaged(corpus('config')), 600, (fileText) => {
        const read = readConfig({ args: new Map(), env: {}, fileText, fileName: 'igd2pcp.toml', purpose: 'run' });
        if (read.ok) return;
        expect(read.error.length).toBeGreaterThan(0);
        for (const problem of read.error) expect(configProblemText(problem)).toMatch(/\S.*: \S|\S/);
      });
      expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    },
    FUZZ_TIMEOUT_MS,
  );
});

describe('what other programs leave, damaged', () => {
  it(
    'names at most eight PCP servers, none of them a group',
    async () => {
      await fuzz(damaged(corpus('dhcp')), 1500, (text) => {
        const servers = readDhcpServers(text);
        expect(servers.length).toBeLessThanOrEqual(8);
        expect(servers.flat().filter((address) => address.isMulticast)).toEqual([]);
      });
    },
    FUZZ_TIMEOUT_MS,
  );

  it(
    'is read as leases of whole lines or not at all',
    async () => {
      await fuzz(damaged(corpus('dhcp')), 1500, (text) => {
        expect(parseDhcpLeases(text).length).toBeLessThanOrEqual(text.split('\n').length);
      });
    },
    FUZZ_TIMEOUT_MS,
  );

  it(
    'of nft and the kernel is a value, whatever it is',
    async () => {
      await fuzz(damaged(corpus('nft')), 600, (text) => {
        const listed = parseTableListing(text, START);
        if (!listed.ok) expect(listed.error).not.toBe('');
        for (const port of listeningPorts('TCP', text)) expect(port).toBeLessThanOrEqual(0xffff);
      });
    },
    FUZZ_TIMEOUT_MS,
  );
});
