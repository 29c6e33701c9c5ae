// One entry of the local mapping table (RFC 6970 §5.3): what the asker was promised, what the PCP server granted.

import type { IpAddress } from '../base/ip-address.ts';
import type { PortNumber } from '../base/port-number.ts';
import { keyText } from '../base/texts.ts';
import type { Instant, WallTime } from '../base/time.ts';
import type { TransportProtocol } from '../base/transport-protocol.ts';

/** UPnP's key of an entry (WANIPConnection:2 §2.2): remote host, external port, protocol. */
export interface MappingKey {
  readonly protocol: TransportProtocol;
  readonly externalPort: PortNumber;
  /** As the control point wrote it, "" for everybody. */
  readonly remoteHost: string;
}

export interface Mapping extends MappingKey {
  /** `remoteHost` as addresses; empty for everybody. */
  readonly remotePeers: readonly IpAddress[];
  readonly internalClient: IpAddress;
  readonly internalPort: PortNumber;
  readonly description: string;
  readonly madeBy: Maker;
  /** This very port was asked for, and others may have been told of it; false: any port was good. */
  readonly isPublished: boolean;
  readonly createdAt: WallTime;
  /** What was promised. Undefined: as long as the host is there. */
  readonly leaseEndsAt: Instant | undefined;
  /** The lease as it was asked for, in seconds; 0 for endless. */
  readonly leaseSeconds: number;
  /** This box's own NAT port, where it NATs: the PCP internal port of the mapping. */
  readonly nat1Port: PortNumber | undefined;
  readonly upstream: Upstream;
  readonly state: MappingState;
}

/** By which door somebody came; the operator's is the admin socket, or the page. */
export type Door = 'IGD:1' | 'IGD:2' | 'operator';

export interface Maker {
  readonly address: IpAddress;
  readonly via: Door;
  /** What the program calls itself. */
  readonly name: string;
}

/** What the PCP server granted, and what is needed to renew or release it. */
export interface Upstream {
  /** The server's identity and our nonce there. */
  readonly server: string;
  readonly nonce: string;
  /** The address the server knows the mapping by. */
  readonly internalAddress: IpAddress;
  readonly internalPort: PortNumber;
  readonly isThirdParty: boolean;
  readonly assignedAddress: IpAddress;
  /** Differs from `externalPort` only while `degraded`. */
  readonly assignedPort: PortNumber;
  readonly grantedAt: Instant;
  readonly expiresAt: Instant;
  readonly renewAt: Instant;
  /** Which renewal window `renewAt` lies in; 1 is the first (RFC 6887 §11.2.1). */
  readonly window: number;
}

export type MappingState =
  /** As promised. */
  | 'granted'
  /** The server forgot or may have forgotten it; being mapped again (RFC 6887 §14). */
  | 'restoring'
  /** Alive under another port than the published one; the published one is tried again and again. */
  | 'degraded'
  /** Not open: the server was silent to the end of its lifetime. It is asked for again until the lease ends. */
  | 'waiting'
  /** The control point deleted it while the server was silent; being released (RFC 6970 §5.8). */
  | 'deleting';

export const mappingKeyText = (key: MappingKey): string => keyText(key.protocol, key.externalPort, key.remoteHost);

// What the table announces after each change. Only the table announces; the file, eventing, the log and the pages listen.

export type RemovalReason =
  /** Its control point, the operator or another control point with the right to asked for it. */
  | 'deleted'
  /** The lease is over. */
  | 'expired'
  /** The PCP server stopped honouring it. */
  | 'lost'
  /** Its host left or changed (RFC 6970 §5.10). */
  | 'host gone'
  /** The daemon ends and takes its mappings along (demo). */
  | 'closing';

export type MappingChange =
  | { readonly kind: 'added'; readonly mapping: Mapping }
  /** `promised` changed: something the control point can see. Otherwise only lifetimes and the like. */
  | { readonly kind: 'updated'; readonly mapping: Mapping; readonly previous: Mapping; readonly isVisible: boolean }
  | { readonly kind: 'removed'; readonly mapping: Mapping; readonly reason: RemovalReason; readonly why: string };

/** Changes that became visible together: one per request, whatever number of entries it touched. */
export type MappingChanges = readonly MappingChange[];
