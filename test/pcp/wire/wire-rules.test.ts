import { describe, expect, it } from 'vitest';
import { ANY_PORT, portNumber } from '../../../src/base/port-number.ts';
import { decodeDhcpv4Servers, decodeDhcpv6Server } from '../../../src/pcp/wire/dhcp-option.ts';
import { decodeNatPmpRequest, encodeNatPmpRequest } from '../../../src/pcp/wire/nat-pmp-request.ts';
import { decodeNatPmpResponse, encodeNatPmpOpcodeRefusal } from '../../../src/pcp/wire/nat-pmp-response.ts';
import { isMandatoryOption } from '../../../src/pcp/wire/option.ts';
import { decodeRequest, encodeRequest } from '../../../src/pcp/wire/pcp-request.ts';
import { decodeResponse } from '../../../src/pcp/wire/pcp-response.ts';
import { REQUESTS } from './values.ts';
import { bytesOfHex, hexOf, vector } from './vectors.ts';

const longer = (bytes: Uint8Array, length: number): Uint8Array => {
  const grown = new Uint8Array(length);
  grown.set(bytes.subarray(0, length));
  return grown;
};

const withOctet = (bytes: Uint8Array, at: number, value: number): Uint8Array => {
  const changed = Uint8Array.from(bytes);
  changed[at] = value;
  return changed;
};

const withOption = (hex: string): Uint8Array => bytesOfHex(hexOf(vector('V02')) + hex);

describe('responses that are dropped, and why (P-03, RFC 6887 §8.3)', () => {
  it.each([
    ['three octets', vector('V02').subarray(0, 3), 'too short'],
    ['a header cut off', vector('V02').subarray(0, 20), 'too short'],
    ['a MAP body cut off', vector('V02').subarray(0, 56), 'too short'],
    ['58 octets', vector('V02').subarray(0, 58), 'odd length'],
    ['1104 octets', longer(vector('V02'), 1104), 'too long'],
    ['the R bit clear', vector('V01'), 'not a response'],
    ['version 3', withOctet(vector('V02'), 0, 3), 'unknown version'],
    ['opcode 3 (AUTHENTICATION)', withOctet(vector('V02'), 1, 0x83), 'unknown opcode'],
    ['an option that runs past the end', withOption('fe00000961626300'), 'malformed option'],
    ['a THIRD_PARTY of four octets', withOption('01000004c0a8010a'), 'malformed option'],
    ['a FILTER of four octets', withOption('0300000400800000'), 'malformed option'],
    ['a PREFER_FAILURE with data', withOption('0200000400000000'), 'malformed option'],
    ['a PORT_SET of four octets', withOption('8200000400640001'), 'malformed option'],
  ])('%s', (_what, bytes, why) => {
    expect(decodeResponse(bytes)).toEqual({ kind: 'ignored', why });
  });

  it.each(['7f000000', '04000000', 'fe00000361626300'])(
    'P-10: an unknown option is no reason, below 128 or above (%s, RFC 6887 §8.3)',
    (hex) => {
      expect(decodeResponse(withOption(hex))).toMatchObject({ message: { options: [{ kind: 'unknown' }] } });
    },
  );

  it('a description that is not UTF-8 makes the option void, not the message (RFC 7220 §3)', () => {
    const decoded = decodeResponse(withOption('80000002c3280000'));
    expect(decoded).toMatchObject({ message: { options: [{ kind: 'unknown', code: 128 }] } });
  });

  it('PREFIX64 without the IPv4 list reads as one without entries (RFC 7225 §4)', () => {
    const decoded = decodeResponse(withOption(`8100000e000c0064ff9b${'00'.repeat(8)}0000`));
    expect(decoded).toMatchObject({ message: { options: [{ kind: 'prefix64', prefixLength: 12, ipv4Prefixes: [] }] } });
  });
});

describe('requests as a server reads them (RFC 6887 §8.2)', () => {
  it.each([
    ['one octet', vector('V01').subarray(0, 1), { kind: 'ignored', why: 'too short' }],
    ['a response', vector('V02'), { kind: 'ignored', why: 'not a request' }],
    ['version 1', withOctet(vector('V01'), 0, 1), { kind: 'unacceptable', code: 1, version: 1 }],
    ['opcode 3', withOctet(vector('V01'), 1, 3), { kind: 'unacceptable', code: 4, version: 2 }],
    ['58 octets', vector('V01').subarray(0, 58), { kind: 'unacceptable', code: 3, version: 2 }],
    ['a MAP cut off', vector('V01').subarray(0, 56), { kind: 'unacceptable', code: 3, version: 2 }],
    ['1104 octets', longer(vector('V01'), 1104), { kind: 'unacceptable', code: 3, version: 2 }],
    ['half an option', bytesOfHex(`${hexOf(vector('V01'))}01000010`), { kind: 'unacceptable', code: 6, version: 2 }],
  ])('%s', (_what, bytes, expected) => {
    expect(decodeRequest(bytes)).toEqual(expected);
  });

  it('options below 128 are mandatory, those above are not (RFC 6887 §7.3)', () => {
    expect([1, 127, 128, 255].map(isMandatoryOption)).toEqual([true, true, false, false]);
  });
});

