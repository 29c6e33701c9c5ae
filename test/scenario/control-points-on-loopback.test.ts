// The same clients over real sockets on loopback: bytes, header spelling and connections as they are on a LAN.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { IpAddress } from '../../src/base/ip-address.ts';
import { SILENT_LOG } from '../../src/base/log.ts';
import { createNodeHost } from '../../src/platform/node-host.ts';
import { CLIENTS, clientNamed } from '../doubles/clients/client-catalogue.ts';
import type { ClientProfile } from '../doubles/clients/client-profile.ts';
import { type PlayReport, play } from '../doubles/control-point.ts';
import { nodeControlPointHttp } from '../doubles/control-point-node-http.ts';
import { type LanSideUnderTest, openLanSide } from '../doubles/lan-side-under-test.ts';

// Addresses of 127/8 that no other test speaks on.
const ROUTER = IpAddress.of('127.0.20.1');
const OWN = IpAddress.of('127.0.20.2');

describe('control points over real sockets', () => {
  const host = createNodeHost(SILENT_LOG);
  let lanSide: LanSideUnderTest;
  let urls: readonly string[];

  beforeAll(async () => {
    lanSide = await openLanSide(host, [ROUTER.text], 'auto', 0);
    urls = lanSide.side.views()[0]?.descriptionUrls ?? [];
  });
  afterAll(() => lanSide.close());

  const playAs = (client: ClientProfile, location?: string): Promise<PlayReport> =>
    play(client, {
      host,
      http: nodeControlPointHttp(host, OWN),
      own: OWN,
      gateway: ROUTER,
      externalPort: 16881,
      internalPort: 6881,
      tidiesUp: true,
      ...(location === undefined ? {} : { location }),
    });
  const problems = (report: PlayReport): readonly string[] =>
    report.steps.flatMap(({ what, got, problem }) => (problem === undefined ? [] : [`${what}: ${got}: ${problem}`]));

  it.each(CLIENTS.map(({ key }) => key))('%s', async (key) => {
    const client = clientNamed(key);
    if (client === undefined) throw new Error(`no client ${key}`);
    const [version1, version2] = urls;
    const report = await playAs(client, key === 'nat-port-mapper' ? version2 : version1);
    expect(problems(report)).toEqual([]);
    expect(report.isContent).toBe(true);
    expect(report.leftOpen).toEqual([]);
    expect(lanSide.gateway.table).toEqual([]);
  });

  it.each([
    ['libtorrent', '/igd1.xml'],
    ['nat-port-mapper', '/igd2.xml'],
  ])('%s finds %s by a real search', async (key, path) => {
    const client = clientNamed(key);
    if (client === undefined) throw new Error(`no client ${key}`);
    // MX 0 is answered at once; asked at its address, no other gateway on this machine's loopback answers.
    const hasty = { ...client, searches: client.searches.map((one) => ({ ...one, mx: 0, isUnicast: true })) };
    const report = await playAs(hasty);
    expect(problems(report)).toEqual([]);
    expect(report.location?.endsWith(path)).toBe(true);
    expect(report.leftOpen).toEqual([]);
    expect(lanSide.gateway.table).toEqual([]);
  });
});
