// One mapping as the PCP server holds it, and the key it is found by (RFC 6887 §11.3): internal address, protocol, port.

import type { Endpoint, IpAddress } from '../base/ip-address.ts';
import type { PortNumber } from '../base/port-number.ts';
import type { Instant } from '../base/time.ts';
import type { TransportProtocol } from '../base/transport-protocol.ts';
import type { MappingNonce } from '../pcp/asking/mapping-nonce.ts';

export interface InternalKey {
  readonly internalAddress: IpAddress;
  readonly protocol: TransportProtocol;
  readonly internalPort: PortNumber;
}

export interface ExternalKey {
  readonly externalAddress: IpAddress;
  readonly protocol: TransportProtocol;
  readonly externalPort: PortNumber;
}

/** Who may send to a mapping (RFC 6887 §13.3). Prefix lengths count bits of the 16-byte form; port 0 is every port. */
export interface RemotePeerFilter {
  readonly address: IpAddress;
  readonly prefixBits: number;
  readonly port: PortNumber;
}

export interface SimulatedMapping extends InternalKey, ExternalKey {
  /** Undefined for static mappings and for NAT-PMP's, which know no nonce. */
  readonly nonce: MappingNonce | undefined;
  /** Undefined for static mappings: they stay. */
  readonly expiresAt: Instant | undefined;
  /** Empty: everybody may connect. */
  readonly filters: readonly RemotePeerFilter[];
  readonly description: string | undefined;
  /** Whether the last request asked for this port or nothing (decides what a Mapping Update says, RFC 6887 §14.2). */
  readonly exactPort: boolean;
  readonly isThirdParty: boolean;
  /** Where the last request came from: Mapping Updates go there (RFC 6887 §14.2). Undefined for static mappings. */
  readonly client: Endpoint | undefined;
}

export const internalKeyText = (key: InternalKey): string =>
  `${key.protocol} ${key.internalAddress.text} ${key.internalPort}`;

export const externalKeyText = (key: ExternalKey): string =>
  `${key.protocol} ${key.externalAddress.text} ${key.externalPort}`;
