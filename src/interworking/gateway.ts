// What a door can ask of the core: one method per question of RFC 6970. Text has become values before it gets here;
// answers are values or refusals, never exceptions. No door's language is spoken here.

import type { IpAddress } from '../base/ip-address.ts';
import type { PortNumber, PortRange } from '../base/port-number.ts';
import type { Result } from '../base/result.ts';
import type { Duration } from '../base/time.ts';
import type { TransportProtocol } from '../base/transport-protocol.ts';
import type { Door } from '../mapping/mapping.ts';
import type { Refusal } from './refusal.ts';

/** Who asks. */
export interface Asker {
  readonly address: IpAddress;
  /** The operator may act for every client and on every port. */
  readonly via: Door;
  /** What the program calls itself. */
  readonly name: string;
  readonly hungUp: AbortSignal | undefined;
}

/** A port to be opened. What differs by door (lease 0, which ports may be any) is said here by the door. */
export interface Wish {
  readonly protocol: TransportProtocol;
  /** `ANY_PORT` only where any port will do. */
  readonly externalPort: PortNumber;
  /** This external port or none; false: another one will do. */
  readonly isExact: boolean;
  readonly remoteHost: string;
  readonly remotePeers: readonly IpAddress[];
  readonly internalClient: IpAddress;
  readonly internalPort: PortNumber;
  readonly description: string;
  /** What is promised; 0: as long as the host is there. */
  readonly leaseSeconds: number;
}

export interface PortName {
  readonly protocol: TransportProtocol;
  readonly externalPort: PortNumber;
  readonly remoteHost: string;
}

/** Protocol undefined: the asker named none (js-libp2p); its only mapping on that port is meant. */
export interface ClosedPortName extends Omit<PortName, 'protocol'> {
  readonly protocol: TransportProtocol | undefined;
}

export interface PortSelection {
  readonly protocol: TransportProtocol;
  readonly ports: PortRange;
  /** Everybody's entries, where the asker may see them; otherwise its own. */
  readonly manage: boolean;
}

/** An entry as askers see it. */
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

export type Answer<T> = Result<T, Refusal>;

export interface Gateway {
  /** The external port. */
  openPort(asker: Asker, wish: Wish): Promise<Answer<PortNumber>>;
  closePort(asker: Asker, name: ClosedPortName): Promise<Answer<void>>;
  closePorts(asker: Asker, selection: PortSelection): Promise<Answer<void>>;
  entryAt(asker: Asker, index: number): Answer<ListedMapping>;
  entryOf(asker: Asker, name: PortName): Promise<Answer<ListedMapping>>;
  /** `most`: 0 for no limit. */
  entries(asker: Asker, selection: PortSelection, most: number): Answer<readonly ListedMapping[]>;
  /** Undefined: none known. Asks the PCP server with a short MAP when there is no mapping to know it from (RFC 6970 §4.2). */
  externalAddress(asker: Asker): Promise<IpAddress | undefined>;
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
