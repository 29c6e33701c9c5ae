// How a MAP or a release ended, in words: granted, refused or unanswered. Also what a server changes by itself. Nothing about
// the wire.

import type { IpAddress } from '../../base/ip-address.ts';
import type { PortNumber } from '../../base/port-number.ts';
import type { Duration } from '../../base/time.ts';
import type { TransportProtocol } from '../../base/transport-protocol.ts';
import type { MappingNonce } from './mapping-nonce.ts';
import type { ResultCode } from './result-code.ts';

/** One PCP server, however many addresses it has. The same configuration gives the same id after a restart. */
declare const serverIdBrand: unique symbol;
export type ServerId = string & { readonly [serverIdBrand]: true };
export const serverId = (text: string): ServerId => text as ServerId;

export interface Granted {
  readonly kind: 'granted';
  readonly server: ServerId;
  /** By which the server knows the mapping: the address of ours that the packet left from, or the third party's. */
  readonly internalAddress: IpAddress;
  readonly assignedAddress: IpAddress;
  readonly assignedPort: PortNumber;
  /** Limited to 24 h already: we do not believe absurdly long lifetimes (RFC 6887 §15). */
  readonly lifetime: Duration;
}

export interface Refused {
  readonly kind: 'refused';
  readonly server: ServerId;
  readonly code: ResultCode;
  /** The lifetime field as received. 0 when the server gave no hint. */
  readonly lifetimeSeconds: number;
  /** How long the same request is answered from memory. */
  readonly hold: Duration;
  /** "server": it said so now. "memory": it said so before, and the hold is not over. "client": we found out ourselves. */
  readonly by: 'server' | 'memory' | 'client';
}

export interface Unanswered {
  readonly kind: 'unanswered';
  readonly why: 'no server' | 'server known to be down' | 'no answer in time' | 'hung up' | 'closed';
}

export type MapOutcome = Granted | Refused | Unanswered;

/** `released` also when the server knew no such mapping (RFC 6887 §15). `busyFor`: outbound traffic keeps it a while. */
export type ReleaseOutcome =
  | { readonly kind: 'released'; readonly server: ServerId; readonly busyFor: Duration }
  | Refused
  | Unanswered;

/**
 * The client gave up a mapping by itself: the server may have it, and nobody wants it. It is `owed` until the server has
 * answered its deletion (RFC 6887 §15).
 */
export interface Withdrawal {
  readonly state: 'owed' | 'answered';
  readonly server: ServerId;
  readonly nonce: MappingNonce;
  readonly protocol: TransportProtocol;
  readonly internalPort: PortNumber;
  readonly internalAddress: IpAddress;
  readonly isThirdParty: boolean;
  /** The longest it may live without us. */
  readonly lifetime: Duration;
}

/** An unsolicited MAP response (RFC 6887 §11.5). */
export interface MappingUpdate {
  readonly server: ServerId;
  readonly nonce: MappingNonce;
  readonly protocol: TransportProtocol;
  readonly internalPort: PortNumber;
  readonly internalAddress: IpAddress;
  readonly change:
    | {
        readonly kind: 'granted';
        readonly assignedAddress: IpAddress;
        readonly assignedPort: PortNumber;
        readonly lifetime: Duration;
      }
    | { readonly kind: 'refused'; readonly code: ResultCode; readonly lifetimeSeconds: number }
    /** An earlier deletion was answered, which may have deleted it, too: nobody knows whether it is there. */
    | { readonly kind: 'doubted' };
}
