import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ANY_IPV4, ANY_IPV6, endpointText, IpAddress } from '../../src/base/ip-address.ts';
import { IpPrefix, isPublicIPv4 } from '../../src/base/ip-prefix.ts';

describe('IP addresses', () => {
  it('keeps IPv4 as an IPv4-mapped address (RFC 6887 §5, P-04)', () => {
    const address = IpAddress.of('100.64.1.2');
    expect([...address.bytes]).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 100, 64, 1, 2]);
    expect(address.isIPv4).toBe(true);
    expect(address.text).toBe('100.64.1.2');
    expect(IpAddress.of('::ffff:100.64.1.2').equals(address)).toBe(true);
  });

  it('tests all 96 leading bits before it calls an address IPv4 (P-04)', () => {
    for (let index = 0; index < 12; index += 1) {
      const bytes = Uint8Array.from(IpAddress.of('1.2.3.4').bytes);
      bytes[index] = (bytes[index] ?? 0) ^ 1;
      expect(IpAddress.fromBytes(bytes).isIPv4).toBe(false);
    }
  });

  it('knows the two "any" addresses (P-04)', () => {
    expect(ANY_IPV4.text).toBe('0.0.0.0');
    expect([...ANY_IPV4.bytes.subarray(10)]).toEqual([0xff, 0xff, 0, 0, 0, 0]);
    expect(ANY_IPV6.bytes.every((byte) => byte === 0)).toBe(true);
    expect(ANY_IPV4.isUnspecified && ANY_IPV6.isUnspecified).toBe(true);
  });

  it.each([
    '127.1',
    '0x7f.0.0.1',
    '192.168.001.9',
    '256.1.1.1',
    '1.2.3',
    '1.2.3.4.5',
    '',
    ' 1.2.3.4',
    '1.2.3.4/24',
    'localhost',
  ])('refuses "%s"', (text) => {
    expect(IpAddress.parse(text)).toBeUndefined();
  });

  it.each([':::', '1::2::3', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '12345::', 'g::1', '::1%', '1:2:3:4:5:6:7::8:9'])(
    'refuses "%s" as IPv6',
    (text) => {
      expect(IpAddress.parse(text)).toBeUndefined();
    },
  );

  it.each([
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['::', '::'],
    ['1::', '1::'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
    ['fe80::1%eth0', 'fe80::1'],
    ['64:ff9b::192.0.2.1', '64:ff9b::c000:201'],
  ])('writes %s as %s (RFC 5952)', (text, canonical) => {
    expect(IpAddress.of(text).text).toBe(canonical);
  });

  it('round trip: bytes → text → bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        const address = IpAddress.fromBytes(bytes);
        expect([...IpAddress.of(address.text).bytes]).toEqual([...bytes]);
      }),
      { numRuns: 500, seed: 1 },
    );
  });

  it('is one object however it was named, and stays right when more are named than are shared', () => {
    const named = IpAddress.of('192.0.2.1');
    expect(IpAddress.fromIPv4Bytes(Uint8Array.of(192, 0, 2, 1))).toBe(named);
    expect(IpAddress.parse('::ffff:192.0.2.1')).toBe(named);
    for (let i = 0; i < 2000; i += 1) IpAddress.of(`10.0.${i >> 8}.${i & 255}`);
    const again = IpAddress.of('192.0.2.1');
    expect(again.equals(named)).toBe(true);
    expect([...again.bytes]).toEqual([...named.bytes]);
  });

  it('never throws on any text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        IpAddress.parse(text);
        IpPrefix.parse(text);
      }),
      { numRuns: 1000, seed: 2 },
    );
  });

  it('sorts addresses into kinds', () => {
    expect(IpAddress.of('127.8.8.8').isLoopback && IpAddress.of('::1').isLoopback).toBe(true);
    expect(IpAddress.of('224.0.0.1').isMulticast && IpAddress.of('ff02::1').isMulticast).toBe(true);
    expect(IpAddress.of('223.255.255.255').isMulticast).toBe(false);
    expect(IpAddress.of('169.254.1.1').isLinkLocal && IpAddress.of('fe80::1').isLinkLocal).toBe(true);
    expect(IpAddress.of('fec0::1').isLinkLocal).toBe(false);
  });

  it('brackets IPv6 in endpoints', () => {
    expect(endpointText({ address: IpAddress.of('::1'), port: 5351 })).toBe('[::1]:5351');
    expect(endpointText({ address: IpAddress.of('10.0.0.1'), port: 80 })).toBe('10.0.0.1:80');
  });
});

describe('prefixes', () => {
  it.each([
    ['192.168.1.0/24', '192.168.1.255', true],
    ['192.168.1.0/24', '192.168.2.0', false],
    ['192.168.1.0/25', '192.168.1.128', false],
    ['10.0.0.0/8', '10.255.0.1', true],
    ['0.0.0.0/0', '8.8.8.8', true],
    ['0.0.0.0/0', '::1', false],
    ['2001:db8::/33', '2001:db8:8000::', false],
    ['10.1.1.1', '10.1.1.1', true],
    ['10.1.1.1', '10.1.1.2', false],
  ])('%s contains %s: %s', (prefix, address, expected) => {
    expect(IpPrefix.parse(prefix)?.contains(IpAddress.of(address))).toBe(expected);
  });

  it.each(['192.168.1.0/33', '192.168.1.0/', '192.168.1.0/a', 'x/8', '::/129', '1.2.3.4/8/9'])(
    'refuses "%s"',
    (text) => {
      expect(IpPrefix.parse(text)).toBeUndefined();
    },
  );

  it('counts IPv4 prefixes from bit 96 (RFC 6887 §13.3)', () => {
    expect(IpPrefix.parse('192.168.1.0/24')?.bits).toBe(120);
    expect(IpPrefix.parse('192.168.1.0/24')?.toString()).toBe('192.168.1.0/24');
  });

  it.each([
    ['8.8.8.8', true],
    ['100.64.0.1', false],
    ['100.128.0.1', true],
    ['192.168.1.1', false],
    ['172.32.0.1', true],
    ['203.0.113.7', false],
    ['198.18.0.1', false],
    ['192.0.0.1', false],
    ['2001:db8::1', false],
  ])('a stranger could reach %s: %s', (address, expected) => {
    expect(isPublicIPv4(IpAddress.of(address))).toBe(expected);
  });
});
