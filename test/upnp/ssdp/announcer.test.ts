import { describe, expect, it } from 'vitest';
import { ssdpText } from '../../../src/base/ssdp-socket.ts';
import { after, between, type Instant, instant, minutes, seconds } from '../../../src/base/time.ts';
import { advertisementsOf } from '../../../src/upnp/ssdp/advertised-root.ts';
import { Announcer, type AnnouncerOutput } from '../../../src/upnp/ssdp/announcer.ts';
import { headerOf } from '../../../src/upnp/ssdp/ssdp-messages.ts';
import { always, IGD1, IGD2, IGD2_ALONE, SPEAKER } from './roots.ts';

const T0 = instant(1000);
const DEVICE = 'urn:schemas-upnp-org:device:';
const SERVICE = 'urn:schemas-upnp-org:service:';

const kindOf = (output: AnnouncerOutput): string => headerOf(output.message, 'NTS') ?? '';

/** Lets the machine run until `end`, as its driver would: what it said, and when. */
function runUntil(announcer: Announcer, end: Instant): { at: Instant; said: readonly AnnouncerOutput[] }[] {
  const history: { at: Instant; said: readonly AnnouncerOutput[] }[] = [];
  for (let wake = announcer.nextWake(); wake !== undefined && wake.at <= end; wake = announcer.nextWake()) {
    history.push({ at: wake.at, said: announcer.handleTimeout(wake.at) });
  }
  return history;
}

describe('the advertisement set', () => {
  it('of an IGD:1 is exactly the ten of UDA 1.1 §1.2.2', () => {
    const uuid = (digit: string): string => `uuid:${digit.repeat(8)}-1111-4111-8111-111111111111`;
    expect(advertisementsOf(IGD1)).toEqual([
      { type: 'upnp:rootdevice', usn: `${uuid('a')}::upnp:rootdevice` },
      { type: uuid('a'), usn: uuid('a') },
      { type: `${DEVICE}InternetGatewayDevice:1`, usn: `${uuid('a')}::${DEVICE}InternetGatewayDevice:1` },
      { type: uuid('b'), usn: uuid('b') },
      { type: `${DEVICE}WANDevice:1`, usn: `${uuid('b')}::${DEVICE}WANDevice:1` },
      { type: uuid('c'), usn: uuid('c') },
      { type: `${DEVICE}WANConnectionDevice:1`, usn: `${uuid('c')}::${DEVICE}WANConnectionDevice:1` },
      { type: `${SERVICE}Layer3Forwarding:1`, usn: `${uuid('a')}::${SERVICE}Layer3Forwarding:1` },
      { type: `${SERVICE}WANCommonInterfaceConfig:1`, usn: `${uuid('b')}::${SERVICE}WANCommonInterfaceConfig:1` },
      { type: `${SERVICE}WANIPConnection:1`, usn: `${uuid('c')}::${SERVICE}WANIPConnection:1` },
    ]);
  });

  it('of an IGD:2 with DeviceProtection is eleven, highest versions only (UDA 1.1 §1.2.2)', () => {
    const types = advertisementsOf(IGD2_ALONE).map(({ type }) => type);
    expect(types).toHaveLength(11);
    expect(types).toContain(`${DEVICE}InternetGatewayDevice:2`);
    expect(types).toContain(`${SERVICE}WANIPConnection:2`);
    expect(types.filter((type) => /(?:Gateway|WAN|WANConnection)Device:1$|WANIPConnection:1$/.test(type))).toEqual([]);
  });

  it('of a second root leaves "root device" out, so that nobody maps everything twice', () => {
    expect(advertisementsOf(IGD2).map(({ type }) => type)).not.toContain('upnp:rootdevice');
    expect(advertisementsOf(IGD2)).toHaveLength(10);
  });

  it('names each service type once per device, however many instances there are (UDA 1.1 §1.2.2)', () => {
    const [wan, connection] = IGD1.embedded;
    if (wan === undefined || connection === undefined) throw new Error('the tree has two embedded devices');
    const twin = { ...connection, serviceTypes: [...connection.serviceTypes, ...connection.serviceTypes] };
    expect(advertisementsOf({ ...IGD1, embedded: [wan, twin] })).toHaveLength(10);
  });
});

