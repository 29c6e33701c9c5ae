// HTTP as values. The platform turns sockets into `HttpRequest`s and `HttpResponse`s back into bytes,
// and enforces the limits; what a path means is decided elsewhere.

import type { Endpoint } from './ip-address.ts';
import type { IpPrefix } from './ip-prefix.ts';
import type { Result } from './result.ts';
import type { Duration } from './time.ts';

export interface HttpRequest {
  /** Upper case. */
  readonly method: string;
  /** Without the query; percent-encoding left as it came. */
  readonly path: string;
  readonly query: string;
  /** Names in lower case; repeated fields joined with ", ". */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** The body was longer than the listener allows: `body` is then empty. */
  readonly bodyTooLong: boolean;
  readonly httpVersion: string;
  /** Unspecified address and port 0 on a Unix socket. */
  readonly peer: Endpoint;
  readonly local: Endpoint;
  /** Aborted when the peer closes the connection before it has its answer. */
  readonly hungUp: AbortSignal;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Server-sent events and the like: called once with a writer, after the head was sent. Returns what to do on close. */
  readonly stream?: (write: (chunk: string) => void) => () => void;
  /** Runs after the response has been handed to the socket: GENA's initial event must follow the reply (UDA 1.1 §4.1.2). */
  readonly afterwards?: () => void;
}

export type HttpHandler = (request: HttpRequest) => Promise<HttpResponse>;

export type HttpPlace =
  | {
      readonly kind: 'tcp';
      readonly endpoint: Endpoint;
      /** Connections from elsewhere are dropped without a word. */
      readonly onlyFrom?: IpPrefix;
    }
  | { readonly kind: 'unix'; readonly path: string; readonly mode: number };

export interface HttpLimits {
  readonly bodyBytes: number;
  readonly headBytes: number;
  readonly headWithin: Duration;
  readonly requestWithin: Duration;
  /** How long a peer may take to read an answer; then its connection is cut. */
  readonly takenWithin: Duration;
  readonly connections: number;
  readonly connectionsPerPeer: number;
}

export interface HttpListener {
  readonly endpoint: Endpoint;
  close(): Promise<void>;
}

export interface HttpCall {
  readonly method: string;
  readonly endpoint: Endpoint;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly within: Duration;
}

export interface HttpHost {
  listen(place: HttpPlace, limits: HttpLimits, handler: HttpHandler): Promise<Result<HttpListener, string>>;
  /** Settles with the status of the answer, or why there was none. Never follows a redirect. */
  call(call: HttpCall): Promise<Result<number, string>>;
}
