// NAT-PMP responses (RFC 6886 §3.2, §3.3, §3.5), with the multicast announcement (§3.2.1), and the refusal of version 2 that
// shows a NAT-PMP gateway.

import { ByteReader } from '../../base/byte-reader.ts';
import { ByteWriter } from '../../base/byte-writer.ts';
import type { IpAddress } from '../../base/ip-address.ts';
import type { PortNumber } from '../../base/port-number.ts';
import { unreachable } from '../../base/result.ts';
import type { TransportProtocol } from '../../base/transport-protocol.ts';
import { type Decoded, ignored, message, NAT_PMP_VERSION, RESPONSE_BIT } from './common-header.ts';
import { NAT_PMP_OPCODE } from './nat-pmp-request.ts';

export const NAT_PMP_RESULT = {
  success: 0,
  unsupportedVersion: 1,
  notAuthorized: 2,
  networkFailure: 3,
  outOfResources: 4,
  unsupportedOpcode: 5,
} as const;

export type NatPmpResponse =
  /** Also what a gateway multicasts when it starts or its address changes. Without an address when refused. */
  | {
      readonly kind: 'external address';
      readonly code: number;
      readonly epoch: number;
      readonly address: IpAddress | undefined;
    }
  | {
      readonly kind: 'map';
      readonly code: number;
      readonly epoch: number;
      readonly protocol: TransportProtocol;
      readonly internalPort: PortNumber;
      readonly mappedPort: PortNumber;
      readonly lifetimeSeconds: number;
    }
  /** Eight octets. The second is 0 in the RFC's picture; some gateways repeat the request's opcode with the R bit. */
  | { readonly kind: 'version refused'; readonly secondOctet: number; readonly epoch: number };

const REFUSAL_OCTETS = 8;
const ADDRESS_OCTETS = 12;
const MAP_OCTETS = 16;

/** In answer to a PCP request: version 0 and the 16-bit result 1, whatever the R bit says (RFC 6887 §9, RFC 6886 §3.5). */
export function isNatPmpVersionRefusal(bytes: Uint8Array): boolean {
  return (
    bytes.length >= REFUSAL_OCTETS &&
    bytes[0] === NAT_PMP_VERSION &&
    bytes[2] === 0 &&
    bytes[3] === NAT_PMP_RESULT.unsupportedVersion
  );
}

export function encodeNatPmpResponse(response: NatPmpResponse): Uint8Array {
  const writer = new ByteWriter().u8(NAT_PMP_VERSION);
  switch (response.kind) {
    case 'version refused':
      return writer.u8(response.secondOctet).u16(NAT_PMP_RESULT.unsupportedVersion).u32(response.epoch).bytes();
    case 'external address':
      writer.u8(RESPONSE_BIT | NAT_PMP_OPCODE.externalAddress);
      writer.u16(response.code).u32(response.epoch);
      return response.address === undefined ? writer.zeros(4).bytes() : writer.ipv4Address(response.address).bytes();
    case 'map':
      writer
        .u8(RESPONSE_BIT | NAT_PMP_OPCODE[response.protocol])
        .u16(response.code)
        .u32(response.epoch);
      return writer.u16(response.internalPort).u16(response.mappedPort).u32(response.lifetimeSeconds).bytes();
    default:
      return unreachable(response);
  }
}

/** RFC 6886 §3.5: an unknown opcode comes back as it was sent, with the R bit and result 5. */
export function encodeNatPmpOpcodeRefusal(request: Uint8Array): Uint8Array {
  const writer = new ByteWriter().u8(NAT_PMP_VERSION);
  writer.u8((request[1] ?? 0) | RESPONSE_BIT).u16(NAT_PMP_RESULT.unsupportedOpcode);
  return writer.raw(request.subarray(4)).bytes();
}

export function decodeNatPmpResponse(bytes: Uint8Array): Decoded<NatPmpResponse> {
  if (bytes.length < REFUSAL_OCTETS) return ignored('too short');
  const reader = new ByteReader(bytes);
  if (reader.u8() !== NAT_PMP_VERSION) return ignored('unknown version');
  const secondOctet = reader.u8();
  const head = { code: reader.u16(), epoch: reader.u32() };
  if (isNatPmpVersionRefusal(bytes)) return message({ kind: 'version refused', secondOctet, epoch: head.epoch });
  if ((secondOctet & RESPONSE_BIT) === 0) return ignored('not a response');
  const opcode = secondOctet & ~RESPONSE_BIT;
  if (opcode === NAT_PMP_OPCODE.externalAddress) return decodeExternalAddress(reader, head, bytes.length);
  if (opcode > NAT_PMP_OPCODE.TCP) return ignored('unknown opcode');
  if (bytes.length < MAP_OCTETS) return ignored('too short');
  const protocol = opcode === NAT_PMP_OPCODE.TCP ? 'TCP' : 'UDP';
  const fields = { internalPort: reader.port(), mappedPort: reader.port(), lifetimeSeconds: reader.u32() };
  return message({ kind: 'map', ...head, protocol, ...fields });
}

function decodeExternalAddress(
  reader: ByteReader,
  head: { readonly code: number; readonly epoch: number },
  length: number,
): Decoded<NatPmpResponse> {
  const isGranted = head.code === NAT_PMP_RESULT.success;
  if (isGranted && length < ADDRESS_OCTETS) return ignored('too short');
  return message({ kind: 'external address', ...head, address: isGranted ? reader.ipv4Address() : undefined });
}
