// The bodies of MAP (RFC 6887 §11.1) and PEER (§12.1). Requests and responses share the layout: what a request calls
// suggested, a response calls assigned.

import type { ByteReader } from '../../base/byte-reader.ts';
import type { ByteWriter } from '../../base/byte-writer.ts';
import type { IpAddress } from '../../base/ip-address.ts';
import type { PortNumber } from '../../base/port-number.ts';
import { unreachable } from '../../base/result.ts';
import { bytesOfNonce, type MappingNonce, NONCE_BYTES, nonceFromBytes } from '../asking/mapping-nonce.ts';

export interface MapFields {
  readonly nonce: MappingNonce;
  /** IANA protocol number; 0: all protocols. */
  readonly protocol: number;
  readonly internalPort: PortNumber;
  /** Suggested in a request, assigned in a response. */
  readonly externalPort: PortNumber;
  readonly externalAddress: IpAddress;
}

export interface PeerFields extends MapFields {
  readonly remotePort: PortNumber;
  readonly remoteAddress: IpAddress;
}

/** What stands between header and options, by opcode. */
export type MessageBody =
  | { readonly kind: 'announce' }
  | ({ readonly kind: 'map' } & MapFields)
  | ({ readonly kind: 'peer' } & PeerFields);

export const MAP_OCTETS = 36;
export const PEER_OCTETS = 56;

export function encodeBody(writer: ByteWriter, body: MessageBody): void {
  switch (body.kind) {
    case 'announce':
      break;
    case 'map':
      encodeMapFields(writer, body);
      break;
    case 'peer':
      encodePeerFields(writer, body);
      break;
    default:
      unreachable(body);
  }
}

function encodeMapFields(writer: ByteWriter, fields: MapFields): void {
  writer.raw(bytesOfNonce(fields.nonce)).u8(fields.protocol).zeros(3);
  writer.u16(fields.internalPort).u16(fields.externalPort).address(fields.externalAddress);
}

export function decodeMapFields(reader: ByteReader): MapFields {
  const nonce = nonceFromBytes(reader.take(NONCE_BYTES));
  const protocol = reader.u8();
  reader.skip(3);
  return {
    nonce,
    protocol,
    internalPort: reader.port(),
    externalPort: reader.port(),
    externalAddress: reader.address(),
  };
}

function encodePeerFields(writer: ByteWriter, fields: PeerFields): void {
  encodeMapFields(writer, fields);
  writer.u16(fields.remotePort).zeros(2).address(fields.remoteAddress);
}

export function decodePeerFields(reader: ByteReader): PeerFields {
  const mapFields = decodeMapFields(reader);
  const remotePort = reader.port();
  reader.skip(2);
  return { ...mapFields, remotePort, remoteAddress: reader.address() };
}
