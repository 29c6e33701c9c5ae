// What the kernel says of interfaces, routes and neighbours, read from /proc and /sys: no program is started for it.

import { lookup } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import type { DefaultRoute, LinkState, Neighbour, NetworkInterface, NetworkView } from '../base/host.ts';
import { IpAddress } from '../base/ip-address.ts';
import { IpPrefix } from '../base/ip-prefix.ts';
import { LastKnown } from './last-known.ts';

const RTF_UP = 0x1;
const RTF_REJECT = 0x200;
const ARP_COMPLETE = 0x2;

const lastInterfaces = new LastKnown<readonly NetworkInterface[]>([]);
const lastTexts = new LastKnown('');

export const nodeNetwork: NetworkView = {
  interfaces: () => lastInterfaces.read('', interfacesNow),

  async defaultRoute(family): Promise<DefaultRoute | undefined> {
    return family === 'IPv4'
      ? defaultRouteOfIPv4(textNow('/proc/net/route'))
      : defaultRouteOfIPv6(textNow('/proc/net/ipv6_route'));
  },

  async neighbours(): Promise<readonly Neighbour[]> {
    return neighboursOf(textNow('/proc/net/arp'));
  },

  async linkState(interfaceName): Promise<LinkState | undefined> {
    const folder = `/sys/class/net/${interfaceName}`;
    const state = textNow(`${folder}/operstate`).trim();
    if (state === '') return undefined;
    const count = (name: string): bigint => BigInt(textNow(`${folder}/statistics/${name}`).trim() || 0);
    const megabits = Number((await textOfDriver(`${folder}/speed`)).trim());
    return {
      // "unknown" is what tunnels and PPP links report while they work.
      isUp: state === 'up' || state === 'unknown',
      bitsPerSecond: megabits > 0 ? megabits * 1_000_000 : 0,
      bytesSent: count('tx_bytes'),
      bytesReceived: count('rx_bytes'),
      packetsSent: count('tx_packets'),
      packetsReceived: count('rx_packets'),
    };
  },

  async resolve(name): Promise<readonly IpAddress[]> {
    try {
      const rows = await lookup(name, { all: true });
      return rows.flatMap((row) => IpAddress.parse(row.address) ?? []);
    } catch {
      return [];
    }
  },
};

function interfacesNow(): readonly NetworkInterface[] {
  return Object.entries(networkInterfaces()).flatMap(([name, rows]) =>
    (rows ?? []).flatMap((row) => {
      const address = IpAddress.parse(row.address);
      const prefix = row.cidr === null ? undefined : IpPrefix.parse(row.cidr);
      if (address === undefined || prefix === undefined) return [];
      return [{ name, address, prefix, mac: row.mac, isLoopback: row.internal }];
    }),
  );
}

/** What the kernel has in memory: read at once, because handing four steps to a worker thread costs ten times as much. */
const textNow = (path: string): string => lastTexts.read(path, () => readFileSync(path, 'utf8'));

/** What the kernel asks a driver for, which may take its time. */
async function textOfDriver(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return '';
  }
}

/** The columns of /proc/net/route are little-endian hexadecimal words. */
export function defaultRouteOfIPv4(table: string): DefaultRoute | undefined {
  let best: { route: DefaultRoute; metric: number } | undefined;
  for (const line of table.split('\n').slice(1)) {
    const [name, destination, gateway, flagsText, , , metricText, mask] = line.trim().split(/\s+/);
    if (name === undefined || gateway === undefined || destination !== '00000000' || mask !== '00000000') continue;
    const flags = Number.parseInt(flagsText ?? '0', 16);
    if ((flags & RTF_UP) === 0 || (flags & RTF_REJECT) !== 0) continue;
    const metric = Number(metricText);
    if (best !== undefined && best.metric <= metric) continue;
    const bytes = Uint8Array.from((gateway.match(/../g) ?? []).reverse(), (hex) => Number.parseInt(hex, 16));
    const address = IpAddress.fromIPv4Bytes(bytes);
    best = { route: { interfaceName: name, gateway: address.isUnspecified ? undefined : address }, metric };
  }
  return best?.route;
}

export function defaultRouteOfIPv6(table: string): DefaultRoute | undefined {
  let best: { route: DefaultRoute; metric: number } | undefined;
  for (const line of table.split('\n')) {
    const [destination, length, , , gateway, metricText, , , flagsText, name] = line.trim().split(/\s+/);
    if (name === undefined || gateway === undefined || name === 'lo') continue;
    if (!/^0+$/.test(destination ?? '') || length !== '00') continue;
    const flags = Number.parseInt(flagsText ?? '0', 16);
    if ((flags & RTF_UP) === 0 || (flags & RTF_REJECT) !== 0) continue;
    const metric = Number.parseInt(metricText ?? '0', 16);
    if (best !== undefined && best.metric <= metric) continue;
    const bytes = Uint8Array.from(gateway.match(/../g) ?? [], (hex) => Number.parseInt(hex, 16));
    const address = IpAddress.fromBytes(bytes);
    best = { route: { interfaceName: name, gateway: address.isUnspecified ? undefined : address }, metric };
  }
  return best?.route;
}

export function neighboursOf(arpTable: string): readonly Neighbour[] {
  return arpTable
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [addressText = '', , flagsText = '0', mac = '', , interfaceName = ''] = line.trim().split(/\s+/);
      const address = IpAddress.parse(addressText);
      if (address === undefined) return [];
      return [{ address, mac, interfaceName, isReachable: (Number.parseInt(flagsText, 16) & ARP_COMPLETE) !== 0 }];
    });
}
