import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeDhcpv4Servers, decodeDhcpv6Server } from '../../../src/pcp/wire/dhcp-option.ts';
import { encodeErrorResponse } from '../../../src/pcp/wire/error-response.ts';
import { decodeNatPmpRequest, encodeNatPmpRequest } from '../../../src/pcp/wire/nat-pmp-request.ts';
import { decodeNatPmpResponse, encodeNatPmpResponse } from '../../../src/pcp/wire/nat-pmp-response.ts';
import { decodeRequest, encodeRequest } from '../../../src/pcp/wire/pcp-request.ts';
import { decodeResponse, encodeResponse } from '../../../src/pcp/wire/pcp-response.ts';
import { anyNatPmpRequest, anyNatPmpResponse, anyRequest, anyResponse } from './values.ts';
import { bytesOfHex, vectors } from './vectors.ts';

const bounded = { seed: 6887, numRuns: 400 };

const decoders = {
  decodeRequest,
  decodeResponse,
  decodeNatPmpRequest,
  decodeNatPmpResponse,
  decodeDhcpv4Servers,
  decodeDhcpv6Server,
} as const;

const tryAll = (bytes: Uint8Array): void => {
  for (const decode of Object.values(decoders)) decode(bytes);
};

const OPTION_VECTORS: ReadonlySet<string> = new Set(['V08', 'V27', 'V28', 'V29', 'V30', 'V32']);

function decodersOf(id: string): (bytes: Uint8Array) => void {
  if (id.startsWith('D')) return (bytes) => [decodeDhcpv4Servers(bytes), decodeDhcpv6Server(bytes)];
  if (id.startsWith('N')) return (bytes) => [decodeNatPmpRequest(bytes), decodeNatPmpResponse(bytes)];
  return (bytes) => [decodeRequest(bytes), decodeResponse(bytes)];
}

describe('round trip: what was written reads back as the same value', () => {
  it('PCP requests', () => {
    fc.assert(
      fc.property(anyRequest, (request) => {
        expect(decodeRequest(encodeRequest(request))).toEqual({ kind: 'request', request });
      }),
      bounded,
    );
  });

  it('PCP responses', () => {
    fc.assert(
      fc.property(anyResponse, (response) => {
        expect(decodeResponse(encodeResponse(response))).toEqual({ kind: 'message', message: response });
      }),
      bounded,
    );
  });

  it('NAT-PMP requests', () => {
    fc.assert(
      fc.property(anyNatPmpRequest, (request) => {
        expect(decodeNatPmpRequest(encodeNatPmpRequest(request))).toEqual({ kind: 'request', request });
      }),
      bounded,
    );
  });

  it('NAT-PMP responses', () => {
    fc.assert(
      fc.property(anyNatPmpResponse, (response) => {
        expect(decodeNatPmpResponse(encodeNatPmpResponse(response))).toEqual({ kind: 'message', message: response });
      }),
      bounded,
    );
  });
});

describe('damage', () => {
  it('no truncation of any vector makes a decoder throw, and none is taken for the whole', () => {
    for (const { id, hex } of vectors.filter((candidate) => candidate.id.startsWith('V'))) {
      const whole = bytesOfHex(hex);
      for (let length = 0; length < whole.length; length += 1) {
        const cut = whole.subarray(0, length);
        tryAll(cut);
        if (length < 24 && id !== 'V33') expect(decodeResponse(cut).kind, `${id} cut to ${length}`).toBe('ignored');
      }
    }
  });

  it('no change of any single octet of any vector makes a decoder throw', () => {
    let tried = 0;
    for (const { id, hex } of vectors) {
      const decode = decodersOf(id);
      const original = bytesOfHex(hex);
      // Every value where lengths, codes and counts are the point; elsewhere a spread of them, as most octets are addresses.
      const step = OPTION_VECTORS.has(id) || original.length < 24 ? 1 : 17;
      for (let at = 0; at < original.length; at += 1) {
        const changed = Uint8Array.from(original);
        for (let value = 0; value < 256; value += step) {
          changed[at] = value;
          decode(changed);
          tried += 1;
        }
      }
    }
    expect(tried).toBeGreaterThan(100_000);
  });

  it('whatever a response decodes to is the same after writing and reading it again', () => {
    const damagedResponse = fc
      .tuple(anyResponse, fc.nat(), fc.integer({ min: 0, max: 255 }))
      .map(([value, at, octet]) => {
        const bytes = encodeResponse(value);
        bytes[at % bytes.length] = octet;
        return bytes;
      });
    fc.assert(
      fc.property(damagedResponse, (bytes) => {
        const decoded = decodeResponse(bytes);
        if (decoded.kind === 'ignored' || decoded.message.kind === 'version refused') return;
        expect(decodeResponse(encodeResponse(decoded.message))).toEqual(decoded);
      }),
      { ...bounded, numRuns: 2000 },
    );
  });

  it('an error can be written for any datagram, and is a multiple of four octets up to 1100 (P-09, RFC 6887 §7.2)', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1400 }), fc.boolean(), (request, unreadable) => {
        const error = encodeErrorResponse(request, { code: 3, lifetimeSeconds: 1800, epoch: 5, unreadable });
        expect(error.length % 4).toBe(0);
        expect(error.length).toBeGreaterThanOrEqual(24);
        expect(error.length).toBeLessThanOrEqual(1100);
      }),
      bounded,
    );
  });
});
