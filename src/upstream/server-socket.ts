// One connected socket to one address of a PCP server, from the address of ours that mappings are to belong to
// (RFC 6887 §8.1). For the client and for whoever asks a server on the side.

import type { Host, UdpListener, UdpOptions, UdpSocket } from '../base/host.ts';
import { type Endpoint, IpAddress } from '../base/ip-address.ts';
import { IpPrefix } from '../base/ip-prefix.ts';
import type { Result } from '../base/result.ts';

/** An address of a server, and the interface it is on: without it, a link-local router cannot be reached. */
export interface ServerPlace {
  readonly server: Endpoint;
  readonly interfaceName: string | undefined;
}

type SocketHost = Pick<Host, 'udp' | 'network'>;

const UNIQUE_LOCAL = IpPrefix.of(IpAddress.of('fc00::'), 7);
const GLOBAL_UNICAST = IpPrefix.of(IpAddress.of('2000::'), 3);

export async function openServerSocket(
  host: SocketHost,
  { server, interfaceName }: ServerPlace,
  listener: UdpListener,
): Promise<Result<UdpSocket, string>> {
  const options: UdpOptions = { peer: server, ...(interfaceName === undefined ? {} : { interfaceName }) };
  const opened = await host.udp.open(options, listener);
  if (!opened.ok) return opened;
  const address = betterThan(opened.value.local.address, host);
  if (address === undefined) return opened;
  opened.value.close();
  return host.udp.open({ ...options, address }, listener);
}

/**
 * RFC 6887 §8.1: towards a router's link-local or unique local address the system chooses one of the same kind, where
 * nobody outside could reach a mapping. A global one of the same interface is better, a unique local one second best.
 */
function betterThan(chosen: IpAddress, host: SocketHost): IpAddress | undefined {
  const isLinkLocal = !chosen.isIPv4 && chosen.isLinkLocal;
  if (!isLinkLocal && !UNIQUE_LOCAL.contains(chosen)) return undefined;
  const rows = host.network.interfaces();
  const here = rows.find(({ address }) => address.equals(chosen));
  const onIt = (prefix: IpPrefix): IpAddress | undefined =>
    rows.find(({ name, address }) => name === here?.name && prefix.contains(address))?.address;
  return onIt(GLOBAL_UNICAST) ?? (isLinkLocal ? onIt(UNIQUE_LOCAL) : undefined);
}
