// What a LAN-side service can ask of the interworking function: one method per question of RFC 6970.
// Text has become values before it gets here; answers are values or UPnP error codes, never exceptions.

import type { IpAddress } from '../base/ip-address.ts';
import type { PortNumber, PortRange } from '../base/port-number.ts';
import type { Result } from '../base/result.ts';
import type { Duration } from '../base/time.ts';
import type { TransportProtocol } from '../base/transport-protocol.ts';
import type { UpnpErrorCode } from '../upnp/upnp-error.ts';

/** Who asks. */
export interface ControlPoint {
  readonly address: IpAddress;
  readonly userAgent: string;
  /** Which version of the service it speaks to: error codes and lease 0 differ (RFC 6970 §4.1, §4.3). */
  readonly igd: 1 | 2;
  /** The person at the box: may act for every client and on every port. */
  readonly isOperator: boolean;
  readonly hungUp: AbortSignal | undefined;
}

export interface PortMappingRequest {
  readonly protocol: TransportProtocol;
  /** `ANY_PORT` only with AddAnyPortMapping. */
  readonly externalPort: PortNumber;
  readonly remoteHost: string;
  readonly remotePeers: readonly IpAddress[];
  readonly internalClient: IpAddress;
  readonly internalPort: PortNumber;
  readonly isEnabled: boolean;
  readonly description: string;
  readonly leaseSeconds: number;
}

export interface PortMappingName {
  readonly protocol: TransportProtocol;
  readonly externalPort: PortNumber;
  readonly remoteHost: string;
}

/** Protocol undefined: the control point named none (js-libp2p); its only mapping on that port is meant. */
export interface DeletedPortMappingName extends Omit<PortMappingName, 'protocol'> {
  readonly protocol: TransportProtocol | undefined;
}

export interface PortMappingSelection {
  readonly protocol: TransportProtocol;
  readonly ports: PortRange;
  /** Everybody's entries, where the asker may see them; otherwise its own. */
  readonly manage: boolean;
}

/** An entry as control points see it. */
export interface ListedMapping {
  readonly protocol: TransportProtocol;
  readonly externalPort: PortNumber;
  readonly remoteHost: string;
  readonly internalClient: IpAddress;
  readonly internalPort: PortNumber;
  readonly description: string;
  /** What is left of the lease; 0 for endless. */
  readonly leaseSeconds: number;
  /** False while it waits for the PCP server: nothing is shown as open that is not. */
  readonly isEnabled: boolean;
}

export interface ConnectionStatus {
  readonly status: 'Connected' | 'Disconnected' | 'Connecting';
  readonly uptime: Duration;
  readonly lastError: 'ERROR_NONE' | 'ERROR_UNKNOWN';
}

export type Answer<T> = Result<T, UpnpErrorCode>;

export interface Gateway {
  addPortMapping(asker: ControlPoint, request: PortMappingRequest): Promise<Answer<void>>;
  /** The port that was reserved. */
  addAnyPortMapping(asker: ControlPoint, request: PortMappingRequest): Promise<Answer<PortNumber>>;
  deletePortMapping(asker: ControlPoint, name: DeletedPortMappingName): Promise<Answer<void>>;
  deletePortMappingRange(asker: ControlPoint, selection: PortMappingSelection): Promise<Answer<void>>;
  getGenericPortMappingEntry(asker: ControlPoint, index: number): Answer<ListedMapping>;
  getSpecificPortMappingEntry(asker: ControlPoint, name: PortMappingName): Promise<Answer<ListedMapping>>;
  getListOfPortMappings(
    asker: ControlPoint,
    selection: PortMappingSelection,
    most: number,
  ): Answer<readonly ListedMapping[]>;
  /** Undefined: none known. Asks the PCP server with a short MAP when there is no mapping to know it from (RFC 6970 §4.2). */
  externalAddress(asker: ControlPoint): Promise<IpAddress | undefined>;
  /** A server that seems to be away is asked first. */
  connection(): Promise<ConnectionStatus>;

  /** What is known without asking anybody: for events. */
  readonly known: {
    externalAddress(): IpAddress | undefined;
    connection(): ConnectionStatus;
    numberOfEntries(): number;
    systemUpdateId(): number;
  };
}
