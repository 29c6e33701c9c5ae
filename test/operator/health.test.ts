import { describe, expect, it } from 'vitest';
import { minutes, seconds } from '../../src/base/time.ts';
import { healthOf } from '../../src/operator/health.ts';
import type { Snapshot } from '../../src/operator/operator-source.ts';
import { sampleMapping, sampleServer, sampleSnapshot } from './sample-source.ts';

const said = (changes: Partial<Snapshot>) => healthOf(sampleSnapshot(changes));
const granted = [sampleMapping()];

describe('healthOf', () => {
  it('says that all is well, and what is open where', () => {
    expect(said({ mappings: granted })).toEqual({
      level: 'good',
      sentence: 'All is well: the PCP server 192.0.2.1 answers, 1 port is open at 198.51.100.7.',
    });
  });

  it('says that the disk takes nothing, and what that means', () => {
    const what = '/var/lib/igd2pcp/mappings.json: no space left on device';
    expect(said({ diskProblem: { what, refusesPorts: true } })).toEqual({
      level: 'bad',
      sentence: `No new port can be opened, because it could not be written to disk: ${what}.`,
    });
    expect(said({ diskProblem: { what, refusesPorts: false } }).level).toBe('attention');
  });

  it('says what a silent server means for the people in the house', () => {
    const servers = [sampleServer({ health: 'down', healthFor: minutes(3) })];
    expect(said({ servers, mappings: granted })).toEqual({
      level: 'bad',
      sentence:
        'The PCP server 192.0.2.1 has not answered for 3 min: no new port can be opened, and 1 open port will begin to close in 58 min if it stays silent.',
    });
    expect(said({ servers, mappings: [] }).sentence).toMatch(/no new port can be opened\.$/);
  });

  it('says why there is no server (users.md 19: silence was the complaint)', () => {
    const noServerBecause = 'DHCP named none and the default route has no gateway';
    expect(said({ servers: [], noServerBecause })).toEqual({
      level: 'bad',
      sentence: `No PCP server is known, so no port can be opened: ${noServerBecause}.`,
    });
  });

  it.each<[string, Partial<Snapshot>, 'bad' | 'attention', RegExp]>([
    ['a LAN without any served interface', { lan: [] }, 'bad', /Nobody on the LAN is served/],
    [
      'a NAT of its own that fails',
      { wan: { interfaceName: 'wan', nat: 'nftables', natProblem: 'nft is not installed', natCounts: undefined } },
      'bad',
      /nft is not installed/,
    ],
    [
      'a server not heard of yet',
      { servers: [sampleServer({ health: 'unknown', healthFor: seconds(2) })] },
      'attention',
      /has not answered yet/,
    ],
    [
      'a recovery under way',
      { mappings: [sampleMapping({ state: 'restoring' })] },
      'attention',
      /1 port is being opened again/,
    ],
    [
      'another port than promised',
      { mappings: [sampleMapping({ state: 'degraded' })] },
      'attention',
      /under another number/,
    ],
    [
      'a private external address',
      { mappings: granted, externalAddress: '100.64.3.4', externalAddressIsPublic: false },
      'attention',
      /not a public one/,
    ],
    ['a full table', { mappings: granted, maxMappings: 1 }, 'attention', /policy\.max_mappings/],
  ])('notices %s', (_, changes, level, words) => {
    const health = said(changes);
    expect(health.level).toBe(level);
    expect(health.sentence).toMatch(words);
  });

  it('does not worry about the private address of a demo', () => {
    expect(said({ mappings: granted, isDemo: true, externalAddressIsPublic: false }).level).toBe('good');
  });
});
