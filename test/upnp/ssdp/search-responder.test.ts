import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Endpoint } from '../../../src/base/ip-address.ts';
import { IpAddress } from '../../../src/base/ip-address.ts';
import { IpPrefix } from '../../../src/base/ip-prefix.ts';
import { type SsdpMessage, ssdpText } from '../../../src/base/ssdp-socket.ts';
import { after, type Instant, instant, milliseconds, seconds } from '../../../src/base/time.ts';
import type { AdvertisedRoot } from '../../../src/upnp/ssdp/advertised-root.ts';
import { SearchResponder, type SearchResponderOutput } from '../../../src/upnp/ssdp/search-responder.ts';
import { headerOf, searchMessage } from '../../../src/upnp/ssdp/ssdp-messages.ts';
import { seededRandom } from '../../doubles/seeded-random.ts';
import { always, IGD1, IGD2, IGD2_ALONE, SPEAKER } from './roots.ts';

const T0 = instant(5000);
const LAN = IpPrefix.of(IpAddress.of('192.168.1.1'), 24);
const ASKER: Endpoint = { address: IpAddress.of('192.168.1.20'), port: 40000 };
const DEVICE = 'urn:schemas-upnp-org:device:';
const SERVICE = 'urn:schemas-upnp-org:service:';

const both = (unit = 0.5): SearchResponder => new SearchResponder(SPEAKER, [IGD1, IGD2], LAN, always(unit));

const search = (...headers: readonly (readonly [string, string])[]): SsdpMessage => ({
  startLine: 'M-SEARCH * HTTP/1.1',
  headers,
});
const unicastSearch = (st: string): SsdpMessage =>
  search(['HOST', '192.168.1.1:1900'], ['MAN', '"ssdp:discover"'], ['ST', st]);

/** Everything that leaves for one search, the waiting included. */
function ask(
  responder: SearchResponder,
  message: SsdpMessage,
  from = ASKER,
  now: Instant = T0,
): SearchResponderOutput[] {
  return [...responder.handleMessage(message, from, now), ...responder.handleTimeout(after(now, seconds(5)))];
}

const answersIn = (outputs: readonly SearchResponderOutput[]): SsdpMessage[] =>
  outputs.flatMap((output) => (output.kind === 'unicast' ? [output.message] : []));

/** "ST LOCATION" of each answer. */
const summary = (outputs: readonly SearchResponderOutput[]): string[] =>
  answersIn(outputs).map((message) => `${headerOf(message, 'ST')} ${headerOf(message, 'LOCATION')?.slice(-9)}`);

