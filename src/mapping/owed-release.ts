// A mapping the PCP server still has, or may have, and nobody wants: its deletion is owed until the server has answered
// it or the grant is over (RFC 6887 §15). Part of the durable state, like the entries it was one of.

import type { IpAddress } from '../base/ip-address.ts';
import type { PortNumber } from '../base/port-number.ts';
import type { Instant } from '../base/time.ts';
import type { TransportProtocol } from '../base/transport-protocol.ts';

/** What a server tells mappings apart by (RFC 6887 §11.3): it has one of each, whatever the nonce. */
export interface PlaceAtServer {
  readonly server: string;
  readonly protocol: TransportProtocol;
  readonly internalAddress: IpAddress;
  readonly internalPort: PortNumber;
}

export interface OwedRelease extends PlaceAtServer {
  readonly nonce: string;
  readonly isThirdParty: boolean;
  /** By then the server has forgotten it by itself. */
  readonly endsAt: Instant;
}

export const placeText = ({ server, protocol, internalAddress, internalPort }: PlaceAtServer): string =>
  `${server} ${internalAddress.text} ${protocol} ${internalPort}`;
