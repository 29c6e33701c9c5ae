// The one nftables table we own, as text: its maps, chains and rules, without elements (RFC 6970 §5.5).
// What the elements say is decided in `nat1-elements.ts`; how they get in, in `nft-transaction.ts`.

export const NFT_TABLE = 'inet igd2pcp';

/** Keys and values of each map, in nft's words. All of them carry kernel timeouts: they die even when we do. */
const NFT_MAPS = {
  /** WAN address, protocol, NAT1 port → internal address and port. */
  in: 'ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service',
  /** The same for one remote host only, whose address comes first in the key. */
  in_from: 'ipv4_addr . ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service',
  /** Internal address, protocol, port → WAN address and NAT1 port: the way out. */
  out: 'ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service',
  /** External address, protocol, external port → internal address and port, for connections from the LAN. */
  hairpin: 'ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service',
  /** Internal address, protocol, port → external address: whom a hairpinned connection seems to come from. */
  hairpin_source: 'ipv4_addr . inet_proto . inet_service : ipv4_addr',
} as const;

export type NftMapName = keyof typeof NFT_MAPS;
export const NFT_MAP_NAMES = Object.keys(NFT_MAPS) as readonly NftMapName[];

/** A throw-away map: with it the start finds out whether this kernel lets `add element` extend a timeout. */
export const PROBE_MAP = 'probe';

/** Where our own servers are: no packet reaches them by another interface. */
export interface LanDoors {
  readonly interfaces: readonly string[];
  /** IPv4 addresses that we listen at. */
  readonly addresses: readonly string[];
  readonly httpPorts: readonly number[];
}

export interface RulesetOptions {
  /** Undefined: not known yet, and nothing is translated. */
  readonly wanInterface: string | undefined;
  readonly hairpin: boolean;
  readonly doors: LanDoors;
}

/** Linux: at most 15 octets; and nothing that could end the quoted string it is written in. */
export const isInterfaceName = (name: string): boolean => /^[\w.@:+-]{1,15}$/.test(name);

/**
 * Makes the table, or brings one that an earlier run left up to date without touching its elements, in one transaction.
 * One statement per line: nft 1.0.6 trips over chains written on one.
 */
export function renderRuleset(options: RulesetOptions): string {
  const { wanInterface, doors } = options;
  const strange = [...(wanInterface === undefined ? [] : [wanInterface]), ...doors.interfaces].find(
    (name) => !isInterfaceName(name),
  );
  if (strange !== undefined) throw new RangeError(`not an interface name: ${strange}`);
  const maps = NFT_MAP_NAMES.map((name) => `add map ${NFT_TABLE} ${name} { type ${NFT_MAPS[name]}; flags timeout; }`);
  return [
    `add table ${NFT_TABLE}`,
    ...maps,
    // A little before everybody else's destination and source NAT, so that a masquerade rule does not come first.
    `add chain ${NFT_TABLE} arrivals { type nat hook prerouting priority dstnat - 5; policy accept; }`,
    `add chain ${NFT_TABLE} departures { type nat hook postrouting priority srcnat - 5; policy accept; }`,
    `add chain ${NFT_TABLE} guard { type filter hook input priority filter - 5; policy accept; }`,
    `flush chain ${NFT_TABLE} arrivals`,
    `flush chain ${NFT_TABLE} departures`,
    `flush chain ${NFT_TABLE} guard`,
    ...[...natRules(options), ...guardRules(options)].map((rule) => `add rule ${NFT_TABLE} ${rule}`),
    '',
  ].join('\n');
}