describe('which searches are answered (UDA 1.1 §1.3.2)', () => {
  it('answers ssdp:all with the whole set of both roots', () => {
    const answers = answersIn(ask(both(), searchMessage('ssdp:all', 2)));
    expect(answers).toHaveLength(20);
    expect(new Set(answers.map((message) => headerOf(message, 'USN'))).size).toBe(20);
    expect(answers.filter((message) => headerOf(message, 'ST') === 'upnp:rootdevice')).toHaveLength(1);
  });

  it('answers upnp:rootdevice once, for the first root, so that nobody maps twice', () => {
    expect(summary(ask(both(), searchMessage('upnp:rootdevice', 1)))).toEqual(['upnp:rootdevice /igd1.xml']);
  });

  it.each([
    [`${DEVICE}InternetGatewayDevice:1`, '/igd1.xml'],
    [`${DEVICE}WANDevice:1`, '/igd1.xml'],
    [`${DEVICE}WANConnectionDevice:1`, '/igd1.xml'],
    [`${SERVICE}WANIPConnection:1`, '/igd1.xml'],
    [`${SERVICE}WANCommonInterfaceConfig:1`, '/igd1.xml'],
    [`${SERVICE}Layer3Forwarding:1`, '/igd1.xml'],
    [`${DEVICE}InternetGatewayDevice:2`, '/igd2.xml'],
    [`${DEVICE}WANDevice:2`, '/igd2.xml'],
    [`${DEVICE}WANConnectionDevice:2`, '/igd2.xml'],
    [`${SERVICE}WANIPConnection:2`, '/igd2.xml'],
    [`${SERVICE}DeviceProtection:1`, '/igd2.xml'],
  ])('auto: answers %s once, from %s, with the type echoed', (st, path) => {
    const outputs = ask(both(), searchMessage(st, 1));
    expect(summary(outputs)).toEqual([`${st} ${path}`]);
    expect(headerOf(answersIn(outputs)[0] ?? search(), 'USN')?.endsWith(`::${st}`)).toBe(true);
  });

  it.each([
    ['a uuid of the first root', 'uuid:bbbbbbbb-1111-4111-8111-111111111111', '/igd1.xml'],
    ['a uuid of the second root', 'uuid:dddddddd-1111-4111-8111-111111111111', '/igd2.xml'],
  ])('answers %s with the uuid itself', (_name, uuid, path) => {
    const outputs = ask(both(), searchMessage(uuid, 1));
    expect(summary(outputs)).toEqual([`${uuid} ${path}`]);
    expect(headerOf(answersIn(outputs)[0] ?? search(), 'USN')).toBe(uuid);
  });

  it.each([`${DEVICE}InternetGatewayDevice:1`, `${SERVICE}WANIPConnection:1`])(
    'igd = "2" alone: answers the older %s with that version in ST and USN (UDA 1.1 §1.3.2)',
    (st) => {
      const responder = new SearchResponder(SPEAKER, [IGD2_ALONE], LAN, always(0));
      const [answer] = answersIn(ask(responder, searchMessage(st, 1)));
      expect(answer && headerOf(answer, 'ST')).toBe(st);
      expect(answer && headerOf(answer, 'USN')?.endsWith(`::${st}`)).toBe(true);
      expect(answer && headerOf(answer, 'LOCATION')).toBe('http://192.168.1.1:5000/igd2.xml');
    },
  );

  it.each<[string, readonly AdvertisedRoot[], string]>([
    ['a version above ours', [IGD1, IGD2], `${DEVICE}InternetGatewayDevice:3`],
    ['version 2 on an IGD:1 alone', [IGD1], `${SERVICE}WANIPConnection:2`],
    ['version 0', [IGD1, IGD2], `${DEVICE}InternetGatewayDevice:0`],
    ['a leading zero', [IGD1, IGD2], `${DEVICE}InternetGatewayDevice:01`],
    ['another device', [IGD1, IGD2], `${DEVICE}MediaServer:1`],
    ['a service we lack', [IGD1, IGD2], `${SERVICE}WANPPPConnection:1`],
    ['an unknown uuid', [IGD1, IGD2], 'uuid:00000000-1111-4111-8111-111111111111'],
    ['a wildcard', [IGD1, IGD2], 'urn:*'],
    ['nothing', [IGD1, IGD2], ''],
    ['a very long target', [IGD1, IGD2], `uuid:${'a'.repeat(5000)}`],
  ])('keeps silent on %s (UDA 1.1 §1.3.2)', (_name, roots, st) => {
    const responder = new SearchResponder(SPEAKER, roots, LAN, always(0));
    expect(ask(responder, searchMessage(st, 1))).toEqual([{ kind: 'ignored', why: 'not ours' }]);
  });

  it('writes the answer of UDA 1.1 §1.3.3', () => {
    const [answer] = answersIn(ask(both(), unicastSearch('upnp:rootdevice')));
    expect(answer && ssdpText(answer)).toBe(
      [
        'HTTP/1.1 200 OK',
        'CACHE-CONTROL: max-age=1800',
        'EXT:',
        'LOCATION: http://192.168.1.1:5000/igd1.xml',
        'SERVER: Linux/6 UPnP/1.1 igd2pcp/0.1',
        'ST: upnp:rootdevice',
        'USN: uuid:aaaaaaaa-1111-4111-8111-111111111111::upnp:rootdevice',
        'BOOTID.UPNP.ORG: 7',
        'CONFIGID.UPNP.ORG: 42',
        '',
        '',
      ].join('\r\n'),
    );
  });

  it('says nothing to announcements and answers of others', () => {
    const responder = both();
    for (const startLine of ['NOTIFY * HTTP/1.1', 'HTTP/1.1 200 OK', '']) {
      expect(ask(responder, { startLine, headers: searchMessage('ssdp:all', 1).headers })).toEqual([]);
    }
  });
});

