// The PREFIX64 option (RFC 7225 §4): the prefix a NAT64 translates with, and for which IPv4 destinations.

import { ByteReader } from '../../base/byte-reader.ts';
import { ByteWriter } from '../../base/byte-writer.ts';
import type { IpAddress } from '../../base/ip-address.ts';

export interface Prefix64 {
  readonly kind: 'prefix64';
  /** In octets: 4, 5, 6, 7, 8 or 12. */
  readonly prefixLength: number;
  /** Prefix and suffix, twelve octets together. */
  readonly prefixAndSuffix: Uint8Array;
  /** Empty: for every destination. */
  readonly ipv4Prefixes: readonly { readonly bits: number; readonly address: IpAddress }[];
}

const PREFIX_AND_SUFFIX_OCTETS = 12;
const COUNT_OCTETS = 2;
const IPV4_PREFIX_OCTETS = 6;
const LENGTHS: ReadonlySet<number> = new Set([4, 5, 6, 7, 8, 12]);

/** The RFC does not say whether a request has the count of an empty list. We always write it; receivers accept both. */
export function encodePrefix64(option: Prefix64): Uint8Array {
  if (!LENGTHS.has(option.prefixLength)) throw new RangeError(`not a NAT64 prefix length: ${option.prefixLength}`);
  if (option.prefixAndSuffix.length !== PREFIX_AND_SUFFIX_OCTETS)
    throw new RangeError('prefix and suffix are 12 octets');
  const writer = new ByteWriter().u16(option.prefixLength).raw(option.prefixAndSuffix).u16(option.ipv4Prefixes.length);
  for (const { bits, address } of option.ipv4Prefixes) writer.u16(bits).ipv4Address(address);
  return writer.bytes();
}

export function decodePrefix64(data: Uint8Array): Prefix64 | undefined {
  const reader = new ByteReader(data);
  if (reader.remaining < COUNT_OCTETS + PREFIX_AND_SUFFIX_OCTETS) return undefined;
  const prefixLength = reader.u16();
  if (!LENGTHS.has(prefixLength)) return undefined;
  const prefixAndSuffix = reader.take(PREFIX_AND_SUFFIX_OCTETS);
  const ipv4Prefixes = decodeIPv4Prefixes(reader);
  return ipv4Prefixes === undefined ? undefined : { kind: 'prefix64', prefixLength, prefixAndSuffix, ipv4Prefixes };
}

function decodeIPv4Prefixes(reader: ByteReader): Prefix64['ipv4Prefixes'] | undefined {
  if (reader.remaining === 0) return [];
  if (reader.remaining < COUNT_OCTETS) return undefined;
  const count = reader.u16();
  if (reader.remaining !== count * IPV4_PREFIX_OCTETS) return undefined;
  return Array.from({ length: count }, () => ({ bits: reader.u16(), address: reader.ipv4Address() }));
}
