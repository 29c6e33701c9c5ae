import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Endpoint, endpointText, IpAddress } from '../../../src/base/ip-address.ts';
import { acceptableCallbacks } from '../../../src/upnp/eventing/callback.ts';

const SUBSCRIBER = IpAddress.of('192.168.1.20');
const OWN: Endpoint = { address: IpAddress.of('192.168.1.1'), port: 5000 };

const accepted = (header: string, from = SUBSCRIBER): string[] =>
  acceptableCallbacks(header, from, OWN).map(({ endpoint, path }) => `${endpointText(endpoint)} ${path}`);

describe('callbacks (UDA 1.1 §4.1.2)', () => {
  it.each([
    ['<http://192.168.1.20:49152/evt>', ['192.168.1.20:49152 /evt']],
    ['<HTTP://192.168.1.20:49152/evt?a=b&c=<d>', []],
    ['<http://192.168.1.20:49152/evt?a=b>', ['192.168.1.20:49152 /evt?a=b']],
    ['<http://192.168.1.20/>', ['192.168.1.20:80 /']],
    ['<http://192.168.1.20:8080>', ['192.168.1.20:8080 /']],
    ['<http://192.168.1.20:8080/a#b>', ['192.168.1.20:8080 /a']],
    ['<http://192.168.1.20:1/a><http://192.168.1.20:2/b>', ['192.168.1.20:1 /a', '192.168.1.20:2 /b']],
    [' < http://192.168.1.20:1/a > , <http://192.168.1.20:2/b>', ['192.168.1.20:1 /a', '192.168.1.20:2 /b']],
  ])('reads %s', (header, expected) => {
    expect(accepted(header)).toEqual(expected);
  });

  it('reads IPv6 literals, and compares IPv4 in its mapped form too', () => {
    expect(accepted('<http://[fd00::20]:80/a>', IpAddress.of('fd00::20'))).toEqual(['[fd00::20]:80 /a']);
    expect(accepted('<http://[::ffff:192.168.1.20]:80/a>')).toEqual(['192.168.1.20:80 /a']);
  });
});

describe('CallStranger (CVE-2020-12695): a subscriber names nobody but itself', () => {
  it.each([
    ['another machine of the LAN', '<http://192.168.1.21:80/>'],
    ['the Internet', '<http://203.0.113.5:80/>'],
    ['loopback', '<http://127.0.0.1:80/>'],
    ['a name', '<http://example.com/>'],
    ['a name that looks like the literal', '<http://192.168.1.20.example.com/>'],
    ['the address as one number', '<http://3232235796/>'],
    ['the address in hexadecimal', '<http://0xc0a80114/>'],
    ['the address with a leading zero', '<http://192.168.01.20/>'],
    ['a user name in front', '<http://192.168.1.20@203.0.113.5/>'],
    ['a user name of its own', '<http://user:pass@192.168.1.20/>'],
    ['https', '<https://192.168.1.20/>'],
    ['another scheme', '<ftp://192.168.1.20/>'],
    ['port 0', '<http://192.168.1.20:0/>'],
    ['a port too great', '<http://192.168.1.20:65536/>'],
    ['no angle brackets', 'http://192.168.1.20/'],
    ['a blank in the path', '<http://192.168.1.20/a b>'],
    ['a line break in the path', '<http://192.168.1.20/a\r\nX-Evil: 1>'],
    ['a byte above ASCII in the path', '<http://192.168.1.20/ä>'],
    ['a path without a slash', '<http://192.168.1.20?a>'],
    ['an endless URL', `<http://192.168.1.20/${'a'.repeat(600)}>`],
    ['nothing', '<>'],
  ])('refuses %s', (_name, header) => {
    expect(accepted(header)).toEqual([]);
  });

  it('keeps the good one of several', () => {
    expect(accepted('<http://203.0.113.5/a><http://192.168.1.20:81/b>')).toEqual(['192.168.1.20:81 /b']);
  });

  it('takes no more than four', () => {
    expect(accepted('<http://192.168.1.20:81/b>'.repeat(50))).toHaveLength(4);
  });

  it('refuses the very endpoint that serves the subscription, even to a local subscriber', () => {
    expect(accepted('<http://192.168.1.1:5000/control>', OWN.address)).toEqual([]);
    expect(accepted('<http://192.168.1.1:6000/evt>', OWN.address)).toEqual(['192.168.1.1:6000 /evt']);
  });

  it('holds for any header at all: only the subscriber, a real port, a printable path', () => {
    const host = fc.oneof(
      fc.constantFrom('192.168.1.20', '[::ffff:192.168.1.20]', 'localhost'),
      fc.ipV4(),
      fc.domain(),
    );
    const url = fc
      .tuple(fc.constantFrom('http://', 'HTTP://', 'https://', ''), host, fc.string(), fc.string())
      .map(([scheme, name, port, path]) => `<${scheme}${name}:${port}/${path}>`);
    fc.assert(
      fc.property(fc.array(fc.oneof(url, fc.string()), { maxLength: 6 }), (parts) => {
        for (const { endpoint, path } of acceptableCallbacks(parts.join(''), SUBSCRIBER, OWN)) {
          expect(endpoint.address.equals(SUBSCRIBER)).toBe(true);
          expect(endpoint.port).toBeGreaterThan(0);
          expect(path).toMatch(/^\/[!-~]*$/);
        }
      }),
      { numRuns: 500, seed: 12695 },
    );
  });
});
