// What is asked of the PCP server, in words: one MAP request (RFC 6887 §11.1) without its wire form, and how long it is worth
// asking.

import type { IpAddress } from '../../base/ip-address.ts';
import type { PortNumber } from '../../base/port-number.ts';
import { keyText } from '../../base/texts.ts';
import type { Duration, Instant } from '../../base/time.ts';
import type { TransportProtocol } from '../../base/transport-protocol.ts';
import type { MappingNonce } from './mapping-nonce.ts';

/** 2^32 - 1: "as long as you can". RFC 6970 §5.9 writes 2^32, which does not fit and would read as 0 = delete. */
export const LONGEST_LIFETIME_SECONDS = 0xffff_ffff;

/** What identifies a mapping at the server (RFC 6887 §11.3), and the nonce that proves it is ours. */
export interface MapKey {
  readonly protocol: TransportProtocol;
  readonly internalPort: PortNumber;
  /** The internal client, where it is not the sender of the packet (THIRD_PARTY, RFC 6887 §13.1). */
  readonly thirdParty: IpAddress | undefined;
  readonly nonce: MappingNonce;
}

/** What the server tells mappings apart by, without the nonce (RFC 6887 §11.3). */
export const baseKeyText = (key: Omit<MapKey, 'nonce'>): string =>
  keyText(key.protocol, key.internalPort, key.thirdParty?.text ?? '');

export const mapKeyText = (key: MapKey): string => keyText(baseKeyText(key), key.nonce);

export interface MapRequest extends MapKey {
  /** `ANY_PORT`: no preference. */
  readonly suggestedPort: PortNumber;
  /** `ANY_IPV4`: no preference. */
  readonly suggestedAddress: IpAddress;
  /** This port or a refusal (PREFER_FAILURE, RFC 6887 §13.2). */
  readonly exactPort: boolean;
  /** Who may connect (FILTER, RFC 6887 §13.3); empty: everybody. */
  readonly remotePeers: readonly IpAddress[];
  readonly lifetimeSeconds: number;
  /** Sent as a DESCRIPTION option (RFC 7220) when present. */
  readonly description?: string;
}

/** How long and how insistently a MAP is asked for. When a control point hangs up, the session cancels the request. */
export type Patience =
  /** Somebody waits: retransmit (RFC 6887 §8.1.1), give up after the budget and withdraw. */
  | { readonly kind: 'answer within'; readonly budget: Duration }
  /** A renewal: one packet (RFC 6887 §11.2.1). */
  | { readonly kind: 'one packet'; readonly until: Instant }
  /** A recovery. */
  | { readonly kind: 'keep trying'; readonly until: Instant };
