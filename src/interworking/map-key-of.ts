// How a mapping is named to the PCP server that granted it (RFC 6887 §11.3).

import type { TransportProtocol } from '../base/transport-protocol.ts';
import type { Upstream } from '../mapping/mapping.ts';
import type { MapKey } from '../pcp/asking/map-request.ts';
import { parseNonce } from '../pcp/asking/mapping-nonce.ts';

/** Undefined when the nonce is none: such a mapping cannot be ours. */
export function mapKeyOf(upstream: Upstream, protocol: TransportProtocol): MapKey | undefined {
  const nonce = parseNonce(upstream.nonce);
  if (nonce === undefined) return undefined;
  const thirdParty = upstream.isThirdParty ? upstream.internalAddress : undefined;
  return { protocol, internalPort: upstream.internalPort, thirdParty, nonce };
}
