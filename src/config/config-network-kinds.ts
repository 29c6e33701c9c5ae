// Configuration values that speak of networks: interfaces, PCP servers, where to listen.

import { type Endpoint, endpointText, IpAddress } from '../base/ip-address.ts';
import { IpPrefix } from '../base/ip-prefix.ts';
import { isPortNumber, type PortNumber, portNumber } from '../base/port-number.ts';
import { type Kind, listOf, scalar, whole } from './config-kind.ts';

/** The well-known port of PCP servers (RFC 6887 §19). */
const PCP_SERVER_PORT = portNumber(5351);

// Linux allows 15 bytes and nearly every character; "/" and blanks are what the kernel refuses.
const isInterfaceName = (text: string): boolean => /^[^\s/]{1,15}$/.test(text) && text !== '.' && text !== '..';

const isServableAddress = (text: string): boolean => {
  const address = IpAddress.parse(text);
  return address !== undefined && !address.isUnspecified && !address.isMulticast;
};

const looksLikeAddress = (text: string): boolean => text.includes(':') || /^[\d.]+$/.test(text);

const quoted = (text: string): string => JSON.stringify(text);

/** An interface name or one of this box's addresses. "0.0.0.0" is refused: nothing may be served everywhere. */
export const lanInterface: Kind<string> = scalar({
  placeholder: 'INTERFACE',
  expected: 'an interface name such as "br-lan", or one address of this box (never 0.0.0.0 or ::)',
  read: (value) => {
    if (typeof value !== 'string') return undefined;
    const isFine = looksLikeAddress(value) ? isServableAddress(value) : isInterfaceName(value);
    return isFine ? value : undefined;
  },
  show: quoted,
});

export const interfaceName: Kind<string> = scalar({
  placeholder: 'INTERFACE',
  expected: 'an interface name such as "wan", or "" for the one with the default route',
  read: (value) => (typeof value === 'string' && (value === '' || isInterfaceName(value)) ? value : undefined),
  show: quoted,
});

const canBeRouted = ({ address, length }: IpPrefix): boolean =>
  address.isIPv4 &&
  length >= 8 &&
  !(address.isUnspecified || address.isLoopback || address.isLinkLocal || address.isMulticast);

export const routedPrefix: Kind<IpPrefix> = scalar({
  placeholder: 'PREFIX',
  expected: 'an IPv4 network such as "192.168.7.0/24", of 8 bits or more',
  read: (value) => {
    const prefix = typeof value === 'string' ? IpPrefix.parse(value) : undefined;
    return prefix !== undefined && canBeRouted(prefix) ? prefix : undefined;
  },
  show: (prefix) => quoted(prefix.toString()),
});

/** A port, or 0 for any free one. */
export const portOrAny: Kind<PortNumber> = narrowed(whole('PORT', 0, 65535, 'a port'));

function narrowed(numbers: Kind<number>): Kind<PortNumber> {
  const narrow = (read: ReturnType<Kind<number>['fromFile']>): ReturnType<Kind<PortNumber>['fromFile']> =>
    read.ok ? { ok: true, value: portNumber(read.value) } : read;
  return {
    ...numbers,
    fromFile: (value) => narrow(numbers.fromFile(value)),
    fromTexts: (texts) => narrow(numbers.fromTexts(texts)),
  };
}

/** `host` is an address or a name to resolve. */
export interface PcpServerAddress {
  readonly host: string;
  readonly port: PortNumber;
  /** Of a link-local address: "fe80::1%wan". */
  readonly interfaceName?: string;
}

/** "auto", or one server with all its addresses (RFC 7488 §3). */
export type PcpServerChoice =
  | { readonly kind: 'auto' }
  | { readonly kind: 'server'; readonly addresses: readonly PcpServerAddress[] };

const MAX_ADDRESSES_OF_A_SERVER = 16;

