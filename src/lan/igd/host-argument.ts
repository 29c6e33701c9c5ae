// NewRemoteHost and NewInternalClient: an IPv4 address, a host name to be resolved, or a wildcard
// (WANIPConnection:2 §2.2.15, §2.2.19; RFC 6970 §4.1).

import { IpAddress } from '../../base/ip-address.ts';
import { ok, type Result, refused } from '../../base/result.ts';
import type { UpnpErrorCode } from '../../upnp/upnp-error.ts';
import type { IgdContext } from './igd-context.ts';

/** Empty for everybody, else what was written. "*" and 0.0.0.0 are how some clients write "everybody". */
export function remoteHostText(text: string): string {
  const host = text.trim();
  return host === '*' || host === '0.0.0.0' ? '' : host;
}

/** Whether it could be a host at all, before anybody is asked: 600 and 605 are said first. */
export function checkHost(host: string, context: IgdContext): Result<void, UpnpErrorCode> {
  // RFC 1035 §2.3.4: no name is longer.
  if (host.length > 253) return refused(context.igd === 2 ? 605 : context.refusals.invalidValue);
  const address = IpAddress.parse(host);
  if (address !== undefined) return address.isIPv4 ? ok(undefined) : refused(context.refusals.invalidValue);
  return isHostName(host) ? ok(undefined) : refused(context.refusals.invalidValue);
}

// Each address becomes one FILTER option; a name with more of them is a service, not a peer.
const MAX_ADDRESSES = 4;

/** The IPv4 addresses of a host that passed `checkHost`. A name nobody knows: 402, on IGD:2 501. */
export async function hostAddresses(
  host: string,
  context: IgdContext,
): Promise<Result<readonly IpAddress[], UpnpErrorCode>> {
  const literal = IpAddress.parse(host);
  if (literal !== undefined) return ok([literal]);
  const found = (await context.names.addresses(host)).filter((address) => address.isIPv4).slice(0, MAX_ADDRESSES);
  return found.length > 0 ? ok(found) : refused(context.igd === 2 ? 501 : 402);
}

/** RFC 1123 §2.1. A last label of digits only would be a misspelt address: "192.168.001.9". */
function isHostName(text: string): boolean {
  const labels = text.replace(/\.$/, '').split('.');
  if (/^\d+$/.test(labels.at(-1) ?? '')) return false;
  return labels.every((label) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i.test(label));
}