describe('what cannot be written', () => {
  const request = REQUESTS['V01'];
  if (request?.kind !== 'map') throw new Error('V01 is a MAP');

  it('IWF-84 Q-01: a lifetime of 2^32, which would read as 0 = delete, is refused by the encoder (RFC 6970 §5.9)', () => {
    expect(() => encodeRequest({ ...request, lifetimeSeconds: 4_294_967_296 })).toThrow(RangeError);
    expect(() => encodeRequest({ ...request, lifetimeSeconds: -1 })).toThrow(RangeError);
    expect(() => encodeRequest({ ...request, lifetimeSeconds: 1.5 })).toThrow(RangeError);
  });

  it('P-03: a message of more than 1100 octets (RFC 6887 §7)', () => {
    const text = 'x'.repeat(1016);
    const options = [
      { kind: 'description', text },
      { kind: 'description', text },
    ] as const;
    expect(() => encodeRequest({ ...request, options })).toThrow(RangeError);
  });

  it('IWF-09 IWF-10: the internal port stands at octet 40, the suggested external port at 42 (RFC 6887 §11.1)', () => {
    const bytes = encodeRequest({ ...request, internalPort: portNumber(0x1234), externalPort: portNumber(0x5678) });
    expect(hexOf(bytes.subarray(40, 44))).toBe('12345678');
  });
});

describe('NAT-PMP (RFC 6886)', () => {
  it('an unknown opcode is told from an unknown version', () => {
    expect(decodeNatPmpRequest(Uint8Array.of(0, 7))).toEqual({ kind: 'unknown opcode', opcode: 7 });
    expect(decodeNatPmpRequest(Uint8Array.of(2, 1))).toEqual({ kind: 'unknown version', opcode: 1 });
    expect(decodeNatPmpRequest(Uint8Array.of(0, 0x81))).toEqual({ kind: 'ignored', why: 'not a request' });
    expect(decodeNatPmpRequest(Uint8Array.of(0, 2, 0, 0))).toEqual({ kind: 'ignored', why: 'too short' });
  });

  it('refuses an unknown opcode with the request again, R bit and result 5 (§3.5)', () => {
    expect(hexOf(encodeNatPmpOpcodeRefusal(bytesOfHex('0007000011223344')))).toBe('0087000511223344');
  });

  it('a refused external address needs no address', () => {
    expect(decodeNatPmpResponse(bytesOfHex('00800003000010e2'))).toEqual({
      kind: 'message',
      message: { kind: 'external address', code: 3, epoch: 4322, address: undefined },
    });
    expect(decodeNatPmpResponse(bytesOfHex('00800000000010e2'))).toEqual({ kind: 'ignored', why: 'too short' });
  });

  it('a deletion suggests port 0 with lifetime 0 (§3.4)', () => {
    const bytes = encodeNatPmpRequest({
      kind: 'map',
      protocol: 'UDP',
      internalPort: portNumber(9),
      suggestedPort: ANY_PORT,
      lifetimeSeconds: 0,
    });
    expect(hexOf(bytes)).toBe('000100000009000000000000');
  });
});

describe('DHCP options (RFC 7291)', () => {
  it('multicast and loopback addresses are dropped, and servers left without any (§4.2)', () => {
    const payload = bytesOfHex('08c0000201e0000001047f000001');
    expect(decodeDhcpv4Servers(payload)?.map((list) => list.map(String))).toEqual([['192.0.2.1']]);
    expect(decodeDhcpv6Server(bytesOfHex(`ff02${'00'.repeat(13)}01`))).toEqual([]);
  });

  it.each(['05c000020100', '00', '08c0000201'])('a list with an impossible length is none (%s, §4)', (hex) => {
    expect(decodeDhcpv4Servers(bytesOfHex(hex))).toBeUndefined();
  });

  it.each(['', '20010db8'])('a DHCPv6 payload that is no whole number of addresses is none (%s, §5)', (hex) => {
    expect(decodeDhcpv6Server(bytesOfHex(hex))).toBeUndefined();
  });
});
