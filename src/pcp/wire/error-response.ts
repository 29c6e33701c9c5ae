// What a server answers when it refuses: a copy of the request with the header of a response (RFC 6887 §7.2, §8.3). It works
// on bytes, as it is needed for unreadable requests, too.

import { ByteWriter } from '../../base/byte-writer.ts';
import type { ResultCode } from '../asking/result-code.ts';
import { HEADER_OCTETS, MAX_PCP_DATAGRAM, PCP_VERSION, RESPONSE_BIT } from './common-header.ts';

export interface ErrorHeader {
  readonly code: ResultCode;
  readonly lifetimeSeconds: number;
  readonly epoch: number;
  /** RFC 6887 §9: with UNSUPP_VERSION, the closest version the server speaks. */
  readonly version?: number;
  /** Set when the request could not be read: the answer then repeats the end of its client address (RFC 6887 §7.2). */
  readonly unreadable?: boolean;
}

const OFFSET_OF_CLIENT_ADDRESS_TAIL = 12;

export function encodeErrorResponse(request: Uint8Array, header: ErrorHeader): Uint8Array {
  const opcode = (request[1] ?? 0) | RESPONSE_BIT;
  const writer = new ByteWriter();
  writer.u8(header.version ?? PCP_VERSION).u8(opcode);
  writer.u8(0).u8(header.code).u32(header.lifetimeSeconds).u32(header.epoch);
  const tail = header.unreadable === true ? request.subarray(OFFSET_OF_CLIENT_ADDRESS_TAIL, HEADER_OCTETS) : [];
  writer.raw(Uint8Array.from(tail)).zeros(HEADER_OCTETS - OFFSET_OF_CLIENT_ADDRESS_TAIL - tail.length);
  writer.raw(request.subarray(HEADER_OCTETS, MAX_PCP_DATAGRAM));
  // RFC 6887 §7.2: padded with zeros to a multiple of four octets.
  return writer.zeros((4 - (writer.length % 4)) % 4).bytes();
}
