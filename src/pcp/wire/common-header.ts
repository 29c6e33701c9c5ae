// What PCP messages have in common (RFC 6887 §7): version, R bit and opcode, sizes, ports, and the bodies of MAP (§11.1) and
// PEER (§12.1), which requests and responses share. A datagram is read as a message, or as something to ignore with the
// reason. Nothing a peer sends becomes an exception.

import type { ByteReader } from '../../base/byte-reader.ts';
import type { ByteWriter } from '../../base/byte-writer.ts';
import type { IpAddress } from '../../base/ip-address.ts';
import type { PortNumber } from '../../base/port-number.ts';
import { unreachable } from '../../base/result.ts';
import { bytesOfNonce, type MappingNonce, NONCE_BYTES, nonceFromBytes } from '../asking/mapping-nonce.ts';

export const PCP_VERSION = 2;
export const NAT_PMP_VERSION = 0;

// RFC 6887 §19.2 (IANA "PCP Protocol Numbers"): the server's port, and the clients' port for multicast announcements.
export const PCP_SERVER_PORT = 5351;
export const PCP_CLIENT_PORT = 5350;

export const OPCODE = { announce: 0, map: 1, peer: 2 } as const;

export const RESPONSE_BIT = 0x80;
export const HEADER_OCTETS = 24;
/** RFC 6887 §7: a request or response is never longer, so that no path fragments it. */
export const MAX_PCP_DATAGRAM = 1100;

export function checkedLength(bytes: Uint8Array): Uint8Array {
  if (bytes.length > MAX_PCP_DATAGRAM) throw new RangeError(`a PCP message of ${bytes.length} octets is too long`);
  return bytes;
}

/** Why a datagram was dropped. A closed list: each is a counter on the status page. */
export type IgnoredBecause =
  | 'too short'
  | 'too long'
  | 'odd length'
  | 'not a response'
  | 'unknown version'
  | 'unknown opcode'
  | 'malformed option';

export interface Ignored {
  readonly kind: 'ignored';
  readonly why: IgnoredBecause;
}

export type Decoded<Message> = Ignored | { readonly kind: 'message'; readonly message: Message };

export const ignored = (why: IgnoredBecause): Ignored => ({ kind: 'ignored', why });
export const message = <Message>(value: Message): { readonly kind: 'message'; readonly message: Message } => ({
  kind: 'message',
  message: value,
});

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
