// Every client of the catalogue against the LAN side, in virtual time: which gateway it finds by its own searches, and
// whether it gets all it needs.

import { afterEach, describe, expect, it } from 'vitest';
import { IpAddress } from '../../src/base/ip-address.ts';
import { portNumber } from '../../src/base/port-number.ts';
import { minutes, seconds } from '../../src/base/time.ts';
import { refusal } from '../../src/interworking/refusal.ts';
import { CLIENTS, clientNamed } from '../doubles/clients/client-catalogue.ts';
import { WAN_IP_1, WAN_IP_2 } from '../doubles/clients/usual-calls.ts';
import { type PlayReport, play } from '../doubles/control-point.ts';
import { simulatedControlPointHttp } from '../doubles/control-point-simulated-http.ts';
import { type LanSideUnderTest, openLanSide } from '../doubles/lan-side-under-test.ts';
import { SimulatedWorld } from '../doubles/simulated-host.ts';

const OWN = IpAddress.of('192.168.1.20');
const ROUTER = IpAddress.of('192.168.1.1');

let open: LanSideUnderTest | undefined;
afterEach(async () => {
  await open?.close();
  open = undefined;
});

interface House {
  readonly lanSide: LanSideUnderTest;
  playAs(key: string): Promise<PlayReport>;
}

async function house(igd: 'auto' | '1' | '2'): Promise<House> {
  const world = new SimulatedWorld();
  const router = world.host([{ name: 'lan0', address: '192.168.1.1/24' }]);
  const client = world.host([{ name: 'eth0', address: '192.168.1.20/24', segment: 'lan0' }]);
  const lanSide = await openLanSide(router, ['lan0'], igd);
  open = lanSide;
  await world.clock.advance(seconds(3));
  return {
    lanSide,
    playAs: (key) => {
      const profile = clientNamed(key);
      if (profile === undefined) throw new Error(`no client ${key}`);
      const http = simulatedControlPointHttp(world.network, client, OWN);
      const options = { host: client, http, own: OWN, gateway: ROUTER, externalPort: 16881, internalPort: 6881 };
      return world.clock.resolve(play(profile, options), minutes(5));
    },
  };
}

const problems = (report: PlayReport): readonly string[] =>
  report.steps.flatMap(({ what, got, problem }) => (problem === undefined ? [] : [`${what}: ${got}: ${problem}`]));

/** Who uses the second gateway when both are there; everybody else must find the first. */
const USES_VERSION_2 = new Set(['tailscale', 'syncthing', 'nat-port-mapper']);

describe('igd = "auto": each client finds its own gateway and gets what it needs', () => {
  it.each(CLIENTS.map(({ key }) => key))('%s', async (key) => {
    const report = await (await house('auto')).playAs(key);
    expect(problems(report)).toEqual([]);
    expect(report.isContent).toBe(true);
    expect(report.connectionType).toBe(USES_VERSION_2.has(key) ? WAN_IP_2 : WAN_IP_1);
  });
});

describe('igd = "1": all but the one that wants IGD:2 alone', () => {
  it.each(CLIENTS.map(({ key }) => key))('%s', async (key) => {
    const report = await (await house('1')).playAs(key);
    expect(report.isContent).toBe(key !== 'nat-port-mapper');
    if (key !== 'nat-port-mapper') expect(report.connectionType).toBe(WAN_IP_1);
  });
});

describe('igd = "2": searches for version 1 are answered, Microsoft sees a version 1, the strict ones give up', () => {
  /** These look at types in the description and take version 1 only. */
  const SEES_NOTHING = new Set(['shareaza', 'amule', 'nat-upnp', 'playstation', 'gupnp-igd', 'utorrent', 'windows-xp']);

  it.each(CLIENTS.map(({ key }) => key))('%s', async (key) => {
    const report = await (await house('2')).playAs(key);
    expect([key, report.isContent, ...problems(report)]).toEqual(
      SEES_NOTHING.has(key) ? expect.arrayContaining([key, false]) : [key, true],
    );
  });
});

describe('a port that somebody else holds', () => {
  async function withHeldPort(): Promise<House> {
    const built = await house('auto');
    for (const protocol of ['TCP', 'UDP'] as const) {
      built.lanSide.gateway.table.push({
        protocol,
        externalPort: portNumber(16881),
        remoteHost: '',
        internalClient: IpAddress.of('192.168.1.99'),
        internalPort: portNumber(1234),
        isEnabled: true,
        description: 'other',
        leaseSeconds: 0,
      });
    }
    return built;
  }
  const calls = (report: PlayReport, action: string): number =>
    report.steps.filter(({ what }) => what === action).length;

  it('uTorrent 2.2 probes until a port is free, then adds', async () => {
    const report = await (await withHeldPort()).playAs('utorrent');
    expect(problems(report)).toEqual([]);
    expect(report.blanks.external).toBe('16882');
  });

  it('Azureus asks for the same port five more times, then gives up', async () => {
    const report = await (await withHeldPort()).playAs('azureus');
    expect(report.isContent).toBe(false);
    expect(calls(report, 'AddPortMapping')).toBe(6);
    expect(report.steps.at(-1)?.got).toMatch(/^718 /);
  });

  it('Shareaza looks once and gives up', async () => {
    const report = await (await withHeldPort()).playAs('shareaza');
    expect(report.isContent).toBe(false);
    expect(calls(report, 'AddPortMapping')).toBe(0);
  });

  it('libtorrent tries another port after 718', async () => {
    const report = await (await withHeldPort()).playAs('libtorrent');
    expect(problems(report)).toEqual([]);
    expect(Number(report.blanks.external)).toBeGreaterThanOrEqual(40_000);
  });

  it('Tailscale gets another port from AddAnyPortMapping and deletes that one', async () => {
    const report = await (await withHeldPort()).playAs('tailscale');
    expect(problems(report)).toEqual([]);
    expect(report.blanks.external).toBe('16882');
  });
});

describe('the harness itself notices', () => {
  it('a gateway that is not connected', async () => {
    const built = await house('auto');
    built.lanSide.gateway.status = 'Disconnected';
    const report = await built.playAs('transmission');
    expect(problems(report).join()).toMatch(/GetStatusInfo.*NewConnectionStatus must be Connected or Up/);
  });

  it('an external address that nobody can reach', async () => {
    const built = await house('auto');
    built.lanSide.gateway.address = IpAddress.of('100.64.0.9');
    expect(problems(await built.playAs('transmission')).join()).toMatch(/must be a public address/);
  });

  it('a gateway that refuses', async () => {
    const built = await house('auto');
    built.lanSide.gateway.refuse = refusal('unanswered', 'no answer in time');
    const report = await built.playAs('libtorrent');
    expect(report.isContent).toBe(false);
    expect(report.steps.filter(({ what }) => what === 'AddPortMapping')).toHaveLength(5);
  });

  it('that there is no gateway at all', async () => {
    const world = new SimulatedWorld();
    const client = world.host([{ name: 'eth0', address: '192.168.1.20/24' }]);
    const http = simulatedControlPointHttp(world.network, client, OWN);
    const options = { host: client, http, own: OWN, externalPort: 1, internalPort: 1 };
    const [profile] = CLIENTS;
    if (profile === undefined) throw new Error('the catalogue is empty');
    const report = await world.clock.resolve(play(profile, options), minutes(1));
    expect(report.isContent).toBe(false);
    expect(report.steps.at(-1)?.problem).toBe('it sees no gateway');
  });
});
