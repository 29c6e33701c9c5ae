// `igd2pcp demo`: the configuration that puts the whole system on this one machine, with a PCP server of our own in the
// carrier's place. What was configured on purpose (ports, --lan) is kept.

import { type Endpoint, endpointText, IpAddress } from '../base/ip-address.ts';
import { portNumber } from '../base/port-number.ts';
import type { Config } from '../config/config.ts';

const DEMO_LAN = '127.0.0.1';

/** Where the embedded PCP server listens: on loopback, any free port. */
export const DEMO_CARRIER: Endpoint = { address: IpAddress.of('127.0.0.1'), port: 0 };

export function demoConfig(config: Config, carrier: Endpoint, directory: string): Config {
  const { address, port } = carrier;
  return {
    ...config,
    lan: { ...config.lan, interfaces: config.lan.interfaces.length === 0 ? [DEMO_LAN] : config.lan.interfaces },
    wan: { ...config.wan, nat: 'none' },
    pcp: { ...config.pcp, servers: [{ kind: 'server', addresses: [{ host: address.text, port: portNumber(port) }] }] },
    hosts: { ...config.hosts, dhcpLeases: '' },
    state: { directory },
    admin: { ...config.admin, socket: `${directory}/igd2pcp.sock` },
  };
}

export interface DemoPlaces {
  readonly descriptionUrls: readonly string[];
  readonly pageUrl: string | undefined;
  readonly carrier: Endpoint;
  readonly externalAddress: IpAddress | undefined;
  readonly adminSocket: string;
}

/** What the person sees first. */
export function demoWelcome(places: DemoPlaces): string {
  const [first = ''] = places.descriptionUrls;
  const host = new URL(first).hostname;
  return [
    '',
    "igd2pcp demo: a UPnP gateway and, in the carrier's place, a PCP server of its own.",
    '',
    `  description  ${places.descriptionUrls.join('  ')}`,
    `  status page  ${places.pageUrl ?? 'off'}`,
    `  carrier      PCP server on ${endpointText(places.carrier)}, external address ${places.externalAddress ?? 'none'}`,
    '',
    'Open a port with any UPnP client, for example:',
    '',
    `  upnpc -u ${first} -a ${host} 8080 8080 TCP 600`,
    '',
    `Commands talk to it with --admin-socket ${places.adminSocket}`,
    'Ctrl-C ends it and closes what it opened.',
    '',
  ].join('\n');
}
