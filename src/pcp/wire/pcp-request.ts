// PCP requests (RFC 6887 §7.1) as values and as bytes. The client writes them; a server reads them. For an unreadable one,
// reading says with which error the server has to answer.

import { ByteReader } from '../../base/byte-reader.ts';
import { ByteWriter } from '../../base/byte-writer.ts';
import type { IpAddress } from '../../base/ip-address.ts';
import {
  MALFORMED_OPTION,
  MALFORMED_REQUEST,
  type ResultCode,
  UNSUPP_OPCODE,
  UNSUPP_VERSION,
} from '../asking/result-code.ts';
import {
  checkedLength,
  decodeMapFields,
  decodePeerFields,
  encodeBody,
  HEADER_OCTETS,
  MAP_OCTETS,
  MAX_PCP_DATAGRAM,
  type MapFields,
  type MessageBody,
  OPCODE,
  PCP_VERSION,
  PEER_OCTETS,
  type PeerFields,
  RESPONSE_BIT,
} from './common-header.ts';
import { decodeOptions, encodeOptions, type Option } from './option.ts';

interface RequestHeader {
  /** The address the packet is sent from, as its sender sees it (RFC 6887 §8.1). */
  readonly clientAddress: IpAddress;
  readonly lifetimeSeconds: number;
  readonly options: readonly Option[];
}

export type AnnounceRequest = RequestHeader & { readonly kind: 'announce' };
export type MapWireRequest = RequestHeader & MapFields & { readonly kind: 'map' };
export type PeerRequest = RequestHeader & PeerFields & { readonly kind: 'peer' };
export type PcpRequest = AnnounceRequest | MapWireRequest | PeerRequest;

/** What a server makes of a datagram (RFC 6887 §8.2). */
export type DecodedRequest =
  | { readonly kind: 'ignored'; readonly why: 'too short' | 'not a request' }
  /** To be answered with the datagram again under this code: see `encodeErrorResponse`. */
  | { readonly kind: 'unacceptable'; readonly code: ResultCode; readonly version: number }
  | { readonly kind: 'request'; readonly request: PcpRequest };

export function encodeRequest(request: PcpRequest): Uint8Array {
  const writer = new ByteWriter();
  writer.u8(PCP_VERSION).u8(OPCODE[request.kind]).zeros(2);
  writer.u32(request.lifetimeSeconds).address(request.clientAddress);
  encodeBody(writer, request);
  encodeOptions(writer, request.options);
  return checkedLength(writer.bytes());
}

export function decodeRequest(bytes: Uint8Array): DecodedRequest {
  const [version, kindOctet] = bytes;
  if (version === undefined || kindOctet === undefined) return { kind: 'ignored', why: 'too short' };
  if ((kindOctet & RESPONSE_BIT) !== 0) return { kind: 'ignored', why: 'not a request' };
  const unacceptable = (code: ResultCode): DecodedRequest => ({ kind: 'unacceptable', code, version });
  // RFC 6887 §8.2: the version is judged before anything else, the opcode before the length.
  if (version !== PCP_VERSION) return unacceptable(UNSUPP_VERSION);
  const bodyOctets = BODY_OCTETS[kindOctet];
  if (bodyOctets === undefined) return unacceptable(UNSUPP_OPCODE);
  if (bytes.length > MAX_PCP_DATAGRAM || bytes.length % 4 !== 0) return unacceptable(MALFORMED_REQUEST);
  if (bytes.length < HEADER_OCTETS + bodyOctets) return unacceptable(MALFORMED_REQUEST);

  const reader = new ByteReader(bytes);
  reader.skip(4);
  const head = { lifetimeSeconds: reader.u32(), clientAddress: reader.address() };
  const body = decodeBody(kindOctet, reader);
  const options = decodeOptions(reader);
  if (options === undefined) return unacceptable(MALFORMED_OPTION);
  return { kind: 'request', request: { ...head, ...body, options } };
}

const BODY_OCTETS: Readonly<Record<number, number>> = {
  [OPCODE.announce]: 0,
  [OPCODE.map]: MAP_OCTETS,
  [OPCODE.peer]: PEER_OCTETS,
};

function decodeBody(opcode: number, reader: ByteReader): MessageBody {
  if (opcode === OPCODE.map) return { kind: 'map', ...decodeMapFields(reader) };
  return opcode === OPCODE.peer ? { kind: 'peer', ...decodePeerFields(reader) } : { kind: 'announce' };
}
