// PCP options (RFC 6887 §7.3): code, reserved octet, length without padding, data, padding to four octets.
// Here they are only read and written. What an option means for a mapping is decided elsewhere.

import { ByteReader } from '../../base/byte-reader.ts';
import { ByteWriter } from '../../base/byte-writer.ts';
import type { IpAddress } from '../../base/ip-address.ts';
import type { PortNumber } from '../../base/port-number.ts';
import { unreachable } from '../../base/result.ts';
import { decodePrefix64, encodePrefix64, type Prefix64 } from './prefix64.ts';

/** IANA "PCP Options". Below 128 a server must understand the option or refuse; from 128 on it may skip it. */
export const OPTION_CODE = {
  thirdParty: 1,
  preferFailure: 2,
  filter: 3,
  thirdPartyId: 13,
  description: 128,
  prefix64: 129,
  portSet: 130,
} as const;

export type Option =
  /** RFC 6887 §13.1. */
  | { readonly kind: 'third party'; readonly internalAddress: IpAddress }
  /** RFC 6887 §13.2. */
  | { readonly kind: 'prefer failure' }
  /** RFC 6887 §13.3. `prefixBits` counts in the 16-octet form, IPv4 /32 = 128; 0 removes all filters. Port 0: all. */
  | {
      readonly kind: 'filter';
      readonly prefixBits: number;
      readonly remotePort: PortNumber;
      readonly remoteAddress: IpAddress;
    }
  /** RFC 7843 §3. */
  | { readonly kind: 'third party id'; readonly id: Uint8Array }
  /** RFC 7220 §3. UTF-8, no terminator. */
  | { readonly kind: 'description'; readonly text: string }
  /** RFC 7225 §4. */
  | Prefix64
  /** RFC 7753 §4. Size 0xffff: as many as possible. */
  | { readonly kind: 'port set'; readonly size: number; readonly firstPort: PortNumber; readonly parity: boolean }
  /** A receiver skips it (RFC 6887 §8.3); kept so that an error response can be the request again. */
  | { readonly kind: 'unknown'; readonly code: number; readonly data: Uint8Array };

/** Whether a server that does not know this code has to refuse the request (RFC 6887 §7.3). */
export const isMandatoryOption = (code: number): boolean => code < 128;

const HEADER_OCTETS = 4;
const ADDRESS_OCTETS = 16;
const FILTER_OCTETS = 20;
const PORT_SET_OCTETS = 5;

export function encodeOptions(writer: ByteWriter, options: readonly Option[]): void {
  for (const option of options) {
    const data = encodeData(option);
    writer.u8(codeOf(option)).u8(0).u16(data.length).raw(data).zeros(paddingOf(data.length));
  }
}

/** Undefined when an option runs past the end or has a length its code does not allow. */
export function decodeOptions(reader: ByteReader): readonly Option[] | undefined {
  const options: Option[] = [];
  while (reader.remaining > 0) {
    if (reader.remaining < HEADER_OCTETS) return undefined;
    const code = reader.u8();
    reader.skip(1);
    const length = reader.u16();
    if (reader.remaining < length + paddingOf(length)) return undefined;
    const option = decodeData(code, reader.take(length));
    if (option === undefined) return undefined;
    options.push(option);
    reader.skip(paddingOf(length));
  }
  return options;
}

const paddingOf = (length: number): number => (4 - (length % 4)) % 4;

export function codeOf(option: Option): number {
  switch (option.kind) {
    case 'third party':
      return OPTION_CODE.thirdParty;
    case 'prefer failure':
      return OPTION_CODE.preferFailure;
    case 'filter':
      return OPTION_CODE.filter;
    case 'third party id':
      return OPTION_CODE.thirdPartyId;
    case 'description':
      return OPTION_CODE.description;
    case 'prefix64':
      return OPTION_CODE.prefix64;
    case 'port set':
      return OPTION_CODE.portSet;
    case 'unknown':
      return option.code;
    default:
      return unreachable(option);
  }
}

function encodeData(option: Option): Uint8Array {
  const writer = new ByteWriter();
  switch (option.kind) {
    case 'third party':
      return writer.address(option.internalAddress).bytes();
    case 'prefer failure':
      return writer.bytes();
    case 'filter':
      return writer.u8(0).u8(option.prefixBits).u16(option.remotePort).address(option.remoteAddress).bytes();
    case 'third party id':
      return option.id;
    case 'description':
      return new TextEncoder().encode(option.text);
    case 'prefix64':
      return encodePrefix64(option);
    case 'port set':
      return writer
        .u16(option.size)
        .u16(option.firstPort)
        .u8(option.parity ? 1 : 0)
        .bytes();
    case 'unknown':
      return option.data;
    default:
      return unreachable(option);
  }
}

function decodeData(code: number, data: Uint8Array): Option | undefined {
  const reader = new ByteReader(data);
  switch (code) {
    case OPTION_CODE.thirdParty:
      return data.length === ADDRESS_OCTETS ? { kind: 'third party', internalAddress: reader.address() } : undefined;
    case OPTION_CODE.preferFailure:
      return data.length === 0 ? { kind: 'prefer failure' } : undefined;
    case OPTION_CODE.filter:
      return data.length === FILTER_OCTETS ? decodeFilter(reader) : undefined;
    case OPTION_CODE.thirdPartyId:
      return { kind: 'third party id', id: data };
    case OPTION_CODE.description:
      return decodeDescription(data);
    case OPTION_CODE.prefix64:
      return decodePrefix64(data);
    case OPTION_CODE.portSet:
      return data.length === PORT_SET_OCTETS ? decodePortSet(reader) : undefined;
    default:
      return { kind: 'unknown', code, data };
  }
}

function decodeFilter(reader: ByteReader): Option | undefined {
  reader.skip(1);
  const prefixBits = reader.u8();
  if (prefixBits > 128) return undefined;
  return { kind: 'filter', prefixBits, remotePort: reader.port(), remoteAddress: reader.address() };
}

function decodePortSet(reader: ByteReader): Option {
  return { kind: 'port set', size: reader.u16(), firstPort: reader.port(), parity: (reader.u8() & 1) === 1 };
}

/** RFC 7220 §3: text that is not UTF-8 makes the option void, not the message. */
function decodeDescription(data: Uint8Array): Option {
  try {
    return { kind: 'description', text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(data) };
  } catch {
    return { kind: 'unknown', code: OPTION_CODE.description, data };
  }
}
