// Builds what is asked of the PCP server for a mapping (RFC 6970 §5.4, §5.5, §5.6, §5.9): where the packet must come
// in, for whom, under which nonce, and for how long.

import { ANY_IPV4, type IpAddress } from '../base/ip-address.ts';
import type { PortNumber } from '../base/port-number.ts';
import type { Mapping } from '../mapping/mapping.ts';
import type { MapRequest } from '../pcp/asking/map-request.ts';
import { parseNonce } from '../pcp/asking/mapping-nonce.ts';
import type { Interworking } from './interworking.ts';
import { renewalLifetime } from './renewal-schedule.ts';

/** Where the server is to send what arrives outside. */
export interface UpstreamPlace {
  readonly internalPort: PortNumber;
  /** Undefined: to the sender of the packet. */
  readonly thirdParty: IpAddress | undefined;
  readonly nat1Port: PortNumber | undefined;
}

/** RFC 6887 §13.1: THIRD_PARTY must not name the packet's own source. */
export function thirdPartyFor(iw: Interworking, client: IpAddress): IpAddress | undefined {
  const own = iw.pcp.sourceAddress();
  const isOurselves = own === undefined ? client.isLoopback : own.equals(client);
  return isOurselves ? undefined : client;
}

/** Why the server cannot be told of this host; undefined: it can. */
export function objectionToThirdParty(iw: Interworking, thirdParty: IpAddress | undefined): string | undefined {
  if (thirdParty === undefined) return undefined;
  // RFC 6970 §6: not unless the network that carries PCP is trusted as a whole.
  if (!iw.options.isTrustedNetwork) return 'THIRD_PARTY needs pcp.trusted = true (--trusted-pcp-network)';
  return iw.pcp.canNameThirdParty() ? undefined : 'the upstream protocol cannot map for another host';
}

/**
 * The request that renews a mapping or makes it anew: same packet, last assigned values as suggestion
 * (RFC 6887 §11.2.1), and PREFER_FAILURE where the port was published (RFC 6970 §5.10).
 */
export function renewalRequest(iw: Interworking, mapping: Mapping): MapRequest {
  const { upstream, protocol } = mapping;
  const thirdParty = mapping.nat1Port === undefined ? thirdPartyFor(iw, mapping.internalClient) : undefined;
  const server = iw.pcp.currentServer() ?? upstream.server;
  const owner = { server, thirdParty, protocol, internalPort: upstream.internalPort };
  const known = server === upstream.server ? parseNonce(upstream.nonce) : undefined;
  if (known !== undefined) iw.nonces.note(owner, known);
  return {
    protocol,
    internalPort: upstream.internalPort,
    thirdParty,
    // RFC 6887 §11.1: another server, another nonce.
    nonce: known ?? iw.nonces.nonceFor(owner),
    suggestedPort: mapping.externalPort,
    suggestedAddress: server === upstream.server ? upstream.assignedAddress : ANY_IPV4,
    exactPort: mapping.isPublished,
    remotePeers: mapping.remotePeers,
    lifetimeSeconds: renewalLifetime(mapping.leaseEndsAt, iw.now()),
    ...descriptionFor(iw, mapping.description),
  };
}

export const descriptionFor = (iw: Interworking, description: string): { readonly description?: string } =>
  iw.options.sendsDescriptions && description !== '' ? { description } : {};
