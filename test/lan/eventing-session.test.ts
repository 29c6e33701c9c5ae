import { beforeEach, describe, expect, it } from 'vitest';
import { Driver } from '../../src/base/drive.ts';
import type { HttpRequest, HttpResponse } from '../../src/base/http.ts';
import { type Endpoint, IpAddress } from '../../src/base/ip-address.ts';
import { milliseconds, minutes, seconds } from '../../src/base/time.ts';
import { EventingSession } from '../../src/lan/eventing-session.ts';
import type { SimulatedHost } from '../doubles/simulated-host.ts';
import { SimulatedWorld } from '../doubles/simulated-host.ts';

const GATEWAY: Endpoint = { address: IpAddress.of('192.168.1.1'), port: 5000 };
const PEER = IpAddress.of('192.168.1.20');
const PATH = '/event/igd1/WANIPConn1';
const HEADERS = { nt: 'upnp:event', callback: '<http://192.168.1.20:49152/evt>', timeout: 'Second-1800' };

describe('GENA over HTTP', () => {
  let world: SimulatedWorld;
  let gateway: SimulatedHost;
  let session: EventingSession;
  let status: number;
  let events: HttpRequest[];
  let order: string[];

  beforeEach(async () => {
    world = new SimulatedWorld();
    gateway = world.host([{ name: 'lan0', address: '192.168.1.1/24' }]);
    const subscriber = world.host([{ name: 'eth0', address: '192.168.1.20/24', segment: 'lan0' }]);
    status = 200;
    events = [];
    order = [];
    const limits = {
      bodyBytes: 1e5,
      headBytes: 1e4,
      headWithin: seconds(5),
      requestWithin: seconds(5),
      takenWithin: seconds(5),
      connections: 10,
      connectionsPerPeer: 10,
    };
    const place = { kind: 'tcp', endpoint: { address: PEER, port: 49152 } } as const;
    await subscriber.http.listen(place, limits, async (request) => {
      events.push(request);
      order.push(`event ${request.headers['seq']}`);
      return { status };
    });
    const variables = new Map([['ConnectionStatus', 'Connected']]);
    session = new EventingSession({
      host: gateway,
      driver: new Driver(world.clock),
      services: [{ key: 'igd1/wan', path: PATH, variables: () => variables }],
      machineOf: (address) => address.text,
      server: 'Linux UPnP/1.1 igd2pcp/0',
    });
  });

  const ask = (method: string, headers: Record<string, string>, path = PATH, peer = PEER): HttpResponse => {
    const response = session.handle({
      method,
      path,
      query: '',
      headers,
      body: '',
      bodyTooLong: false,
      httpVersion: '1.1',
      peer: { address: peer, port: 50000 },
      local: GATEWAY,
      hungUp: new AbortController().signal,
    });
    order.push(`answer ${response.status}`);
    response.afterwards?.();
    return response;
  };
  const seq = (): (string | undefined)[] => events.map((event) => event.headers['seq']);

  it('answers SUBSCRIBE with SID and TIMEOUT, then sends the initial event (UDA 1.1 §4.1.2)', async () => {
    const response = ask('SUBSCRIBE', HEADERS);
    await world.clock.advance(seconds(1));
    expect(response.status).toBe(200);
    expect(response.headers).toMatchObject({ TIMEOUT: 'Second-1800', SERVER: 'Linux UPnP/1.1 igd2pcp/0' });
    expect(response.headers?.['SID']).toMatch(/^uuid:/);
    expect(response.headers?.['DATE']).toMatch(/GMT$/);
    expect(order).toEqual(['answer 200', 'event 0']);
    expect(events[0]).toMatchObject({ method: 'NOTIFY', path: '/evt' });
    expect(events[0]?.headers['sid']).toBe(response.headers?.['SID']);
  });

  it('events what is published, one event per burst, in order', async () => {
    ask('SUBSCRIBE', HEADERS);
    await world.clock.advance(seconds(1));
    session.publish('igd1/wan', new Map([['PortMappingNumberOfEntries', '1']]));
    session.publish('igd1/wan', new Map([['PortMappingNumberOfEntries', '2']]));
    await world.clock.advance(milliseconds(250));
    session.publish('igd1/wan', new Map([['PortMappingNumberOfEntries', '3']]));
    await world.clock.advance(seconds(1));
    expect(seq()).toEqual(['0', '1', '2']);
    expect(events.map((event) => /NumberOfEntries>(\d)</.exec(event.body)?.[1])).toEqual([undefined, '2', '3']);
    expect(session.counts()).toMatchObject({ subscriptions: 1, eventsDelivered: 3, eventsFailed: 0 });
  });

  it('keeps a subscriber that answers with an error, and counts the failure', async () => {
    status = 500;
    ask('SUBSCRIBE', HEADERS);
    await world.clock.advance(seconds(1));
    expect(session.counts()).toMatchObject({ subscriptions: 1, eventsDelivered: 0, eventsFailed: 1 });
    status = 200;
    session.publish('igd1/wan', new Map([['ConnectionStatus', 'Disconnected']]));
    await world.clock.advance(seconds(1));
    expect(seq()).toEqual(['0', '1']);
  });

  it('renews, ends by UNSUBSCRIBE, and forgets by itself', async () => {
    const sid = ask('SUBSCRIBE', HEADERS).headers?.['SID'] ?? '';
    await world.clock.advance(minutes(20));
    expect(ask('SUBSCRIBE', { sid, timeout: 'Second-1800' })).toMatchObject({ status: 200, headers: { SID: sid } });
    await world.clock.advance(minutes(20));
    expect(session.counts().subscriptions).toBe(1);
    expect(ask('UNSUBSCRIBE', { sid }).status).toBe(200);
    expect(ask('UNSUBSCRIBE', { sid }).status).toBe(412);
    ask('SUBSCRIBE', HEADERS);
    await world.clock.advance(minutes(31));
    expect(session.counts().subscriptions).toBe(0);
  });

  it.each<[string, string, Record<string, string>, number]>([
    ['SID together with CALLBACK', 'SUBSCRIBE', { sid: 'uuid:1', callback: HEADERS.callback }, 400],
    ['SID together with NT', 'SUBSCRIBE', { sid: 'uuid:1', nt: 'upnp:event' }, 400],
    ['UNSUBSCRIBE with SID and NT', 'UNSUBSCRIBE', { sid: 'uuid:1', nt: 'upnp:event' }, 400],
    ['no CALLBACK', 'SUBSCRIBE', { nt: 'upnp:event' }, 412],
    ['a CALLBACK without a URL', 'SUBSCRIBE', { ...HEADERS, callback: 'x' }, 412],
    ['a CALLBACK to a stranger (CVE-2020-12695)', 'SUBSCRIBE', { ...HEADERS, callback: '<http://203.0.113.5/>' }, 412],
    ['another NT', 'SUBSCRIBE', { ...HEADERS, nt: 'upnp:other' }, 412],
    ['no NT', 'SUBSCRIBE', { callback: HEADERS.callback }, 412],
    ['an unknown SID', 'SUBSCRIBE', { sid: 'uuid:1' }, 412],
    ['an empty SID', 'SUBSCRIBE', { sid: '' }, 412],
    ['UNSUBSCRIBE of an unknown SID', 'UNSUBSCRIBE', { sid: 'uuid:1' }, 412],
    ['UNSUBSCRIBE without SID', 'UNSUBSCRIBE', {}, 412],
    ['another method', 'GET', {}, 405],
  ])('refuses %s (UDA 1.1 §4.1.2)', (_name, method, headers, expected) => {
    expect(ask(method, headers).status).toBe(expected);
    expect(session.counts().requestsRefused).toBe(1);
    expect(gateway.logged('warn')).toHaveLength(1);
  });

  it('names the methods of an event URL, and knows no other URL', () => {
    expect(ask('GET', {}).headers).toMatchObject({ ALLOW: 'SUBSCRIBE, UNSUBSCRIBE' });
    expect(ask('SUBSCRIBE', HEADERS, '/event/other').status).toBe(404);
    expect([session.serves(PATH), session.serves('/event/other')]).toEqual([true, false]);
  });

  it('answers 503 when one machine subscribes too often', () => {
    for (let i = 0; i < 32; i += 1) expect(ask('SUBSCRIBE', HEADERS).status).toBe(200);
    expect(ask('SUBSCRIBE', HEADERS).status).toBe(503);
  });

  it('puts nothing of the asker into its answers', () => {
    const nasty = { ...HEADERS, timeout: 'Second-1800\r\nX-Evil: 1', 'user-agent': 'evil\r\n' };
    expect(JSON.stringify(ask('SUBSCRIBE', nasty).headers)).not.toMatch(/evil/i);
    expect(JSON.stringify(ask('SUBSCRIBE', { sid: 'uuid:evil\r\n' }).headers)).not.toMatch(/evil/i);
  });

  it('sends nothing after it was closed', async () => {
    ask('SUBSCRIBE', HEADERS);
    await world.clock.advance(seconds(1));
    session.publish('igd1/wan', new Map([['ConnectionStatus', 'Disconnected']]));
    session.close();
    await world.clock.advance(minutes(1));
    expect(seq()).toEqual(['0']);
  });
});
