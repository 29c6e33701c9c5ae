// What differs between the two protocols a server may speak: words on the wire, pace, and how its clock is judged.
// `pcp-dialect.ts` and `nat-pmp-dialect.ts` are the two; a conversation is held in one of them at a time.

import type { IpAddress } from '../../base/ip-address.ts';
import type { PortNumber } from '../../base/port-number.ts';
import type { TransportProtocol } from '../../base/transport-protocol.ts';
import type { Decoded } from '../wire/decoded.ts';
import type { ProtocolName } from './client-output.ts';
import type { EpochRule } from './epoch.ts';
import type { MapKey, MapRequest } from './map-request.ts';
import type { MappingNonce } from './mapping-nonce.ts';
import type { ResultCode } from './result-code.ts';
import type { RetransmissionRule } from './retransmission.ts';

/** How a MAP is written where there is a choice. */
export interface MapForm {
  /** With PREFER_FAILURE; without, an exact port is emulated: whatever else comes is released again. */
  readonly preferFailure: boolean;
  /** With a FILTER that removes the ones set before (RFC 6887 §13.3). */
  readonly resetFilters: boolean;
}

export interface MapReply {
  readonly kind: 'map';
  readonly protocol: TransportProtocol;
  readonly internalPort: PortNumber;
  readonly thirdParty: IpAddress | undefined;
  /** Undefined in NAT-PMP, which has none. */
  readonly nonce: MappingNonce | undefined;
  readonly code: ResultCode;
  readonly lifetimeSeconds: number;
  readonly epoch: number;
  readonly assignedPort: PortNumber;
  /** Undefined in NAT-PMP, which tells it separately. */
  readonly assignedAddress: IpAddress | undefined;
}

/** ANNOUNCE, or NAT-PMP's external address. */
export interface AliveReply {
  readonly kind: 'alive';
  readonly code: ResultCode;
  readonly epoch: number;
  readonly externalAddress: IpAddress | undefined;
}

export interface VersionReply {
  readonly kind: 'version refused';
  readonly version: number;
  readonly lifetimeSeconds: number;
}

/** Readable, but nothing this client ever asks for. */
export interface OtherReply {
  readonly kind: 'other';
}

export type Reply = MapReply | AliveReply | VersionReply | OtherReply;

export interface Dialect {
  readonly name: ProtocolName;
  readonly retransmission: RetransmissionRule;
  readonly isSerial: boolean;
  readonly isEpochPlausible: EpochRule;
  readonly canNameThirdParty: boolean;
  readonly canFilter: boolean;
  readonly hasPreferFailure: boolean;
  encodeMap(request: MapRequest, form: MapForm, source: IpAddress): Uint8Array;
  encodeRelease(key: MapKey, source: IpAddress): Uint8Array;
  encodeProbe(source: IpAddress): Uint8Array;
  decode(bytes: Uint8Array): Decoded<Reply>;
}