const pcpServer: Kind<PcpServerChoice> = scalar({
  placeholder: 'SERVER',
  expected:
    '"auto", or a server as "ADDRESS", "NAME" or "ADDRESS:PORT" (link-local ones as "fe80::1%INTERFACE"), or a nested list with all addresses of one server',
  read: (value) => {
    if (value === 'auto') return { kind: 'auto' };
    const texts: readonly unknown[] = Array.isArray(value) ? value : [value];
    return serverOf(texts);
  },
  readText: (text) => (text === 'auto' ? { kind: 'auto' } : serverOf(text.split(',').map((part) => part.trim()))),
  show: (choice) => {
    if (choice.kind === 'auto') return '"auto"';
    const texts = choice.addresses.map((address) => quoted(serverText(address)));
    return texts.length === 1 ? texts.join() : `[${texts.join(', ')}]`;
  },
});

/** Items between blanks in the environment: a comma stands between the addresses of one server. */
export const pcpServers: Kind<readonly PcpServerChoice[]> = listOf(pcpServer, 8, /\s+/);

function serverOf(texts: readonly unknown[]): PcpServerChoice | undefined {
  const addresses: PcpServerAddress[] = [];
  for (const text of texts) {
    const address = typeof text === 'string' ? parseServerAddress(text) : undefined;
    if (address === undefined) return undefined;
    addresses.push(address);
  }
  if (addresses.length === 0 || addresses.length > MAX_ADDRESSES_OF_A_SERVER) return undefined;
  return { kind: 'server', addresses };
}

function parseServerAddress(text: string): PcpServerAddress | undefined {
  const bare = IpAddress.parse(text);
  if (bare !== undefined) return literalServer(bare, text, PCP_SERVER_PORT);
  const [, bracketed, plain, portText] = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const number = portText === undefined ? PCP_SERVER_PORT : Number(portText);
  if (!isPortNumber(number) || number === 0) return undefined;
  const host = bracketed ?? plain ?? '';
  const address = IpAddress.parse(host);
  if (address !== undefined) return literalServer(address, host, number);
  return bracketed === undefined && isHostName(host) ? { host, port: number } : undefined;
}

function literalServer(address: IpAddress, text: string, number: PortNumber): PcpServerAddress | undefined {
  if (address.isUnspecified || address.isMulticast) return undefined;
  const server = { host: address.text, port: number };
  if (address.isIPv4 || !address.isLinkLocal) return server;
  const zone = text.split('%')[1];
  return zone === undefined ? undefined : { ...server, interfaceName: zone };
}

const isHostName = (text: string): boolean =>
  text.length <= 253 &&
  !/^[\d.]+$/.test(text) &&
  /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*\.?$/.test(text);

function serverText({ host, port: number, interfaceName: zone }: PcpServerAddress): string {
  const place = zone === undefined ? host : `${host}%${zone}`;
  if (number === PCP_SERVER_PORT) return place;
  return host.includes(':') ? `[${place}]:${number}` : `${place}:${number}`;
}

export const listenPlace: Kind<Endpoint | 'off'> = scalar<Endpoint | 'off'>({
  placeholder: 'ADDRESS:PORT|off',
  expected: 'an address and a port such as "127.0.0.1:5080", or "off"',
  read: (value) => (value === 'off' ? 'off' : typeof value === 'string' ? parseEndpoint(value) : undefined),
  show: (place) => quoted(place === 'off' ? 'off' : endpointText(place)),
});

function parseEndpoint(text: string): Endpoint | undefined {
  const [, bracketed, plain, portText = ''] = /^(?:\[([^\]]+)\]|([\d.]+)):(\d{1,5})$/.exec(text) ?? [];
  const address = IpAddress.parse(bracketed ?? plain ?? '');
  const number = Number(portText);
  if (address === undefined || address.isMulticast || address.isIPv4 === (bracketed !== undefined)) return undefined;
  return isPortNumber(number) ? { address, port: number } : undefined;
}
