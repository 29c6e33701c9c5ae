// In which order the addresses of one server are tried (RFC 7488 §3, RFC 6724 §6), as far as it can be told from the pair
// of addresses alone: those whose way leads from an address of ours of the same kind come first. Where that says nothing,
// the order they were given in counts: who listed them knew best. Preferring IPv6 by itself (rule 6) is left out, as the
// family decides which mappings a server can make.

import { IpAddress } from '../../base/ip-address.ts';
import { IpPrefix } from '../../base/ip-prefix.ts';
import type { ServerAddress } from './address-choice.ts';

const UNIQUE_LOCAL = IpPrefix.of(IpAddress.of('fc00::'), 7);

export function inOrder(addresses: readonly ServerAddress[]): readonly ServerAddress[] {
  return [...addresses].sort((a, b) => distance(a) - distance(b));
}

/**
 * RFC 6724 §6: rule 2 prefers matching scope, rule 5 a matching label. Only a source that reaches less far than the server
 * counts against it: a global one towards a link-local router is our own choice.
 */
function distance({ endpoint: { address }, source }: ServerAddress): number {
  if (address.isLinkLocal) return 0;
  if (source.isLinkLocal) return 2;
  return UNIQUE_LOCAL.contains(source) && !UNIQUE_LOCAL.contains(address) ? 1 : 0;
}