describe('when they are answered (UDA 1.1 §1.3.2)', () => {
  it.each(['1', '3', '5', '6', '120', '99999999999999999999'])(
    'MX %s: answers after some tens of milliseconds, however long the control point would wait (half way here: 20)',
    (mx) => {
      const responder = both(0.5);
      const message = search(['MAN', '"ssdp:discover"'], ['MX', mx], ['ST', 'upnp:rootdevice']);
      expect(responder.handleMessage(message, ASKER, T0)).toEqual([]);
      expect(responder.nextWake()?.at).toBe(after(T0, milliseconds(20)));
      expect(responder.handleTimeout(after(T0, milliseconds(19)))).toEqual([]);
      expect(responder.handleTimeout(after(T0, milliseconds(20)))).toMatchObject([{ kind: 'unicast', to: ASKER }]);
      expect(responder.nextWake()).toBeUndefined();
    },
  );

  it('has answered everything within 100 ms', () => {
    const responder = both(0.999);
    expect(responder.handleMessage(searchMessage('ssdp:all', 3), ASKER, T0)).toEqual([]);
    expect(responder.handleTimeout(after(T0, milliseconds(100)))).toHaveLength(20);
  });

  it('lets the first root finish before the second begins: who takes the first answer has the first root', () => {
    const unit = seededRandom(7).unit;
    const responder = new SearchResponder(SPEAKER, [IGD2, IGD1], LAN, { unit });
    responder.handleMessage(searchMessage('ssdp:all', 3), ASKER, T0);
    const found = answersIn(responder.handleTimeout(after(T0, milliseconds(100))));
    const roots = found.map((message) => headerOf(message, 'LOCATION')?.slice(-9));
    expect(roots).toEqual([...Array(10).fill('/igd1.xml'), ...Array(10).fill('/igd2.xml')]);
  });

  it('gives each answer of one search its own delay', () => {
    let step = 0;
    const responder = new SearchResponder(SPEAKER, [IGD1], LAN, {
      unit: () => {
        step += 1;
        return step / 20;
      },
    });
    responder.handleMessage(searchMessage('ssdp:all', 4), ASKER, T0);
    const moments = new Set<number>();
    for (let wake = responder.nextWake(); wake !== undefined; wake = responder.nextWake()) {
      moments.add(wake.at);
      expect(responder.handleTimeout(wake.at)).toHaveLength(1);
    }
    expect(moments.size).toBe(10);
  });

  it.each(['0', '', 'soon', '-1'])('answers at once when MX is %j', (mx) => {
    const message = search(['MAN', '"ssdp:discover"'], ['MX', mx], ['ST', 'upnp:rootdevice']);
    expect(summary(both().handleMessage(message, ASKER, T0))).toEqual(['upnp:rootdevice /igd1.xml']);
  });

  it('answers a unicast search, which has no MX, at once (UDA 1.1 §1.3.2: within a second)', () => {
    expect(both().handleMessage(unicastSearch('upnp:rootdevice'), ASKER, T0)).toHaveLength(1);
  });
});

