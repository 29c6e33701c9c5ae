// HTTP as a control point needs it: with the answer's headers and body. Over real sockets or over the simulated network.

import type { HttpHost } from '../../src/base/http.ts';
import { type Endpoint, IpAddress } from '../../src/base/ip-address.ts';
import { parsePortNumber } from '../../src/base/port-number.ts';
import type { Result } from '../../src/base/result.ts';
import type { Duration } from '../../src/base/time.ts';

export interface Place {
  readonly endpoint: Endpoint;
  readonly path: string;
}

export interface HttpAsk {
  readonly method: string;
  readonly place: Place;
  /** Names as they are to stand on the wire. HOST and CONTENT-LENGTH are added. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
  readonly within: Duration;
}

export interface HttpGot {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface ControlPointHttp {
  ask(ask: HttpAsk): Promise<Result<HttpGot, string>>;
  /** For events. */
  readonly listen: HttpHost['listen'];
}

/** libtorrent and igd-next: the host must be an address literal, the scheme http, the port not 0. */
export function parseUrl(text: string, base?: Place): Place | undefined {
  if (base !== undefined && text.startsWith('/')) return { endpoint: base.endpoint, path: text };
  const [, host = '', bracketed = '', portText, path] =
    /^http:\/\/(?:([\d.]+)|\[([\da-f:]+)\])(?::(\d+))?(\/.*)?$/i.exec(text) ?? [];
  const address = IpAddress.parse(host === '' ? bracketed : host);
  const port = portText === undefined ? 80 : parsePortNumber(portText);
  if (address === undefined || port === undefined || port === 0) return undefined;
  return { endpoint: { address, port }, path: path ?? '/' };
}
