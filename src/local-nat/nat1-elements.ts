// What one NAT1 rule puts into the kernel's maps (RFC 6970 §5.5): the way in, the way out, and the hairpin.
// Text of keys and values is nft's, in the one form that rendering and comparing share.

import type { IpAddress } from '../base/ip-address.ts';
import type { TransportProtocol } from '../base/transport-protocol.ts';
import type { Nat1Rule } from './local-nat.ts';
import type { NftMapName } from './nft-ruleset.ts';

export interface NftElement {
  readonly map: NftMapName;
  /** "100.64.0.2 . tcp . 6881" */
  readonly key: string;
  /** "192.168.1.10 . 6881" */
  readonly value: string;
}

/** Unique over all maps. */
export const elementId = (element: NftElement): string => `${element.map} ${element.key}`;

const NFT_PROTOCOL: Readonly<Record<TransportProtocol, string>> = { TCP: 'tcp', UDP: 'udp' };

export const isFiltered = (rule: Nat1Rule): boolean => rule.remotePeers.length > 0;

export function elementsOfRule(rule: Nat1Rule, wanAddress: IpAddress, hairpin: boolean): readonly NftElement[] {
  const protocol = NFT_PROTOCOL[rule.protocol];
  const internal = `${rule.internalClient} . ${rule.internalPort}`;
  const outside = `${wanAddress} . ${protocol} . ${rule.nat1Port}`;
  const inside = `${rule.internalClient} . ${protocol} . ${rule.internalPort}`;
  const wayOut: NftElement = { map: 'out', key: inside, value: `${wanAddress} . ${rule.nat1Port}` };
  // A filter that names IPv6 peers only lets nobody in through an IPv4 NAT.
  if (isFiltered(rule)) {
    const peers = rule.remotePeers.filter((peer) => peer.isIPv4);
    return [
      ...peers.map((peer): NftElement => ({ map: 'in_from', key: `${peer} . ${outside}`, value: internal })),
      wayOut,
    ];
  }
  const both: readonly NftElement[] = [{ map: 'in', key: outside, value: internal }, wayOut];
  if (!hairpin || rule.externalAddress.isUnspecified || !rule.externalAddress.isIPv4) return both;
  return [
    ...both,
    { map: 'hairpin', key: `${rule.externalAddress} . ${protocol} . ${rule.externalPort}`, value: internal },
    { map: 'hairpin_source', key: inside, value: rule.externalAddress.text },
  ];
}
