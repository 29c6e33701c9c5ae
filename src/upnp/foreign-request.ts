// Requests that reach a LAN listener without being meant for it: a web page in a LAN host's browser is not a control
// point. Two doors are shut: DNS rebinding (a name of the attacker's that points here) and cross-site posts.

import type { HttpRequest } from '../base/http.ts';
import { IpAddress } from '../base/ip-address.ts';

/** Why it is turned away; undefined when it is fine. Old control points send no Host at all, and that is fine. */
export function foreignRequestProblem(request: HttpRequest): string | undefined {
  const host = request.headers['host'];
  if (host !== undefined && host.trim() !== '' && !namesAddress(host.trim(), request.local.address)) {
    return 'its Host field does not name this address';
  }
  // Browsers put Origin on every cross-site POST and no control point sends it; "null" is a page hiding its own.
  if (request.headers['origin'] !== undefined) return 'it comes from a web page';
  return undefined;
}

/** "192.168.1.1", "192.168.1.1:5000", "[fe80::1%25br-lan]:5000". The port is not looked at: clients leave it out. */
function namesAddress(host: string, address: IpAddress): boolean {
  const literal = /^\[([^\]]+)\](?::\d{1,5})?$/.exec(host)?.[1] ?? /^([\d.]+)(?::\d{0,5})?$/.exec(host)?.[1];
  if (literal === undefined) return false;
  return IpAddress.parse(literal.replace(/%25/, '%'))?.equals(address) ?? false;
}
