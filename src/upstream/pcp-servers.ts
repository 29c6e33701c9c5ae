// Which PCP servers there are, by the configuration: listed ones as they stand, "auto" by RFC 6887 §8.1 (what DHCP said,
// else the default router). Anycast and AFTR addresses are contacted only when listed. Each place that was looked at
// says why it did or did not name a server.

import type { FileStore, NetworkView } from '../base/host.ts';
import { type Endpoint, endpointText, IpAddress } from '../base/ip-address.ts';
import type { PcpServerAddress, PcpServerChoice } from '../config/config-network-kinds.ts';
import { type ServerId, serverId } from '../pcp/asking/map-outcome.ts';
import { PCP_SERVER_PORT } from '../pcp/wire/common-header.ts';
import { decodeDhcpv4Servers, decodeDhcpv6Server, type ServerAddresses } from '../pcp/wire/dhcp-option.ts';

export interface PcpServerSources {
  readonly servers: readonly PcpServerChoice[];
  /** "": none. */
  readonly dhcpFile: string;
  /** This box's NAT translates IPv4: what an IPv6 server grants would lead nowhere. */
  readonly onlyIPv4?: boolean;
}

const LISTED = 'pcp.servers';

export interface FoundServer {
  readonly id: ServerId;
  /** Alternatives, in the order they are tried (RFC 7488 §3). */
  readonly endpoints: readonly Endpoint[];
  /** Needed to reach a link-local router. */
  readonly interfaceName: string | undefined;
}

export interface ConsideredPlace {
  /** "DHCP file /tmp/…", "IPv4 default route", "pcp.servers". */
  readonly place: string;
  readonly servers: readonly FoundServer[];
  /** Without servers: why it names none. */
  readonly why: string;
}

export interface ServerFindingHost {
  readonly network: Pick<NetworkView, 'resolve' | 'defaultRoute'>;
  readonly files: Pick<FileStore, 'read'>;
}

export async function considerPlaces(
  host: ServerFindingHost,
  sources: PcpServerSources,
): Promise<readonly ConsideredPlace[]> {
  const usable = sources.onlyIPv4 === true ? inIPv4 : (place: ConsideredPlace) => place;
  const places: ConsideredPlace[] = [];
  for (const choice of sources.servers) {
    if (choice.kind === 'server') places.push(usable(await listed(host, choice.addresses)));
    else places.push(...(await automatic(host, sources.dhcpFile, usable)));
  }
  return places;
}

function inIPv4(considered: ConsideredPlace): ConsideredPlace {
  const servers = considered.servers.flatMap((server) => {
    const endpoints = server.endpoints.filter(({ address }) => address.isIPv4);
    return endpoints.length === 0 ? [] : [{ ...server, endpoints }];
  });
  if (servers.length > 0 || considered.servers.length === 0) return { ...considered, servers };
  const names = considered.servers.map(({ id }) => id).join(', ');
  return nothing(considered.place, `${names} has no IPv4 address, and this box's NAT (wan.nat) needs an IPv4 server`);
}

/** In order of preference, each once. */
export function serversIn(places: readonly ConsideredPlace[]): readonly FoundServer[] {
  const byId = new Map<ServerId, FoundServer>();
  for (const { servers } of places) {
    for (const server of servers) if (!byId.has(server.id)) byId.set(server.id, server);
  }
  return [...byId.values()];
}

/** A name without an address may have one as soon as a name server can be asked. */
export const waitsForName = (places: readonly ConsideredPlace[]): boolean =>
  places.some(({ place, servers }) => place === LISTED && servers.length === 0);

/** For the log and the pages when there is none. */
export const whyNoServer = (places: readonly ConsideredPlace[]): string =>
  places.map(({ why }) => why).join('; ') || 'no place to look for one is configured';

async function listed(host: ServerFindingHost, addresses: readonly PcpServerAddress[]): Promise<ConsideredPlace> {
  const endpoints: Endpoint[] = [];
  for (const { host: name, port } of addresses) {
    const literal = IpAddress.parse(name);
    const found = literal === undefined ? await host.network.resolve(name) : [literal];
    for (const address of found) endpoints.push({ address, port });
  }
  const text = addresses.map(({ host: name, port }) => (port === PCP_SERVER_PORT ? name : `${name} port ${port}`));
  if (endpoints.length === 0) return nothing(LISTED, `the name ${text.join(', ')} has no address`);
  // By its text and not by what a name resolves to now: it is the same server after a change of its address.
  const interfaceName = addresses.find((address) => address.interfaceName !== undefined)?.interfaceName;
  const server = { id: serverId(text.join(', ')), endpoints, interfaceName };
  return { place: LISTED, servers: [server], why: '' };
}