describe('leniency that real clients need', () => {
  const answered = (message: SsdpMessage, from = ASKER): unknown => summary(ask(both(), message, from));

  it('libtorrent: no blank after the colon, source port 1900', () => {
    const message = search(
      ['HOST', '239.255.255.250:1900'],
      ['ST', 'upnp:rootdevice'],
      ['MAN', '"ssdp:discover"'],
      ['MX', '3'],
    );
    expect(answered(message, { ...ASKER, port: 1900 })).toEqual(['upnp:rootdevice /igd1.xml']);
  });

  it('igd-next: header names in any case and order', () => {
    const st = `${DEVICE}InternetGatewayDevice:1`;
    expect(
      answered(search(['Mx', '3'], ['St', st], ['Man', '"ssdp:discover"'], ['Host', '239.255.255.250:1900'])),
    ).toEqual([`${st} /igd1.xml`]);
  });

  it('async_upnp_client: HOST is our own unicast address', () => {
    expect(
      answered(search(['HOST', '192.168.1.1:1900'], ['MAN', '"ssdp:discover"'], ['MX', '4'], ['ST', 'ssdp:all'])),
    ).toHaveLength(20);
  });

  it('Tailscale: sent to our own address, with multicast HOST and MX', () => {
    expect(answered(searchMessage('ssdp:all', 2))).toHaveLength(20);
  });

  it('Xunlei: asks for WANPPPConnection:1 with MX 6 first, then for WANIPConnection:1', () => {
    const responder = both();
    expect(ask(responder, searchMessage(`${SERVICE}WANPPPConnection:1`, 6))).toEqual([
      { kind: 'ignored', why: 'not ours' },
    ]);
    expect(summary(ask(responder, searchMessage(`${SERVICE}WANIPConnection:1`, 6)))).toEqual([
      `${SERVICE}WANIPConnection:1 /igd1.xml`,
    ]);
  });

  it('HOST without the port, or no HOST at all', () => {
    const rest = [
      ['MAN', '"ssdp:discover"'],
      ['MX', '1'],
      ['ST', 'upnp:rootdevice'],
    ] as const;
    expect(answered(search(['HOST', '239.255.255.250'], ...rest))).toHaveLength(1);
    expect(answered(search(...rest))).toHaveLength(1);
  });

  it('MAN without quotes; but not without MAN, and not with another MAN', () => {
    expect(answered(search(['MAN', 'ssdp:discover'], ['MX', '1'], ['ST', 'upnp:rootdevice']))).toHaveLength(1);
    expect(ask(both(), search(['MX', '1'], ['ST', 'upnp:rootdevice']))).toEqual([
      { kind: 'ignored', why: 'malformed' },
    ]);
    expect(ask(both(), search(['MAN', '"ssdp:update"'], ['ST', 'upnp:rootdevice']))).toEqual([
      { kind: 'ignored', why: 'malformed' },
    ]);
    expect(ask(both(), search(['MAN', '"ssdp:discover"'], ['MX', '1']))).toEqual([
      { kind: 'ignored', why: 'malformed' },
    ]);
  });

  it('miniupnpc: IGD:1, WANIPConnection:1, WANPPPConnection:1, rootdevice: the first is answered', () => {
    expect(answered(searchMessage(`${DEVICE}InternetGatewayDevice:1`, 2))).toHaveLength(1);
  });
});

describe('who is answered', () => {
  it.each([
    ['an address outside the LAN', '203.0.113.9', 40000],
    ['the neighbouring LAN', '192.168.2.20', 40000],
    ['an IPv6 address', 'fe80::1', 40000],
    ['source port 0', '192.168.1.20', 0],
    ['a multicast address', '239.255.255.250', 1900],
    ['the broadcast address of the LAN', '192.168.1.255', 1900],
    ['nobody', '0.0.0.0', 1900],
  ])('ignores a search from %s', (_name, address, port) => {
    const from = { address: IpAddress.of(address), port };
    expect(ask(both(), searchMessage('ssdp:all', 1), from)).toEqual([{ kind: 'ignored', why: 'not from this LAN' }]);
  });

  it('answers every host address of its prefix, odd lengths included', () => {
    const lan = IpPrefix.of(IpAddress.of('10.0.4.1'), 22);
    const responder = new SearchResponder(SPEAKER, [IGD1], lan, always(0));
    const from = (text: string): Endpoint => ({ address: IpAddress.of(text), port: 50000 });
    expect(ask(responder, searchMessage('upnp:rootdevice', 0), from('10.0.4.255'))).toHaveLength(1);
    expect(ask(responder, searchMessage('upnp:rootdevice', 0), from('10.0.7.254'))).toMatchObject([
      { kind: 'unicast' },
    ]);
    expect(ask(responder, searchMessage('upnp:rootdevice', 0), from('10.0.7.255'))).toMatchObject([
      { kind: 'ignored' },
    ]);
  });

  it('never puts a word of the asker into an answer', () => {
    const nasty = 'upnp:rootdevice\r\nX-Injected: 1';
    const message = search(
      ['MAN', '"ssdp:discover"'],
      ['ST', nasty],
      ['USER-AGENT', 'evil\r\nX: 1'],
      ['CPFN.UPNP.ORG', 'x'],
    );
    expect(ask(both(), message)).toEqual([{ kind: 'ignored', why: 'not ours' }]);
    const answer = answersIn(
      ask(both(), search(['MAN', '"ssdp:discover"'], ['ST', 'upnp:rootdevice'], ['X-Secret', 'evil'])),
    );
    expect(answer.map(ssdpText).join()).not.toMatch(/evil|Secret|Injected/);
  });
});

