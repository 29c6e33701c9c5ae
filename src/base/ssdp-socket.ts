// SSDP sockets as the daemon sees them: parsed messages in, messages out, one socket per LAN address.
// Implemented by the platform over node-ssdp; what to say and when is `upnp/ssdp/`'s business.

import { type Endpoint, IpAddress } from './ip-address.ts';
import type { Result } from './result.ts';

export interface SsdpMessage {
  /** "M-SEARCH * HTTP/1.1", "NOTIFY * HTTP/1.1" or "HTTP/1.1 200 OK". */
  readonly startLine: string;
  /** In the order they are to be sent. Received ones have upper-case names. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** UDA 1.1 §1.1.2. */
export const SSDP_GROUP = IpAddress.of('239.255.255.250');
export const SSDP_PORT = 1900;

/** UDA 1.1 §1.1.2: lines end in CRLF, an empty one ends the message. Names and values are the caller's to keep clean. */
export function ssdpText(message: SsdpMessage): string {
  const lines = message.headers.map(([name, value]) => (value === '' ? `${name}:` : `${name}: ${value}`));
  return `${[message.startLine, ...lines].join('\r\n')}\r\n\r\n`;
}

export interface SsdpOptions {
  readonly interfaceName: string;
  readonly address: IpAddress;
}

export interface SsdpListener {
  message(message: SsdpMessage, from: Endpoint): void;
  /** The socket can no longer be used, e.g. its address went away. */
  failed(why: string): void;
}

export interface SsdpSocket {
  /** To 239.255.255.250:1900 on this socket's interface and no other. */
  multicast(message: SsdpMessage): void;
  unicast(message: SsdpMessage, to: Endpoint): void;
  /** Joins the group again: some bridges forget memberships when a port goes down. */
  rejoin(): void;
  /** Settles when everything handed over before has left. */
  close(): Promise<void>;
}

export interface SsdpHost {
  open(options: SsdpOptions, listener: SsdpListener): Promise<Result<SsdpSocket, string>>;
}
