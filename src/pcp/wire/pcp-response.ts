// PCP responses (RFC 6887 §7.2) as values and as bytes, read in the order of §8.3. There are two known ways in which
// a NAT-PMP server refuses version 2; both are read as the message of a PCP server that refuses it.

import { ByteReader } from '../../base/byte-reader.ts';
import { ByteWriter } from '../../base/byte-writer.ts';
import { type ResultCode, UNSUPP_VERSION } from '../asking/result-code.ts';
import {
  checkedLength,
  type Decoded,
  decodeMapFields,
  decodePeerFields,
  encodeBody,
  HEADER_OCTETS,
  ignored,
  MAP_OCTETS,
  MAX_PCP_DATAGRAM,
  type MapFields,
  message,
  NAT_PMP_VERSION,
  OPCODE,
  PCP_VERSION,
  PEER_OCTETS,
  type PeerFields,
  RESPONSE_BIT,
} from './common-header.ts';
import { isNatPmpVersionRefusal } from './nat-pmp-response.ts';
import { decodeOptions, encodeOptions, type Option } from './option.ts';

interface ResponseHeader {
  readonly code: ResultCode;
  readonly lifetimeSeconds: number;
  /** Seconds since the server's mapping table was last empty (RFC 6887 §8.5). */
  readonly epoch: number;
  readonly options: readonly Option[];
}

export type AnnounceResponse = ResponseHeader & { readonly kind: 'announce' };
export type MapResponse = ResponseHeader & MapFields & { readonly kind: 'map' };
export type PeerResponse = ResponseHeader & PeerFields & { readonly kind: 'peer' };
export type PcpResponse = AnnounceResponse | MapResponse | PeerResponse;

/** UNSUPP_VERSION; `version` is the closest the server speaks (RFC 6887 §9), 0 for NAT-PMP. */
export interface VersionRefused {
  readonly kind: 'version refused';
  readonly version: number;
  readonly lifetimeSeconds: number;
}

export function encodeResponse(response: PcpResponse): Uint8Array {
  const writer = new ByteWriter();
  writer
    .u8(PCP_VERSION)
    .u8(OPCODE[response.kind] | RESPONSE_BIT)
    .u8(0)
    .u8(response.code);
  writer.u32(response.lifetimeSeconds).u32(response.epoch).zeros(12);
  encodeBody(writer, response);
  encodeOptions(writer, response.options);
  return checkedLength(writer.bytes());
}

export function decodeResponse(bytes: Uint8Array): Decoded<PcpResponse | VersionRefused> {
  const [version, kindOctet, , code] = bytes;
  if (version === undefined || kindOctet === undefined || code === undefined) return ignored('too short');
  // RFC 6886 §3.5 prints this refusal with the R bit clear, so it is looked for before the R bit is.
  if (isNatPmpVersionRefusal(bytes)) return versionRefused(NAT_PMP_VERSION, 0);
  if ((kindOctet & RESPONSE_BIT) === 0) return ignored('not a response');
  // RFC 6887 §9: an older server's refusal may have another length, so the version is judged before the length.
  if (code === UNSUPP_VERSION && version !== NAT_PMP_VERSION) return versionRefused(version, lifetimeIn(bytes));
  if (bytes.length < HEADER_OCTETS) return ignored('too short');
  if (bytes.length > MAX_PCP_DATAGRAM) return ignored('too long');
  if (bytes.length % 4 !== 0) return ignored('odd length');
  if (version !== PCP_VERSION) return ignored('unknown version');
  return decodeBody(kindOctet & ~RESPONSE_BIT, code, bytes);
}

const versionRefused = (version: number, lifetimeSeconds: number): Decoded<VersionRefused> =>
  message({ kind: 'version refused', version, lifetimeSeconds });

function lifetimeIn(bytes: Uint8Array): number {
  const reader = new ByteReader(bytes);
  reader.skip(4);
  return reader.remaining < 4 ? 0 : reader.u32();
}

function decodeBody(opcode: number, code: ResultCode, bytes: Uint8Array): Decoded<PcpResponse> {
  const reader = new ByteReader(bytes);
  reader.skip(4);
  const head = { code, lifetimeSeconds: reader.u32(), epoch: reader.u32() };
  // RFC 6887 §7.2: these twelve octets may repeat a part of the request and mean nothing.
  reader.skip(12);
  switch (opcode) {
    case OPCODE.announce:
      return withOptions(reader, { kind: 'announce', ...head });
    case OPCODE.map:
      if (reader.remaining < MAP_OCTETS) return ignored('too short');
      return withOptions(reader, { kind: 'map', ...head, ...decodeMapFields(reader) });
    case OPCODE.peer:
      if (reader.remaining < PEER_OCTETS) return ignored('too short');
      return withOptions(reader, { kind: 'peer', ...head, ...decodePeerFields(reader) });
    default:
      return ignored('unknown opcode');
  }
}

type WithoutOptions<Response> = Response extends unknown ? Omit<Response, 'options'> : never;

function withOptions(reader: ByteReader, response: WithoutOptions<PcpResponse>): Decoded<PcpResponse> {
  const options = decodeOptions(reader);
  return options === undefined ? ignored('malformed option') : message({ ...response, options });
}
