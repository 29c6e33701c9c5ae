// NAT-PMP requests (RFC 6886 §3.2, §3.3). NAT-PMP came before PCP; we speak it with servers that know nothing else.

import { ByteReader } from '../../base/byte-reader.ts';
import { ByteWriter } from '../../base/byte-writer.ts';
import type { PortNumber } from '../../base/port-number.ts';
import type { TransportProtocol } from '../../base/transport-protocol.ts';
import { NAT_PMP_VERSION } from './common-header.ts';

export type NatPmpRequest =
  | { readonly kind: 'external address' }
  | {
      readonly kind: 'map';
      readonly protocol: TransportProtocol;
      readonly internalPort: PortNumber;
      /** 0 together with lifetime 0 deletes. */
      readonly suggestedPort: PortNumber;
      readonly lifetimeSeconds: number;
    };

/** What a gateway makes of a datagram. The last two are to be answered, see `NatPmpResponse`. */
export type DecodedNatPmpRequest =
  | { readonly kind: 'ignored'; readonly why: 'too short' | 'not a request' }
  | { readonly kind: 'unknown version'; readonly opcode: number }
  | { readonly kind: 'unknown opcode'; readonly opcode: number }
  | { readonly kind: 'request'; readonly request: NatPmpRequest };

export const NAT_PMP_OPCODE = { externalAddress: 0, UDP: 1, TCP: 2 } as const;
const MAP_REQUEST_OCTETS = 12;

export function encodeNatPmpRequest(request: NatPmpRequest): Uint8Array {
  const writer = new ByteWriter().u8(NAT_PMP_VERSION);
  if (request.kind === 'external address') return writer.u8(NAT_PMP_OPCODE.externalAddress).bytes();
  writer.u8(NAT_PMP_OPCODE[request.protocol]).zeros(2);
  return writer.u16(request.internalPort).u16(request.suggestedPort).u32(request.lifetimeSeconds).bytes();
}

export function decodeNatPmpRequest(bytes: Uint8Array): DecodedNatPmpRequest {
  const [version, opcode] = bytes;
  if (version === undefined || opcode === undefined) return { kind: 'ignored', why: 'too short' };
  if (opcode >= 0x80) return { kind: 'ignored', why: 'not a request' };
  if (version !== NAT_PMP_VERSION) return { kind: 'unknown version', opcode };
  if (opcode === NAT_PMP_OPCODE.externalAddress) return { kind: 'request', request: { kind: 'external address' } };
  if (opcode > NAT_PMP_OPCODE.TCP) return { kind: 'unknown opcode', opcode };
  if (bytes.length < MAP_REQUEST_OCTETS) return { kind: 'ignored', why: 'too short' };
  const reader = new ByteReader(bytes);
  reader.skip(4);
  const fields = { internalPort: reader.port(), suggestedPort: reader.port(), lifetimeSeconds: reader.u32() };
  const protocol = opcode === NAT_PMP_OPCODE.TCP ? 'TCP' : 'UDP';
  return { kind: 'request', request: { kind: 'map', protocol, ...fields } };
}
