import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../src/base/ip-address.ts';
import { portNumber } from '../../src/base/port-number.ts';
import { hours, instant, minutes } from '../../src/base/time.ts';
import type { Mapping } from '../../src/mapping/mapping.ts';
import { mappingEvent } from '../../src/operator/mapping-event.ts';
import { mappingView } from '../../src/operator/mapping-view.ts';
import { TEN_OCLOCK } from './sample-source.ts';

const HOST = IpAddress.of('192.168.1.10');

const mapping = (changes: Partial<Mapping> = {}): Mapping => ({
  protocol: 'TCP',
  externalPort: portNumber(6881),
  remoteHost: '',
  remotePeers: [],
  internalClient: HOST,
  internalPort: portNumber(6881),
  description: 'Torrent client',
  madeBy: { address: HOST, name: 'x', via: 'IGD:1' },
  isPublished: true,
  createdAt: TEN_OCLOCK,
  leaseEndsAt: instant(hours(1)),
  leaseSeconds: 3600,
  nat1Port: undefined,
  upstream: {
    server: 'pcp:192.0.2.1',
    nonce: '000102030405060708090a0b',
    internalAddress: HOST,
    internalPort: portNumber(6881),
    isThirdParty: true,
    assignedAddress: IpAddress.of('198.51.100.7'),
    assignedPort: portNumber(6881),
    grantedAt: instant(0),
    expiresAt: instant(hours(1)),
    renewAt: instant(minutes(30)),
    window: 1,
  },
  state: 'granted',
  ...changes,
});

const nameOf = (address: string) => (address === '192.168.1.10' ? 'desk-pc' : undefined);
const textOf = (change: Parameters<typeof mappingEvent>[0]) => mappingEvent(change, TEN_OCLOCK, nameOf)?.text;

describe('mappingEvent', () => {
  it('says who opened what for whom, and for how long', () => {
    expect(textOf({ kind: 'added', mapping: mapping() })).toBe(
      'TCP 6881 → desk-pc (192.168.1.10:6881) opened for "Torrent client", for 60 min',
    );
    const byAnother = mapping({
      madeBy: { address: IpAddress.of('192.168.1.2'), name: '', via: 'IGD:2' },
      isPublished: true,
      leaseSeconds: 0,
    });
    expect(textOf({ kind: 'added', mapping: byAnother })).toMatch(/by 192\.168\.1\.2, as long as the host is there$/);
  });

  it('says why a mapping ended, and warns only when it was lost', () => {
    const lost = mappingEvent(
      { kind: 'removed', mapping: mapping(), reason: 'lost', why: 'the server refused to renew (NO_RESOURCES)' },
      TEN_OCLOCK,
      nameOf,
    );
    expect(lost).toMatchObject({ kind: 'lost', level: 'warn' });
    expect(lost?.text).toMatch(/lost: the server refused to renew/);
    expect(
      mappingEvent({ kind: 'removed', mapping: mapping(), reason: 'expired', why: '' }, TEN_OCLOCK, nameOf),
    ).toMatchObject({ kind: 'expired', level: 'info' });
  });

  it('is silent about renewals that change nothing: 500 mappings must not fill the log', () => {
    const renewed = mapping({
      upstream: { ...mapping().upstream, renewAt: instant(hours(2)), expiresAt: instant(hours(3)) },
    });
    expect(textOf({ kind: 'updated', mapping: renewed, previous: mapping(), isVisible: false })).toBeUndefined();
    expect(
      textOf({ kind: 'updated', mapping: mapping({ state: 'restoring' }), previous: mapping(), isVisible: false }),
    ).toBeUndefined();
  });

  it('speaks of a move and not of a promise kept when an entry comes back under another number', () => {
    const upstream = { ...mapping().upstream, assignedPort: portNumber(6882) };
    const previous = mapping({ state: 'degraded', upstream });
    const now = mapping({ externalPort: portNumber(6882), upstream });
    expect(textOf({ kind: 'updated', mapping: now, previous, isVisible: true })).toMatch(
      /^TCP 6882 .* moved from port 6881 to port 6882$/,
    );
  });

  it.each<[string, Mapping, RegExp]>([
    [
      'another external address',
      mapping({ upstream: { ...mapping().upstream, assignedAddress: IpAddress.of('198.51.100.9') } }),
      /moved from 198\.51\.100\.7 to 198\.51\.100\.9/,
    ],
    [
      'another assigned port',
      mapping({ state: 'degraded', upstream: { ...mapping().upstream, assignedPort: portNumber(40000) } }),
      /only at port 40000/,
    ],
    [
      'another port that it followed',
      mapping({
        externalPort: portNumber(40000),
        upstream: { ...mapping().upstream, assignedPort: portNumber(40000) },
      }),
      /TCP 40000 .* moved from port 6881 to port 40000/,
    ],
    [
      'another address and port at once',
      mapping({
        upstream: {
          ...mapping().upstream,
          assignedAddress: IpAddress.of('198.51.100.9'),
          assignedPort: portNumber(40000),
        },
      }),
      /moved from 198\.51\.100\.7 port 6881 to 198\.51\.100\.9 port 40000/,
    ],
    ['another target', mapping({ internalPort: portNumber(6882) }), /led to 192\.168\.1\.10:6881 before/],
  ])('speaks of %s', (_, now, words) => {
    expect(textOf({ kind: 'updated', mapping: now, previous: mapping(), isVisible: true })).toMatch(words);
  });
});

describe('mappingView', () => {
  it('shows what is left of lease and lifetime, never less than nothing', () => {
    const view = mappingView(mapping(), instant(minutes(20)), 'desk-pc');
    expect(view).toMatchObject({
      leaseLeft: minutes(40),
      lifetimeLeft: minutes(40),
      renewIn: minutes(10),
      hostName: 'desk-pc',
      reason: '',
    });
    expect(mappingView(mapping(), instant(hours(9)), undefined)).toMatchObject({
      leaseLeft: 0,
      lifetimeLeft: 0,
      renewIn: 0,
    });
  });

  it('gives the reason where there is one', () => {
    expect(mappingView(mapping({ state: 'restoring' }), instant(0), undefined).reason).toMatch(/may have forgotten/);
    expect(
      mappingView(mapping({ upstream: { ...mapping().upstream, window: 2 } }), instant(0), undefined).reason,
    ).toMatch(/not answered/);
  });
});
