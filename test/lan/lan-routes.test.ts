import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { IpAddress } from '../../src/base/ip-address.ts';
import { seconds } from '../../src/base/time.ts';
import { parseUrl } from '../doubles/control-point-http.ts';
import { simulatedControlPointHttp } from '../doubles/control-point-simulated-http.ts';
import { soapBody } from '../doubles/igd-under-test.ts';
import { type LanSideUnderTest, openLanSide } from '../doubles/lan-side-under-test.ts';
import { type SimulatedHost, SimulatedWorld } from '../doubles/simulated-host.ts';

const TYPE = 'urn:schemas-upnp-org:service:WANIPConnection:1';
const EVENTS = '/event/igd1/WANIPConnection';
const OWN = IpAddress.of('192.168.1.20');

describe('the paths of a LAN listener', () => {
  let world: SimulatedWorld;
  let gateway: SimulatedHost;
  let computer: SimulatedHost;
  let lan: LanSideUnderTest;

  beforeEach(async () => {
    world = new SimulatedWorld();
    gateway = world.host([{ name: 'lan0', address: '192.168.1.1/24' }]);
    computer = world.host([{ name: 'eth0', address: '192.168.1.20/24', segment: 'lan0' }]);
    lan = await openLanSide(gateway, ['lan0'], 'auto');
  });
  afterEach(() => lan.close());

  async function ask(method: string, path: string, headers: readonly (readonly [string, string])[] = [], body = '') {
    const http = simulatedControlPointHttp(world.network, computer, OWN);
    const place = parseUrl(`http://192.168.1.1:5000${path}`);
    if (place === undefined) throw new Error(path);
    const got = await world.clock.resolve(http.ask({ method, place, headers, body, within: seconds(5) }), seconds(10));
    if (!got.ok) throw new Error(got.error);
    return got.value;
  }

  const soapAction = (action: string) => [['SOAPACTION', `"${TYPE}#${action}"`]] as const;

  it('a POST with a SOAPACTION to the event URL is a control request (KTorrent)', async () => {
    const body = soapBody(TYPE, 'GetStatusInfo', {});
    for (const method of ['POST', 'M-POST']) {
      const answer = await ask(method, EVENTS, soapAction('GetStatusInfo'), body);
      expect([answer.status, answer.body.includes('GetStatusInfoResponse')]).toEqual([200, true]);
    }
    expect(lan.side.counts().subscriptionsRefused).toBe(0);
  });

  it('a POST without one is no request at all there: 405', async () => {
    const answer = await ask('POST', EVENTS, [], 'x');
    expect(answer.status).toBe(405);
  });

  it('says in the log that a request was refused, not a subscription, where it was none', async () => {
    await ask('PUT', EVENTS);
    const said = gateway.logged('warn').filter((line) => line.includes('event URL'));
    expect(said).toHaveLength(1);
    expect(said.join()).not.toContain('subscription');
  });

  it.each(['/igd1.xml', '/igd2.xml'])('%s names its page by an absolute URL (upnpc -P)', async (path) => {
    const { body } = await ask('GET', path);
    expect(/<presentationURL>(.*)<\/presentationURL>/.exec(body)?.[1]).toBe('http://192.168.1.1:5000/');
  });
});
