// Which addresses of this box face the LAN: what the configuration names, looked up among the interfaces there are.
// Every listener and every announcement is bound to one of these; nothing is ever served elsewhere.

import type { NetworkInterface } from '../base/host.ts';
import { IpAddress } from '../base/ip-address.ts';
import type { IpPrefix } from '../base/ip-prefix.ts';
import { ok, type Result, refused } from '../base/result.ts';

export interface LanAddress {
  readonly interfaceName: string;
  readonly address: IpAddress;
  readonly prefix: IpPrefix;
}

/** The error is a sentence for the person who wrote the configuration. */
export function findLanAddresses(
  wanted: readonly string[],
  interfaces: readonly NetworkInterface[],
): Result<readonly LanAddress[], string> {
  const found = new Map<string, LanAddress>();
  for (const text of wanted) {
    const rows = matching(text, interfaces);
    if (rows.length === 0) return refused(nothingFound(text, interfaces));
    for (const row of rows) found.set(row.address.text, row);
  }
  return ok([...found.values()]);
}

/** What is to be served from now on: where a wish finds nothing at the moment, what it found before, for it will come back. */
export function followLanAddresses(
  wanted: readonly string[],
  interfaces: readonly NetworkInterface[],
  served: readonly LanAddress[],
): readonly LanAddress[] {
  const found = new Map<string, LanAddress>();
  for (const text of wanted) {
    const now = matching(text, interfaces);
    const before = served.filter((row) => row.interfaceName === text || row.address.text === text);
    for (const row of now.length > 0 ? now : before) found.set(row.address.text, row);
  }
  return [...found.values()];
}

export const isSameLan = (one: LanAddress, other: LanAddress): boolean =>
  one.interfaceName === other.interfaceName &&
  one.address.equals(other.address) &&
  one.prefix.bits === other.prefix.bits;

function matching(text: string, interfaces: readonly NetworkInterface[]): readonly LanAddress[] {
  const address = IpAddress.parse(text);
  if (address === undefined) {
    return interfaces
      .filter((row) => row.name === text && row.address.isIPv4)
      .map((row) => ({ interfaceName: row.name, address: row.address, prefix: row.prefix }));
  }
  // Any address of 127.0.0.0/8 is ours, though the interface shows only one.
  const owner = interfaces.find(
    (row) => row.address.equals(address) || (address.isLoopback && row.isLoopback && row.prefix.contains(address)),
  );
  return owner === undefined ? [] : [{ interfaceName: owner.name, address, prefix: owner.prefix }];
}

function nothingFound(text: string, interfaces: readonly NetworkInterface[]): string {
  const known = interfaces.filter((row) => row.address.isIPv4).map((row) => `${row.name} (${row.address.text})`);
  const what =
    IpAddress.parse(text) === undefined
      ? `no interface "${text}" with an IPv4 address`
      : `no interface has the address ${text}`;
  return `lan.interfaces: ${what}; there are ${known.join(', ') || 'none'}`;
}
