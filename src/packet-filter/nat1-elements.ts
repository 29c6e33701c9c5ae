// What one NAT1 rule puts into the kernel's maps (RFC 6970 §5.5): the way in, the way out, and the hairpin.
// Text of keys and values is nft's, in the one form that rendering and comparing share.

import type { IpAddress } from '../base/ip-address.ts';
import { keyText } from '../base/texts.ts';
import type { TransportProtocol } from '../base/transport-protocol.ts';
import type { Nat1Rule } from '../interworking/local-nat.ts';
import type { NftMapName } from './nft-ruleset.ts';

export interface NftElement {
  readonly map: NftMapName;
  /** Unique over all maps: "in 100.64.0.2 . tcp . 6881" */
  readonly id: string;
  /** "192.168.1.10 . 6881" */
  readonly value: string;
}

export const nftElement = (map: NftMapName, key: string, value: string): NftElement => ({
  map,
  id: keyText(map, key),
  value,
});

/** "100.64.0.2 . tcp . 6881" */
export const elementKey = ({ map, id }: NftElement): string => id.slice(map.length + 1);

/** nft writes a key or value of several parts so. */
export const concatenation = (...parts: readonly (string | number)[]): string => parts.join(' . ');

const NFT_PROTOCOL: Readonly<Record<TransportProtocol, string>> = { TCP: 'tcp', UDP: 'udp' };

export const isFiltered = (rule: Nat1Rule): boolean => rule.remotePeers.length > 0;

export function elementsOfRule(rule: Nat1Rule, wanAddress: IpAddress, hairpin: boolean): readonly NftElement[] {
  const protocol = NFT_PROTOCOL[rule.protocol];
  const internal = concatenation(rule.internalClient.text, rule.internalPort);
  const outside = concatenation(wanAddress.text, protocol, rule.nat1Port);
  const inside = concatenation(rule.internalClient.text, protocol, rule.internalPort);
  const wayOut = nftElement('out', inside, concatenation(wanAddress.text, rule.nat1Port));
  // A filter that names IPv6 peers only lets nobody in through an IPv4 NAT.
  if (isFiltered(rule)) {
    const peers = rule.remotePeers.filter((peer) => peer.isIPv4);
    return [...peers.map((peer) => nftElement('in_from', concatenation(peer.text, outside), internal)), wayOut];
  }
  const both: readonly NftElement[] = [nftElement('in', outside, internal), wayOut];
  if (!hairpin || rule.externalAddress.isUnspecified || !rule.externalAddress.isIPv4) return both;
  return [
    ...both,
    nftElement('hairpin', concatenation(rule.externalAddress.text, protocol, rule.externalPort), internal),
    nftElement('hairpin_source', inside, rule.externalAddress.text),
  ];
}
