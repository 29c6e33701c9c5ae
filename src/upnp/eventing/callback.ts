// Where a subscriber wants its events (UDA 1.1 §4.1.2 CALLBACK), and which of those places we are willing to send to.
// CVE-2020-12695 ("CallStranger"): a subscriber may name nobody but itself, as an address literal.

import { type Endpoint, IpAddress } from '../../base/ip-address.ts';
import { parsePortNumber } from '../../base/port-number.ts';

export interface Callback {
  readonly endpoint: Endpoint;
  /** Begins with "/"; visible ASCII only, so that it can stand in a request line. */
  readonly path: string;
}

/** UDA 1.1 lets a subscriber name several; nobody real names more than one or two. */
const MAX_CALLBACKS = 4;
/** The longest in the wild carry a UUID or two. */
const MAX_URL_LENGTH = 512;
const HTTP_PORT = 80;

const URL_PARTS = /^http:\/\/(?:([\d.]+)|\[([\da-f:.]+)\])(?::(\d{1,5}))?(\/[!-~]*)?$/i;

/**
 * The places of a CALLBACK header that may be used, in its order. Those that may not are left out.
 * `own` is the endpoint the subscription came in at: events sent there would come back to us.
 */
export function acceptableCallbacks(header: string, subscriber: IpAddress, own: Endpoint): readonly Callback[] {
  const callbacks: Callback[] = [];
  for (const [, url = ''] of header.matchAll(/<([^<>]*)>/g)) {
    const callback = parseCallback(url.trim());
    if (callback === undefined || !callback.endpoint.address.equals(subscriber)) continue;
    if (callback.endpoint.address.equals(own.address) && callback.endpoint.port === own.port) continue;
    callbacks.push(callback);
    if (callbacks.length === MAX_CALLBACKS) break;
  }
  return callbacks;
}

function parseCallback(url: string): Callback | undefined {
  if (url.length > MAX_URL_LENGTH) return undefined;
  const parts = URL_PARTS.exec(url);
  if (parts === null) return undefined;
  const [, ipv4, ipv6, portText, target = '/'] = parts;
  const address = IpAddress.parse(ipv4 ?? ipv6 ?? '');
  const port = portText === undefined ? HTTP_PORT : parsePortNumber(portText);
  if (address === undefined || port === undefined || port === 0) return undefined;
  const [path = '/'] = target.split('#');
  return { endpoint: { address, port }, path };
}
