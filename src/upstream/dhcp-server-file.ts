// The file in which a DHCP client leaves the PCP servers it was told (RFC 7291). One server per line: addresses with
// blanks or commas between them, or the option's payload in hexadecimal as scripts of DHCP clients have it, with or
// without a name in front ("opt158=", "OPTION_86="). "#" begins a comment; what cannot be read is skipped.

import { IpAddress } from '../base/ip-address.ts';
import { decodeDhcpv4Servers, decodeDhcpv6Server, type ServerAddresses } from '../pcp/wire/dhcp-option.ts';

/** A lease names one or two; a file that is longer is not what it should be. */
const MAX_SERVERS = 8;

export function readDhcpServers(text: string): readonly ServerAddresses[] {
  const servers = text.split('\n').flatMap((line) => serversIn(line.replace(/#.*/, '').trim()));
  return servers.filter((addresses) => addresses.length > 0).slice(0, MAX_SERVERS);
}

function serversIn(line: string): readonly ServerAddresses[] {
  const value = line.replace(/^[A-Za-z_]+_?\d*\s*=\s*/, '').replaceAll(/["']/g, '');
  const words = value.split(/[\s,]+/).filter((word) => word !== '');
  const addresses = words.map((word) => IpAddress.parse(word));
  const usable = addresses.filter((address): address is IpAddress => address !== undefined && !address.isMulticast);
  if (words.length > 0 && usable.length === words.length) return [usable];
  const payload = hexBytes(words.join(''));
  if (payload === undefined) return [];
  // A DHCPv4 list begins with its length, which no IPv6 address of a server looks like.
  const ipv4 = decodeDhcpv4Servers(payload);
  if (ipv4 !== undefined) return ipv4;
  const ipv6 = decodeDhcpv6Server(payload);
  return ipv6 === undefined ? [] : [ipv6];
}

function hexBytes(text: string): Uint8Array | undefined {
  const digits = text.replace(/^0x/i, '').replaceAll(':', '');
  if (digits === '' || digits.length % 2 !== 0 || !/^[0-9a-fA-F]+$/.test(digits)) return undefined;
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