describe('Announcer', () => {
  const start = (unit = 0.5): Announcer => {
    const announcer = new Announcer(SPEAKER, [IGD1, IGD2], always(unit));
    expect(announcer.handleStart(T0)).toEqual([]);
    return announcer;
  };

  it('says nothing before it is started, and nothing on a stop then', () => {
    const announcer = new Announcer(SPEAKER, [IGD1], always(0.5));
    expect(announcer.nextWake()).toBeUndefined();
    expect(announcer.handleTimeout(T0)).toEqual([]);
    expect(announcer.handleStop(T0)).toEqual([]);
  });

  it.each([0, 0.5, 0.999])('waits 0–100 ms before its first word (UDA 1.1 §1.2.2), random %f', (unit) => {
    const wait = between(T0, start(unit).nextWake()?.at ?? T0);
    expect(wait).toBeCloseTo(100 * unit);
  });

  it('sends a byebye set before the first alive, then the alive set three times, spaced (UDA 1.1 §1.2.2; U-15)', () => {
    const history = runUntil(start(), after(T0, seconds(60)));
    expect(history.map(({ said }) => [...new Set(said.map(kindOf))])).toEqual([
      ['ssdp:byebye'],
      ['ssdp:alive'],
      ['ssdp:alive'],
      ['ssdp:alive'],
    ]);
    expect(history.every(({ said }) => said.length === 20)).toBe(true);
    for (const [i, entry] of history.entries()) {
      const previous = history[i - 1];
      if (previous === undefined) continue;
      expect(between(previous.at, entry.at)).toBeGreaterThanOrEqual(200);
      expect(between(previous.at, entry.at)).toBeLessThanOrEqual(500);
    }
  });

  it.each([0, 0.3, 0.999])('refreshes at a random point before half of max-age (UDA 1.1 §1.2.2), random %f', (unit) => {
    const announcer = start(unit);
    const history = runUntil(announcer, after(T0, seconds(60)));
    const last = history.at(-1)?.at ?? T0;
    const wait = between(last, announcer.nextWake()?.at ?? T0);
    expect(wait).toBeGreaterThanOrEqual(seconds(450));
    expect(wait).toBeLessThan(seconds(900));
  });

  it('goes on refreshing for as long as it runs, and never says byebye in between', () => {
    const history = runUntil(start(), after(T0, minutes(24 * 60)));
    const kinds = history.slice(1).flatMap(({ said }) => said.map(kindOf));
    expect(new Set(kinds)).toEqual(new Set(['ssdp:alive']));
    const gaps = history.slice(1).map((entry, i) => between(history[i]?.at ?? T0, entry.at));
    expect(Math.max(...gaps)).toBeLessThan(seconds(900));
  });

  it('answers a stop with one byebye per alive and is silent from then on (UDA 1.1 §1.2.2)', () => {
    const announcer = start();
    const alive = runUntil(announcer, after(T0, seconds(60))).at(-1)?.said ?? [];
    const byebye = announcer.handleStop(after(T0, seconds(70)));
    const usns = (said: readonly AnnouncerOutput[]): unknown => said.map((one) => headerOf(one.message, 'USN'));
    expect(usns(byebye)).toEqual(usns(alive));
    expect(new Set(byebye.map(kindOf))).toEqual(new Set(['ssdp:byebye']));
    expect(announcer.nextWake()).toBeUndefined();
    expect(announcer.handleStop(after(T0, seconds(71)))).toEqual([]);
  });

  it('stops with byebyes even when stopped while still announcing', () => {
    const announcer = start();
    announcer.handleTimeout(after(T0, seconds(1)));
    expect(announcer.handleStop(after(T0, seconds(1)))).toHaveLength(20);
  });

  it('writes the alive message of UDA 1.1 §1.2.2, with the LOCATION of this LAN address', () => {
    const [, firstAlive] = runUntil(start(), after(T0, seconds(60)));
    const [message] = firstAlive?.said ?? [];
    expect(message && ssdpText(message.message)).toBe(
      [
        'NOTIFY * HTTP/1.1',
        'HOST: 239.255.255.250:1900',
        'CACHE-CONTROL: max-age=1800',
        'LOCATION: http://192.168.1.1:5000/igd1.xml',
        'NT: upnp:rootdevice',
        'NTS: ssdp:alive',
        'SERVER: Linux/6 UPnP/1.1 igd2pcp/0.1',
        'USN: uuid:aaaaaaaa-1111-4111-8111-111111111111::upnp:rootdevice',
        'BOOTID.UPNP.ORG: 7',
        'CONFIGID.UPNP.ORG: 42',
        '',
        '',
      ].join('\r\n'),
    );
    expect(firstAlive?.said.map((one) => headerOf(one.message, 'LOCATION')?.slice(-9))).toEqual([
      ...new Array<string>(10).fill('/igd1.xml'),
      ...new Array<string>(10).fill('/igd2.xml'),
    ]);
  });

  it('writes byebyes without LOCATION and CACHE-CONTROL, with BOOTID and CONFIGID (UDA 1.1 §1.2.2)', () => {
    const [byebyes] = runUntil(start(), after(T0, seconds(60)));
    expect(byebyes?.said[0]?.message.headers.map(([name]) => name)).toEqual([
      'HOST',
      'NT',
      'NTS',
      'USN',
      'BOOTID.UPNP.ORG',
      'CONFIGID.UPNP.ORG',
    ]);
  });

  it('keeps each message in one small datagram (UDA 1.1 §1.1.2: about 512 bytes)', () => {
    const sizes = runUntil(start(), after(T0, seconds(60))).flatMap(({ said }) =>
      said.map((one) => ssdpText(one.message).length),
    );
    expect(Math.max(...sizes)).toBeLessThan(512);
  });
});
