import { describe, expect, it } from 'vitest';
import { type Endpoint, IpAddress } from '../../../src/base/ip-address.ts';
import { after, type Instant, instant, milliseconds, seconds } from '../../../src/base/time.ts';
import { type EventedService, eventKeyAfter, grantedTimeout } from '../../../src/upnp/eventing/subscription.ts';
import {
  MAX_SUBSCRIPTIONS,
  MAX_SUBSCRIPTIONS_PER_HOST,
  Subscriptions,
  type SubscriptionsOutput,
} from '../../../src/upnp/eventing/subscriptions.ts';
import { seededRandom } from '../../doubles/seeded-random.ts';

const T0 = instant(1_000);
const OWN: Endpoint = { address: IpAddress.of('192.168.1.1'), port: 5000 };
const HOST = { address: IpAddress.of('192.168.1.20'), local: OWN };
const OTHER_HOST = { address: IpAddress.of('192.168.1.21'), local: OWN };
const CALLBACK = '<http://192.168.1.20:49152/evt>';

const values = new Map([
  ['ConnectionStatus', 'Connected'],
  ['ExternalIPAddress', '203.0.113.7'],
]);
const WAN: EventedService = { key: 'wan', path: '/event/wan', variables: () => values };
const L3F: EventedService = { key: 'l3f', path: '/event/l3f', variables: () => new Map([['Default', 'x & <y>']]) };

const at = (ms: number): Instant => after(T0, milliseconds(ms));

class Bench {
  readonly macs = new Map<string, string>();
  readonly machine = new Subscriptions(
    [WAN, L3F],
    seededRandom(7),
    (address) => this.macs.get(address.text) ?? address.text,
  );

  subscribe(callback = CALLBACK, service = 'wan', from = HOST): string {
    const granted = this.machine.subscribe(service, callback, 'Second-1800', from, T0);
    if (!granted.ok) throw new Error(granted.error.why);
    return granted.value.sid;
  }

  /** Subscribed, and the initial event delivered. */
  settled(callback = CALLBACK): string {
    const sid = this.subscribe(callback);
    this.machine.handleAnswered(sid, T0);
    this.machine.handleDelivered(sid, T0);
    return sid;
  }

  change(variables: Record<string, string>, now: Instant): readonly SubscriptionsOutput[] {
    return this.machine.handleChange('wan', new Map(Object.entries(variables)), now);
  }
}

/** "SEQ name=value …" of each event. */
const told = (outputs: readonly SubscriptionsOutput[]): string[] =>
  outputs.map((output) => {
    if (output.kind !== 'notify') return output.kind;
    const pairs = [...output.body.matchAll(/<e:property><(\w+)>([^<]*)<\/\1><\/e:property>/g)];
    return [output.headers['SEQ'], ...pairs.map(([, name, value]) => `${name}=${value}`)].join(' ');
  });

