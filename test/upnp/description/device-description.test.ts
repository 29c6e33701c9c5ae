import { describe, expect, it } from 'vitest';
import { wallTime } from '../../../src/base/time.ts';
import {
  devicesWithin,
  parseDeviceDescription,
  renderDescription,
  serveDescription,
} from '../../../src/upnp/description/device-description.ts';
import { httpRequest } from '../../doubles/igd-under-test.ts';

const root = (device: string): string => `<root xmlns="urn:schemas-upnp-org:device-1-0">${device}</root>`;
const service = (urls: string): string =>
  `<serviceList><service><serviceType>t</serviceType><serviceId>i</serviceId>${urls}</service></serviceList>`;
const URLS = '<SCPDURL>/s</SCPDURL><controlURL>/c</controlURL><eventSubURL></eventSubURL>';
const device = (inner: string): string =>
  `<device><deviceType>d</deviceType><friendlyName>f</friendlyName><UDN>uuid:1</UDN>${inner}</device>`;

describe('reading a device description (UDA 1.1 §2.3)', () => {
  it('knows the tree, parents first', () => {
    const parsed = parseDeviceDescription(
      root(device(`${service(URLS)}<deviceList>${device('')}${device('')}</deviceList>`)),
    );
    if (!parsed.ok) throw new Error(parsed.error);
    expect(devicesWithin(parsed.value)).toHaveLength(3);
    expect(parsed.value.services).toEqual([
      { serviceType: 't', serviceId: 'i', scpdPath: '/s', controlPath: '/c', eventPath: '' },
    ]);
  });

  it.each([
    ['no XML', 'x', 'tag'],
    ['another document', '<scpd/>', 'not a device description'],
    ['no device', root(''), 'no device'],
    ['a device without a UDN', root('<device><deviceType>d</deviceType></device>'), 'no UDN'],
    ['an embedded device without a type', root(device(`<deviceList><device/></deviceList>`)), 'no type'],
    ['a service without a control URL', root(device(service('<SCPDURL>/s</SCPDURL>'))), 'five elements'],
  ])('refuses %s', (_what, text, why) => {
    const parsed = parseDeviceDescription(text);
    expect(parsed.ok ? 'accepted' : parsed.error).toContain(why);
  });
});

describe('filling the blanks', () => {
  it('puts text in, safe for XML, wherever the blank stands', () => {
    expect(renderDescription('<a b="{{x}}">{{y}}{{x}}</a>', { x: '"<', y: '$&' })).toBe(
      '<a b="&quot;&lt;">$&amp;&quot;&lt;</a>',
    );
  });

  it('throws for a blank nobody fills and for a value without a blank', () => {
    expect(() => renderDescription('{{x}}', {})).toThrow('"x" nobody fills');
    expect(() => renderDescription('', { x: '1' })).toThrow('no blank for x');
  });
});

describe('serving a description (UDA 1.1 §2.1)', () => {
  const now = wallTime(0);
  const serve = (method: string, headers: Record<string, string> = {}) =>
    serveDescription(httpRequest({ method, headers }), '<a/>', 'OS/1 UPnP/1.1 p/1', now);

  it('answers GET and HEAD with the text and its headers', () => {
    for (const method of ['GET', 'HEAD']) {
      expect(serve(method)).toEqual({
        status: 200,
        headers: {
          'CONTENT-TYPE': 'text/xml; charset="utf-8"',
          DATE: 'Thu, 01 Jan 1970 00:00:00 GMT',
          SERVER: 'OS/1 UPnP/1.1 p/1',
        },
        body: '<a/>',
      });
    }
  });

  it('names its language when asked for one', () => {
    expect(serve('GET', { 'accept-language': 'de' }).headers).toMatchObject({ 'CONTENT-LANGUAGE': 'en' });
  });

  it('answers 405 to other methods', () => {
    expect(serve('POST')).toMatchObject({ status: 405, headers: { ALLOW: 'GET, HEAD' } });
  });
});
