import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../../src/base/ip-address.ts';
import {
  decodeDhcpv4Servers,
  decodeDhcpv6Server,
  encodeDhcpv4Servers,
  encodeDhcpv6Server,
} from '../../../src/pcp/wire/dhcp-option.ts';
import { encodeErrorResponse } from '../../../src/pcp/wire/error-response.ts';
import { decodeNatPmpRequest, encodeNatPmpRequest } from '../../../src/pcp/wire/nat-pmp-request.ts';
import { decodeNatPmpResponse, encodeNatPmpResponse } from '../../../src/pcp/wire/nat-pmp-response.ts';
import { decodeRequest, encodeRequest } from '../../../src/pcp/wire/pcp-request.ts';
import { decodeResponse, encodeResponse } from '../../../src/pcp/wire/pcp-response.ts';
import { NAT_PMP_REQUESTS, NAT_PMP_RESPONSES, REQUESTS, RESPONSES } from './values.ts';
import { hexOf, vector, vectors } from './vectors.ts';

describe('the vectors, byte for byte and both ways', () => {
  it.each(Object.entries(REQUESTS))('PCP request %s (RFC 6887 §7.1)', (id, request) => {
    expect(hexOf(encodeRequest(request))).toBe(hexOf(vector(id)));
    expect(decodeRequest(vector(id))).toEqual({ kind: 'request', request });
  });

  it.each(Object.entries(RESPONSES))('PCP response %s (RFC 6887 §7.2)', (id, response) => {
    expect(hexOf(encodeResponse(response))).toBe(hexOf(vector(id)));
    expect(decodeResponse(vector(id))).toEqual({ kind: 'message', message: response });
  });

  it.each(Object.entries(NAT_PMP_REQUESTS))('NAT-PMP request %s (RFC 6886 §3)', (id, request) => {
    expect(hexOf(encodeNatPmpRequest(request))).toBe(hexOf(vector(id)));
    expect(decodeNatPmpRequest(vector(id))).toEqual({ kind: 'request', request });
  });

  it.each(Object.entries(NAT_PMP_RESPONSES))('NAT-PMP response %s (RFC 6886 §3)', (id, response) => {
    expect(hexOf(encodeNatPmpResponse(response))).toBe(hexOf(vector(id)));
    expect(decodeNatPmpResponse(vector(id))).toEqual({ kind: 'message', message: response });
  });

  it('V25: an unreadable request comes back with the end of its client address, which a client ignores (RFC 6887 §7.2)', () => {
    const error = { code: 3, lifetimeSeconds: 1800, epoch: 1003, unreadable: true };
    expect(hexOf(encodeErrorResponse(vector('V01'), error))).toBe(hexOf(vector('V25')));
    expect(decodeResponse(vector('V25'))).toMatchObject({ kind: 'message', message: { kind: 'map', code: 3 } });
  });

  it('V33: the refusal of a server that only knows version 1 (RFC 6887 §9)', () => {
    const error = { code: 1, lifetimeSeconds: 1800, epoch: 9, version: 1 };
    expect(hexOf(encodeErrorResponse(vector('V01'), error))).toBe(hexOf(vector('V33')));
    expect(decodeResponse(vector('V33'))).toEqual({
      kind: 'message',
      message: { kind: 'version refused', version: 1, lifetimeSeconds: 1800 },
    });
  });

  it.each([
    ['V05', 'V03', { code: 11, lifetimeSeconds: 30, epoch: 1002 }],
    ['V22', 'V03', { code: 5, lifetimeSeconds: 1800, epoch: 1003 }],
    ['V24', 'V01', { code: 10, lifetimeSeconds: 30, epoch: 1003 }],
  ] as const)('%s is %s again with the header of an error (P-09, RFC 6887 §8.3)', (response, request, error) => {
    expect(hexOf(encodeErrorResponse(vector(request), error))).toBe(hexOf(vector(response)));
  });

  it.each(['N01', 'N02'])('P-60: %s is a refusal of version 2, R bit or not (RFC 6886 §3.5)', (id) => {
    expect(decodeResponse(vector(id))).toEqual({
      kind: 'message',
      message: { kind: 'version refused', version: 0, lifetimeSeconds: 0 },
    });
  });

  it('D01: DHCPv4 option 158 lists two servers, the first with two addresses (RFC 7291 §4)', () => {
    const servers = [[IpAddress.of('192.0.2.1'), IpAddress.of('192.0.2.2')], [IpAddress.of('198.51.100.1')]];
    const payload = vector('D01').subarray(2);
    expect(decodeDhcpv4Servers(payload)).toEqual(servers);
    expect(hexOf(encodeDhcpv4Servers(servers))).toBe(hexOf(payload));
    expect(vector('D01')[1]).toBe(payload.length);
  });

  it('D02: DHCPv6 option 86 is one server, IPv4-mapped addresses included (RFC 7291 §5)', () => {
    const addresses = [IpAddress.of('2001:db8:1111::1'), IpAddress.of('192.0.2.1')];
    const payload = vector('D02').subarray(4);
    expect(decodeDhcpv6Server(payload)).toEqual(addresses);
    expect(hexOf(encodeDhcpv6Server(addresses))).toBe(hexOf(payload));
  });

  it('every vector is covered by a test of this file', () => {
    const elsewhere = ['V25', 'V33', 'D01', 'D02'];
    const covered = [REQUESTS, RESPONSES, NAT_PMP_REQUESTS, NAT_PMP_RESPONSES].flatMap((table) => Object.keys(table));
    expect([...covered, ...elsewhere].sort()).toEqual(vectors.map(({ id }) => id).sort());
  });
});
