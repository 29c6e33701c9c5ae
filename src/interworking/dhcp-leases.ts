// dnsmasq's lease file as text: one line per lease, "expiry mac address name client-id"; expiry 0 is for ever.

import { IpAddress } from '../base/ip-address.ts';
import { type WallTime, wallTime } from '../base/time.ts';

export interface DhcpLease {
  readonly address: IpAddress;
  readonly mac: string;
  /** Undefined: for ever. */
  readonly endsAt: WallTime | undefined;
}

/** Lines that are no IPv4 lease (DHCPv6, the server's DUID, a half-written last line) are skipped. */
export function parseDhcpLeases(text: string): readonly DhcpLease[] {
  return text.split('\n').flatMap((line) => {
    const [ends = '', mac = '', addressText = '', name] = line.trim().split(/\s+/);
    const address = IpAddress.parse(addressText);
    if (!/^\d{1,12}$/.test(ends) || address === undefined || !address.isIPv4 || name === undefined) return [];
    const seconds = Number(ends);
    return [{ address, mac: mac.toLowerCase(), endsAt: seconds === 0 ? undefined : wallTime(seconds * 1000) }];
  });
}