describe('subscribing (UDA 1.1 §4.1.2)', () => {
  it('gives each subscription an SID of its own', () => {
    const bench = new Bench();
    const sids = [bench.subscribe(), bench.subscribe(), bench.subscribe()];
    expect(new Set(sids).size).toBe(3);
    for (const sid of sids)
      expect(sid).toMatch(/^uuid:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it.each([
    [undefined, 1800],
    ['infinite', 1800],
    ['Second-infinite', 1800],
    ['nonsense', 1800],
    ['Second-0', 1800],
    ['Second-300', 1800],
    ['Second-1800', 1800],
    ['second-1801', 1801],
    ['Second-3600', 3600],
    ['Second-99999999', 7200],
    ['Second-99999999999999999999', 1800],
  ])('TIMEOUT %s is granted as %d s, never as infinite', (asked, granted) => {
    expect(grantedTimeout(asked)).toBe(seconds(granted));
  });

  it('answers 412 when no callback is acceptable (CVE-2020-12695)', () => {
    const { machine } = new Bench();
    expect(machine.subscribe('wan', '<http://203.0.113.5/>', undefined, HOST, T0)).toMatchObject({
      ok: false,
      error: { status: 412 },
    });
    expect(machine.size).toBe(0);
  });

  it('sends the initial event only after the answer has left: SEQ 0 and all evented variables', () => {
    const bench = new Bench();
    const sid = bench.subscribe();
    expect(bench.machine.handleTimeout(at(10_000))).toEqual([]);
    expect(bench.machine.handleAnswered(sid, at(5))).toEqual([
      {
        kind: 'notify',
        sid,
        endpoint: { address: HOST.address, port: 49152 },
        path: '/evt',
        headers: {
          HOST: '192.168.1.20:49152',
          'CONTENT-TYPE': 'text/xml; charset="utf-8"',
          NT: 'upnp:event',
          NTS: 'upnp:propchange',
          SID: sid,
          SEQ: '0',
          CONNECTION: 'close',
        },
        body:
          '<?xml version="1.0"?>\n<e:propertyset xmlns:e="urn:schemas-upnp-org:event-1-0">' +
          '<e:property><ConnectionStatus>Connected</ConnectionStatus></e:property>' +
          '<e:property><ExternalIPAddress>203.0.113.7</ExternalIPAddress></e:property></e:propertyset>\n',
        within: seconds(10),
      },
    ]);
    expect(bench.machine.handleAnswered(sid, at(6))).toEqual([]);
  });

  it('escapes values in the event body', () => {
    const bench = new Bench();
    const [event] = bench.machine.handleAnswered(bench.subscribe(CALLBACK, 'l3f'), T0);
    expect(event?.kind === 'notify' && event.body).toContain('<Default>x &amp; &lt;y&gt;</Default>');
  });

  it('leaves changes between subscription and answer to the initial event', () => {
    const bench = new Bench();
    const sid = bench.subscribe();
    bench.change({ ConnectionStatus: 'Disconnected' }, at(1));
    expect(told(bench.machine.handleAnswered(sid, at(2)))).toEqual([
      '0 ConnectionStatus=Connected ExternalIPAddress=203.0.113.7',
    ]);
    expect(bench.machine.handleDelivered(sid, at(500))).toEqual([]);
  });
});

describe('renewing and ending (UDA 1.1 §4.1.3, §4.1.4)', () => {
  it('renews with the same SID and counts from then', () => {
    const bench = new Bench();
    const sid = bench.settled();
    const later = after(T0, seconds(1000));
    expect(bench.machine.renew('wan', sid, 'Second-1800', HOST, later)).toEqual({
      ok: true,
      value: { sid, timeout: seconds(1800) },
    });
    expect(bench.machine.handleTimeout(after(T0, seconds(1801)))).toEqual([]);
    expect(told(bench.machine.handleTimeout(after(later, seconds(1800))))).toEqual(['expired']);
  });

  it('ends by itself when its time is up, and says when that will be', () => {
    const bench = new Bench();
    const sid = bench.settled();
    expect(bench.machine.nextWake()).toEqual({
      at: after(T0, seconds(1800)),
      why: 'end the subscription of 192.168.1.20',
    });
    expect(bench.machine.handleTimeout(after(T0, seconds(1800)))).toEqual([
      { kind: 'expired', sid, subscriber: HOST.address },
    ]);
    expect(bench.machine.size).toBe(0);
    expect(bench.machine.nextWake()).toBeUndefined();
  });

  it('412 to a renewal of a subscription that ran out, even if nobody has looked since', () => {
    const bench = new Bench();
    const sid = bench.settled();
    const error = { status: 412, why: 'unknown or expired SID' };
    expect(bench.machine.renew('wan', sid, undefined, HOST, after(T0, seconds(1800)))).toEqual({ ok: false, error });
  });

  it.each([
    ['an SID nobody has', 'wan', 'uuid:0', HOST],
    ['an SID of another service', 'l3f', undefined, HOST],
    ["somebody else's SID", 'wan', undefined, OTHER_HOST],
  ])('412 to renewing or ending %s', (_name, service, unknownSid, from) => {
    const bench = new Bench();
    const sid = unknownSid ?? bench.settled();
    expect(bench.machine.renew(service, sid, undefined, from, T0)).toMatchObject({ ok: false, error: { status: 412 } });
    expect(bench.machine.unsubscribe(service, sid, from)).toMatchObject({ ok: false, error: { status: 412 } });
  });

  it('sends nothing more after an UNSUBSCRIBE, not even what was due', () => {
    const bench = new Bench();
    const sid = bench.settled();
    bench.change({ ConnectionStatus: 'Disconnected' }, T0);
    expect(bench.machine.unsubscribe('wan', sid, HOST)).toEqual({ ok: true, value: undefined });
    expect(bench.machine.handleTimeout(at(1000))).toEqual([]);
    expect(bench.machine.unsubscribe('wan', sid, HOST).ok).toBe(false);
  });
});

describe('events (UDA 1.1 §4.3.2)', () => {
  it('merges a burst: one action is one event, with the last values', () => {
    const bench = new Bench();
    bench.settled();
    expect(bench.change({ PortMappingNumberOfEntries: '1', SystemUpdateID: '1' }, at(0))).toEqual([]);
    bench.change({ PortMappingNumberOfEntries: '2' }, at(100));
    bench.change({ SystemUpdateID: '2' }, at(199));
    expect(bench.machine.nextWake()).toEqual({ at: at(200), why: 'send an event to 192.168.1.20' });
    expect(bench.machine.handleTimeout(at(199))).toEqual([]);
    expect(told(bench.machine.handleTimeout(at(200)))).toEqual(['1 PortMappingNumberOfEntries=2 SystemUpdateID=2']);
  });

  it('has one event on its way per subscriber; what changes meanwhile follows as one', () => {
    const bench = new Bench();
    const sid = bench.settled();
    bench.change({ A: '1' }, at(0));
    expect(told(bench.machine.handleTimeout(at(200)))).toEqual(['1 A=1']);
    bench.change({ A: '2' }, at(300));
    bench.change({ A: '3', B: '1' }, at(5_000));
    expect(bench.machine.handleTimeout(at(8_000))).toEqual([]);
    expect(told(bench.machine.handleDelivered(sid, at(8_000)))).toEqual(['2 A=3 B=1']);
    expect(bench.machine.handleDelivered(sid, at(8_100))).toEqual([]);
  });

  it('tells every subscriber of the service and nobody else, each with its own SEQ', () => {
    const bench = new Bench();
    const first = bench.settled();
    bench.change({ A: '1' }, at(0));
    bench.machine.handleTimeout(at(200));
    bench.machine.handleDelivered(first, at(201));
    const second = bench.settled();
    bench.machine.handleAnswered(bench.subscribe(CALLBACK, 'l3f'), at(250));
    bench.change({ A: '2' }, at(300));
    const outputs = bench.machine.handleTimeout(at(500));
    expect(outputs.map((output) => output.sid)).toEqual([first, second]);
    expect(told(outputs)).toEqual(['2 A=2', '1 A=2']);
  });

  it('counts SEQ up by one and wraps from 4294967295 to 1, not to 0', () => {
    expect([eventKeyAfter(0), eventKeyAfter(1), eventKeyAfter(0xffff_fffe), eventKeyAfter(0xffff_ffff)]).toEqual([
      1, 2, 0xffff_ffff, 1,
    ]);
  });

  it('tries the callbacks in order with the same event, and begins with the one that worked next time', () => {
    const bench = new Bench();
    const sid = bench.settled('<http://192.168.1.20:1/a><http://192.168.1.20:2/b>');
    const places = (outputs: readonly SubscriptionsOutput[]): unknown =>
      outputs.map((output) => output.kind === 'notify' && `${output.endpoint.port} ${output.headers['SEQ']}`);
    bench.change({ A: '1' }, at(0));
    expect(places(bench.machine.handleTimeout(at(200)))).toEqual(['1 1']);
    expect(places(bench.machine.handleFailed(sid, at(300)))).toEqual(['2 1']);
    expect(bench.machine.handleDelivered(sid, at(400))).toEqual([]);
    bench.change({ A: '2' }, at(500));
    expect(places(bench.machine.handleTimeout(at(700)))).toEqual(['2 2']);
  });

  it('keeps a subscriber that cannot be reached until its time is up; lost values ride along with the next event', () => {
    const bench = new Bench();
    const sid = bench.settled();
    bench.change({ A: '1', B: '1' }, at(0));
    bench.machine.handleTimeout(at(200));
    expect(bench.machine.handleFailed(sid, at(300))).toEqual([]);
    expect(bench.machine.handleTimeout(at(60_000))).toEqual([]);
    bench.change({ B: '2' }, at(60_000));
    expect(told(bench.machine.handleTimeout(at(60_200)))).toEqual(['2 A=1 B=2']);
    expect(bench.machine.size).toBe(1);
  });

  it('sends events more and more rarely to a subscriber that cannot be reached, and at once again when it can', () => {
    const bench = new Bench();
    const sid = bench.settled();
    const sentAt: number[] = [];
    let isReached = false;
    for (let ms = 0; ms < 600_000; ms += 100) {
      bench.change({ A: String(ms) }, at(ms));
      if (bench.machine.handleTimeout(at(ms)).length === 0) continue;
      sentAt.push(ms);
      isReached = ms > 500_000;
      if (isReached) break;
      bench.machine.handleFailed(sid, at(ms));
    }
    expect(isReached).toBe(true);
    expect(sentAt.slice(0, 6)).toEqual([200, 1200, 3200, 7200, 15_200, 31_200]);
    expect(sentAt.length).toBeLessThan(25);
    const reachedAt = sentAt.at(-1) ?? 0;
    bench.machine.handleDelivered(sid, at(reachedAt));
    bench.change({ A: 'last' }, at(reachedAt + 100));
    expect(told(bench.machine.handleTimeout(at(reachedAt + 300)))).toEqual([`${sentAt.length + 1} A=last`]);
  });

  it('ignores what is reported of subscriptions that are gone', () => {
    const { machine } = new Bench();
    expect([machine.handleDelivered('uuid:x', T0), machine.handleFailed('uuid:x', T0)]).toEqual([[], []]);
    expect(machine.handleAnswered('uuid:x', T0)).toEqual([]);
  });

  it('sends no event for no change', () => {
    const bench = new Bench();
    bench.settled();
    bench.change({}, at(0));
    expect(bench.machine.handleTimeout(at(1000))).toEqual([]);
  });
});

describe('caps', () => {
  it('lets one machine hold so many subscriptions, and leaves room for the others', () => {
    const bench = new Bench();
    for (let i = 0; i < MAX_SUBSCRIPTIONS_PER_HOST; i += 1) bench.subscribe();
    expect(bench.machine.subscribe('wan', CALLBACK, undefined, HOST, T0)).toEqual({
      ok: false,
      error: { status: 503, why: 'too many subscriptions' },
    });
    expect(bench.subscribe('<http://192.168.1.21/>', 'wan', OTHER_HOST)).toMatch(/^uuid:/);
  });

  it('counts a machine with many addresses once, also after its addresses have gone from sight', () => {
    const bench = new Bench();
    const alias = (number: number) => ({ address: IpAddress.of(`192.168.1.${100 + number}`), local: OWN });
    const granted = (number: number): boolean => {
      const { address } = alias(number);
      bench.macs.set(address.text, '02:00:00:00:00:aa');
      const asked = bench.machine.subscribe('wan', `<http://${address.text}/>`, undefined, alias(number), T0);
      bench.macs.delete(address.text);
      return asked.ok;
    };
    const taken = Array.from({ length: 100 }, (_, index) => granted(index % 16)).filter((isGranted) => isGranted);
    expect(taken).toHaveLength(MAX_SUBSCRIPTIONS_PER_HOST);
    expect(bench.subscribe('<http://192.168.1.21/>', 'wan', OTHER_HOST)).toMatch(/^uuid:/);
  });

  it('holds no more than so many in total, and takes new ones when old ones end', () => {
    const bench = new Bench();
    for (let i = 0; i < MAX_SUBSCRIPTIONS; i += 1) {
      const address = IpAddress.of(`192.168.${10 + (i >> 8)}.${i & 255}`);
      bench.subscribe(`<http://${address.text}/>`, 'wan', { address, local: OWN });
    }
    expect(bench.machine.subscribe('wan', CALLBACK, undefined, HOST, T0)).toMatchObject({ error: { status: 503 } });
    bench.machine.handleTimeout(after(T0, seconds(1800)));
    expect(bench.machine.subscribe('wan', CALLBACK, undefined, HOST, T0).ok).toBe(true);
  });
});
