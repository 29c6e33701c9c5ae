// Which addresses of this box face the LAN: what the configuration names, looked up among the interfaces there are, and
// never one of the external interface. Every listener and every announcement is bound to one of these; nothing is ever
// served elsewhere.

import type { NetworkInterface } from '../base/host.ts';
import { IpAddress } from '../base/ip-address.ts';
import type { IpPrefix } from '../base/ip-prefix.ts';

export interface LanAddress {
  readonly interfaceName: string;
  readonly address: IpAddress;
  readonly prefix: IpPrefix;
}

/** Why something that is named in `lan.interfaces` is not served. */
export interface LanObstacle {
  readonly wish: string;
  /** A clause, for logs and pages. */
  readonly why: string;
  /** Such a LAN would be the Internet. Otherwise it may come at any time. */
  readonly isExternal: boolean;
}

export interface LanOutlook {
  readonly lans: readonly LanAddress[];
  readonly obstacles: readonly LanObstacle[];
}

/**
 * `served`: what is served already. Where a wish finds nothing at the moment, what it found before stays, for it will come
 * back. `external`: the interface that strangers come in by; undefined where there is none.
 */
export function lookForLans(
  wishes: readonly string[],
  interfaces: readonly NetworkInterface[],
  external: string | undefined,
  served: readonly LanAddress[] = [],
): LanOutlook {
  const lans = new Map<string, LanAddress>();
  const obstacles: LanObstacle[] = [];
  const isExternal = (row: LanAddress): boolean => deviceOf(row.interfaceName) === external;
  for (const wish of wishes) {
    const now = matching(wish, interfaces);
    const before = served.filter((row) => row.interfaceName === wish || row.address.text === wish);
    const rows = now.length > 0 ? now : before;
    for (const row of rows) if (!isExternal(row)) lans.set(row.address.text, row);
    if (rows.some(isExternal) || deviceOf(wish) === external) obstacles.push(externalObstacle(wish, external ?? ''));
    else if (rows.length === 0) obstacles.push(absenceOf(wish, interfaces));
  }
  return { lans: [...lans.values()], obstacles };
}

export const isSameLan = (one: LanAddress, other: LanAddress): boolean =>
  one.interfaceName === other.interfaceName &&
  one.address.equals(other.address) &&
  one.prefix.bits === other.prefix.bits;

/** An address may have a label of its own ("wan:1"); packets know the device alone. */
export const deviceOf = (interfaceName: string): string => interfaceName.split(':')[0] ?? interfaceName;

function matching(wish: string, interfaces: readonly NetworkInterface[]): readonly LanAddress[] {
  const address = IpAddress.parse(wish);
  if (address === undefined) {
    return interfaces
      .filter((row) => row.name === wish && row.address.isIPv4)
      .map((row) => ({ interfaceName: row.name, address: row.address, prefix: row.prefix }));
  }
  // Any address of 127.0.0.0/8 is ours, though the interface shows only one.
  const owner = interfaces.find(
    (row) => row.address.equals(address) || (address.isLoopback && row.isLoopback && row.prefix.contains(address)),
  );
  return owner === undefined ? [] : [{ interfaceName: owner.name, address, prefix: owner.prefix }];
}

const externalObstacle = (wish: string, external: string): LanObstacle => ({
  wish,
  why: `${wish === external ? 'it' : `it is on ${external}, which`} is the external interface, and strangers are not served (if another one is external, name it with wan.interface)`,
  isExternal: true,
});

function absenceOf(wish: string, interfaces: readonly NetworkInterface[]): LanObstacle {
  const known = interfaces.filter((row) => row.address.isIPv4).map((row) => `${row.name} (${row.address.text})`);
  const what =
    IpAddress.parse(wish) === undefined
      ? `no interface "${wish}" is up with an IPv4 address`
      : `no interface has the address ${wish}`;
  return { wish, why: `${what}; there are ${known.join(', ') || 'none'}`, isExternal: false };
}