describe('how many answers leave (amplification)', () => {
  it('drops a repeated search while its answer still waits', () => {
    const responder = both();
    expect(responder.handleMessage(searchMessage('ssdp:all', 3), ASKER, T0)).toEqual([]);
    expect(responder.handleMessage(searchMessage('ssdp:all', 3), ASKER, T0)).toEqual([
      { kind: 'ignored', why: 'already pending' },
    ]);
    expect(responder.handleTimeout(after(T0, seconds(5)))).toHaveLength(20);
    responder.handleMessage(searchMessage('ssdp:all', 3), ASKER, after(T0, seconds(6)));
    expect(responder.handleTimeout(after(T0, seconds(11)))).toHaveLength(20);
  });

  const flood = (sources: number, searches: number, now: Instant, responder = both()): number => {
    let answers = 0;
    for (let i = 0; i < searches; i += 1) {
      const from = { address: IpAddress.of(`192.168.1.${2 + (i % sources)}`), port: 1024 + (i % 60000) };
      answers += answersIn(responder.handleMessage(unicastSearch('ssdp:all'), from, now)).length;
    }
    return answers;
  };

  it('gives one source 160 answers at once and 8 a second after that', () => {
    const responder = both();
    expect(flood(1, 1000, T0, responder)).toBe(160);
    expect(flood(1, 1000, after(T0, seconds(1)), responder)).toBe(0);
    expect(flood(1, 1000, after(T0, seconds(10)), responder)).toBe(80);
  });

  it('gives all sources together 800 at once and 48 a second after that, forged ones included', () => {
    const responder = both();
    expect(flood(250, 5000, T0, responder)).toBe(800);
    expect(flood(250, 5000, after(T0, seconds(10)), responder)).toBe(480);
  });

  it('leaves room for others while one source floods', () => {
    const responder = both();
    flood(1, 1000, T0, responder);
    const other = { address: IpAddress.of('192.168.1.99'), port: 1234 };
    expect(ask(responder, unicastSearch('upnp:rootdevice'), other)).toHaveLength(1);
  });

  it('queues at most 512 answers, however many ask', () => {
    const responder = both();
    for (let i = 0; i < 200; i += 1) {
      const from = { address: IpAddress.of(`192.168.1.${2 + i}`), port: 40000 };
      responder.handleMessage(searchMessage('ssdp:all', 5), from, T0);
    }
    expect(responder.handleTimeout(after(T0, seconds(5))).length).toBeLessThanOrEqual(512);
    expect(responder.nextWake()).toBeUndefined();
  });
});

describe('any SSDP message at all', () => {
  const piece = fc.oneof(
    fc.constantFrom('ssdp:all', 'upnp:rootdevice', '"ssdp:discover"', '1', '0', `${DEVICE}InternetGatewayDevice:1`),
    fc.string({ maxLength: 300 }),
  );
  const header = fc.tuple(fc.oneof(fc.constantFrom('ST', 'MAN', 'MX', 'HOST', 'st', '__PROTO__'), fc.string()), piece);
  const message = fc.record({
    startLine: fc.oneof(fc.constant('M-SEARCH * HTTP/1.1'), fc.string()),
    headers: fc.array(header, { maxLength: 12 }),
  });

  it('never makes it throw, answers only the asker, and only with our own lines', () => {
    const known = new Set(answersIn(ask(both(0), unicastSearch('ssdp:all'))).map((one) => headerOf(one, 'USN')));
    fc.assert(
      fc.property(message, fc.integer({ min: 0, max: 65535 }), (input, port) => {
        const from = { address: ASKER.address, port };
        for (const output of ask(both(), input, from)) {
          if (output.kind !== 'unicast') continue;
          expect(output.to).toEqual(from);
          expect(ssdpText(output.message)).not.toMatch(/[^\x20-\x7e\r\n]/);
          expect(known).toContain(headerOf(output.message, 'USN'));
        }
      }),
      { numRuns: 500, seed: 1900 },
    );
  });
});
