// Everything a PCP client can do: the whole list of its outputs.

import type { Endpoint, IpAddress } from '../../base/ip-address.ts';
import type { Duration } from '../../base/time.ts';
import type { IgnoredBecause } from '../wire/common-header.ts';
import type { MapOutcome, MappingUpdate, ReleaseOutcome, ServerId, Unanswered, Withdrawal } from './map-outcome.ts';
import type { MandatoryOption } from './option-support.ts';

export type DatagramIgnoredBecause =
  | IgnoredBecause
  /** RFC 6887 §8.3: not from a server, or from an address that was given up (RFC 7488 §3). */
  | 'not from our server'
  | 'server address not in use'
  /** It answers no request and concerns no mapping of ours, or it has another nonce (RFC 6887 §11.4). */
  | 'no match'
  | 'copy'
  /** We sent PREFER_FAILURE, and another port came. It may be a stray Mapping Update (RFC 6887 §13.2). */
  | 'another port than asked'
  | 'unasked version refusal';

export type ProtocolName = 'PCP' | 'NAT-PMP';

export type ClientOutput =
  | { readonly kind: 'transmit'; readonly to: Endpoint; readonly bytes: Uint8Array }
  | { readonly kind: 'settled'; readonly id: number; readonly outcome: MapOutcome }
  | { readonly kind: 'released'; readonly id: number; readonly outcome: ReleaseOutcome }
  | { readonly kind: 'ignored'; readonly why: DatagramIgnoredBecause; readonly from: Endpoint }
  | { readonly kind: 'server lost state'; readonly server: ServerId }
  | { readonly kind: 'mapping updated'; readonly update: MappingUpdate }
  | { readonly kind: 'withdrawal'; readonly withdrawal: Withdrawal }
  /** `supported`: as of now. We believe a refusal for the time of its hold only. */
  | {
      readonly kind: 'option learned';
      readonly server: ServerId;
      readonly option: MandatoryOption;
      readonly supported: boolean;
    }
  | { readonly kind: 'protocol changed'; readonly server: ServerId; readonly protocol: ProtocolName }
  /** A version neither side shares (RFC 6887 §9). */
  | { readonly kind: 'version unusable'; readonly server: ServerId; readonly version: number; readonly hold: Duration }
  | { readonly kind: 'health changed'; readonly server: ServerId; readonly health: 'up' | 'unknown' | 'down' }
  | { readonly kind: 'server changed'; readonly server: ServerId | undefined }
  | { readonly kind: 'source address changed'; readonly address: IpAddress | undefined };

export const settled = (id: number, outcome: MapOutcome): ClientOutput => ({ kind: 'settled', id, outcome });
export const released = (id: number, outcome: ReleaseOutcome): ClientOutput => ({ kind: 'released', id, outcome });
export const unanswered = (why: Unanswered['why']): Unanswered => ({ kind: 'unanswered', why });

export type Outputs = readonly ClientOutput[];
export const NOTHING: Outputs = [];