function natRules({ wanInterface, hairpin }: RulesetOptions): readonly string[] {
  if (wanInterface === undefined) return [];
  const wan = `"${wanInterface}"`;
  const inbound = [
    // The narrower map is asked first: a rule for one remote host wins over one for everybody.
    `arrivals iifname ${wan} dnat ip to ip saddr . ip daddr . meta l4proto . th dport map @in_from`,
    `arrivals iifname ${wan} dnat ip to ip daddr . meta l4proto . th dport map @in`,
  ];
  const outbound = [`departures oifname ${wan} snat ip to ip saddr . meta l4proto . th sport map @out`];
  if (!hairpin) return [...inbound, ...outbound];
  return [
    ...inbound,
    `arrivals iifname != ${wan} dnat ip to ip daddr . meta l4proto . th dport map @hairpin`,
    ...outbound,
    // RFC 4787 REQ-9: the service sees the external address, so its answers come back through us.
    `departures iifname != ${wan} oifname != ${wan} ct status dnat ` +
      'snat ip to ip daddr . meta l4proto . th dport map @hairpin_source',
  ];
}

/**
 * Only what nobody but us can be meant by is dropped: answers of a PCP server that do not come from where it is, and what is
 * sent to our doors from outside the LAN. They guard themselves, too; this holds where an address is forged.
 */
function guardRules({ wanInterface, doors }: RulesetOptions): readonly string[] {
  const rules: string[] = [];
  if (wanInterface !== undefined) {
    rules.push(
      `guard iifname != { "lo", "${wanInterface}" } udp sport 5351 drop`,
      `guard iifname "${wanInterface}" udp dport { 1900, 5351 } drop`,
    );
  }
  if (doors.addresses.length > 0) {
    const outside = `iifname != { ${['lo', ...doors.interfaces].map((name) => `"${name}"`).join(', ')} }`;
    const ours = `ip daddr { ${doors.addresses.join(', ')} }`;
    rules.push(
      `guard ${outside} ${ours} udp dport { 1900, 5351 } drop`,
      `guard ${outside} ${ours} tcp dport { ${doors.httpPorts.join(', ')} } drop`,
    );
  }
  return rules;
}

/** Another type of map cannot be changed in place: a table of a strange make is thrown away first, in the same transaction. */
export const renderFreshRuleset = (options: RulesetOptions): string =>
  `${renderTableRemoval()}${renderRuleset(options)}`;

/** Works whether the table is there or not. */
export const renderTableRemoval = (): string => `add table ${NFT_TABLE}\ndelete table ${NFT_TABLE}\n`;

const PROBE_ELEMENT = '192.0.2.1';
/** Long enough to be still there when it is looked at, short enough to vanish if we crash in between. */
const PROBE_TIMEOUT_SECONDS = 60;
const PROBE_LONGER_SECONDS = 600;
/** Above what the first timeout can show, below what the second one will. */
export const PROBE_EXTENDED_ABOVE_SECONDS = 300;

export const renderProbeFirst = (): string =>
  `add map ${NFT_TABLE} ${PROBE_MAP} { type ipv4_addr : ipv4_addr; flags timeout; }\n` +
  `flush map ${NFT_TABLE} ${PROBE_MAP}\n${probeElement(PROBE_TIMEOUT_SECONDS)}`;

/** In a transaction of its own: within one, even an old kernel takes the last timeout. */
export const renderProbeSecond = (): string => probeElement(PROBE_LONGER_SECONDS, true);

export const renderProbeRemoval = (): string => `delete map ${NFT_TABLE} ${PROBE_MAP}\n`;

const probeElement = (wholeSeconds: number, namesEnd = false): string =>
  `add element ${NFT_TABLE} ${PROBE_MAP} { ${PROBE_ELEMENT} ${timeoutText(wholeSeconds, namesEnd)} : ${PROBE_ELEMENT} }\n`;

/**
 * Linux from 6.12 gives an element added again a new end only if its timeout is another one, or if its end is named too.
 * A renewal has the timeout of the grant before it.
 */
export const timeoutText = (wholeSeconds: number, namesEnd: boolean): string =>
  namesEnd ? `timeout ${wholeSeconds}s expires ${wholeSeconds}s` : `timeout ${wholeSeconds}s`;
