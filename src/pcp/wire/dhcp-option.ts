// The payloads of the DHCP options that name PCP servers (RFC 7291): option 158 of DHCPv4 and option 86 of DHCPv6.
// Each list of addresses is one server. Whoever reads the lease joins the instances of an option (RFC 3396).

import { ByteReader } from '../../base/byte-reader.ts';
import { ByteWriter } from '../../base/byte-writer.ts';
import type { IpAddress } from '../../base/ip-address.ts';

/** The addresses of one server, in the order given. */
export type ServerAddresses = readonly IpAddress[];

/** Undefined when the payload is not what RFC 7291 §4 describes. */
export function decodeDhcpv4Servers(payload: Uint8Array): readonly ServerAddresses[] | undefined {
  const reader = new ByteReader(payload);
  const servers: ServerAddresses[] = [];
  while (reader.remaining > 0) {
    const length = reader.u8();
    if (length === 0 || length % 4 !== 0 || length > reader.remaining) return undefined;
    servers.push(usable(Array.from({ length: length / 4 }, () => reader.ipv4Address())));
  }
  return servers.filter((addresses) => addresses.length > 0);
}

/** One instance of option 86 is one server (RFC 7291 §5). */
export function decodeDhcpv6Server(payload: Uint8Array): ServerAddresses | undefined {
  if (payload.length === 0 || payload.length % 16 !== 0) return undefined;
  const reader = new ByteReader(payload);
  return usable(Array.from({ length: payload.length / 16 }, () => reader.address()));
}

export function encodeDhcpv4Servers(servers: readonly ServerAddresses[]): Uint8Array {
  const writer = new ByteWriter();
  for (const addresses of servers) {
    writer.u8(addresses.length * 4);
    for (const address of addresses) writer.ipv4Address(address);
  }
  return writer.bytes();
}

export function encodeDhcpv6Server(addresses: ServerAddresses): Uint8Array {
  const writer = new ByteWriter();
  for (const address of addresses) writer.address(address);
  return writer.bytes();
}

/** RFC 7291 §4.2, §5.2: multicast and loopback addresses are dropped silently. */
const usable = (addresses: ServerAddresses): ServerAddresses =>
  addresses.filter((address) => !address.isMulticast && !address.isLoopback && !address.isUnspecified);