/** RFC 6887 §8.1: one source only, so the default router counts when DHCP names nobody. */
async function automatic(
  host: ServerFindingHost,
  dhcpFile: string,
  usable: (place: ConsideredPlace) => ConsideredPlace,
): Promise<readonly ConsideredPlace[]> {
  const dhcp = usable(await fromDhcpFile(host, dhcpFile));
  if (dhcp.servers.length > 0) return [dhcp];
  const ipv4 = await fromDefaultRoute(host, 'IPv4');
  if (ipv4.servers.length > 0) return [dhcp, ipv4];
  return [dhcp, ipv4, usable(await fromDefaultRoute(host, 'IPv6'))];
}

async function fromDhcpFile(host: ServerFindingHost, path: string): Promise<ConsideredPlace> {
  if (path === '') return nothing('DHCP file', 'no DHCP file is configured');
  const place = `DHCP file ${path}`;
  const text = await host.files.read(path);
  if (!text.ok) return nothing(place, `the DHCP file cannot be read: ${text.error.message}`);
  const lists = readDhcpServers(text.value);
  if (lists.length === 0) return nothing(place, `the DHCP file ${path} names no server`);
  const servers = lists.map((addresses) =>
    found(
      addresses.map((address) => ({ address, port: PCP_SERVER_PORT })),
      undefined,
    ),
  );
  return { place, servers, why: '' };
}

async function fromDefaultRoute(host: ServerFindingHost, family: 'IPv4' | 'IPv6'): Promise<ConsideredPlace> {
  const place = `${family} default route`;
  const route = await host.network.defaultRoute(family);
  if (route === undefined) return nothing(place, `there is no ${family} default route`);
  if (route.gateway === undefined) return nothing(place, `the ${family} default route has no next hop`);
  const server = found([{ address: route.gateway, port: PCP_SERVER_PORT }], route.interfaceName);
  return { place, servers: [server], why: '' };
}

const nothing = (place: string, why: string): ConsideredPlace => ({ place, servers: [], why });

function found(endpoints: readonly Endpoint[], interfaceName: string | undefined): FoundServer {
  const texts = endpoints.map((endpoint) =>
    endpoint.port === PCP_SERVER_PORT ? endpoint.address.text : endpointText(endpoint),
  );
  return { id: serverId(texts.join(', ')), endpoints, interfaceName };
}

// The file in which a DHCP client leaves the PCP servers it was told (RFC 7291). One server per line: addresses with
// blanks or commas between them, or the option's payload in hexadecimal as scripts of DHCP clients have it, with or
// without a name in front ("opt158=", "OPTION_86="). "#" begins a comment; what cannot be read is skipped.

/** A lease names one or two; a file that is longer is not what it should be. */
const MAX_SERVERS = 8;

export function readDhcpServers(text: string): readonly ServerAddresses[] {
  const servers = text.split('\n').flatMap((line) => serversOnLine(line.replace(/#.*/, '').trim()));
  return servers.filter((addresses) => addresses.length > 0).slice(0, MAX_SERVERS);
}

function serversOnLine(line: string): readonly ServerAddresses[] {
  const value = line.replace(/^[A-Za-z_]+_?\d*\s*=\s*/, '').replaceAll(/["']/g, '');
  const words = value.split(/[\s,]+/).filter((word) => word !== '');
  const addresses = words.map((word) => IpAddress.parse(word));
  const usable = addresses.filter((address): address is IpAddress => address !== undefined && !address.isMulticast);
  if (words.length > 0 && usable.length === words.length) return [usable];
  const payload = hexBytes(words.join(''));
  if (payload === undefined) return [];
  // A DHCPv4 list begins with its length, which no IPv6 address of a server looks like.
  const ipv4 = decodeDhcpv4Servers(payload);
  if (ipv4 !== undefined) return ipv4;
  const ipv6 = decodeDhcpv6Server(payload);
  return ipv6 === undefined ? [] : [ipv6];
}

function hexBytes(text: string): Uint8Array | undefined {
  const digits = text.replace(/^0x/i, '').replaceAll(':', '');
  if (digits === '' || digits.length % 2 !== 0 || !/^[0-9a-fA-F]+$/.test(digits)) return undefined;
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
