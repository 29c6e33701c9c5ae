// The arguments of the port mapping actions become the values interworking works with. From here on no string is
// checked again. The order of the refusals is the one WANIPConnection:2 and its implementations agree on:
// wildcard client, host syntax, internal port 0, external port 0, and only then names that must be looked up.

import { IpAddress } from '../../base/ip-address.ts';
import { ANY_PORT, type PortNumber, portNumber } from '../../base/port-number.ts';
import { ok, type Result, refused } from '../../base/result.ts';
import type { TransportProtocol } from '../../base/transport-protocol.ts';
import type { Asker, ClosedPortName, PortName, PortSelection, Wish } from '../../interworking/gateway.ts';
import type { ArgumentLeniency, CheckedArguments } from '../../upnp/control/argument-check.ts';
import type { UpnpErrorCode } from '../../upnp/upnp-error.ts';
import type { IgdContext, IgdVersion } from './igd-context.ts';

/** Of the actions that make a mapping. Empty lease: nat-api; left out: hand-written clients. */
export const REQUEST_LENIENCY: ArgumentLeniency = {
  assumed: { NewRemoteHost: '', NewEnabled: '1', NewPortMappingDescription: '', NewLeaseDuration: '0' },
  // Internal port 0 is 732, and too long a lease is shortened, not refused.
  rangeIsHandlers: ['NewInternalPort', 'NewLeaseDuration'],
};

/** Of the actions that name a mapping. */
export const NAME_LENIENCY: ArgumentLeniency = { assumed: { NewRemoteHost: '' } };
export const DELETE_LENIENCY: ArgumentLeniency = { assumed: { NewRemoteHost: '', NewProtocol: '' } };

// Listed to other control points and shown to people: long enough for any client's name, short enough for a line.
const MAX_DESCRIPTION = 256;

export async function readWish(
  given: CheckedArguments,
  asker: Asker,
  context: IgdContext,
  isExact: boolean,
): Promise<Result<Wish, UpnpErrorCode>> {
  const client = given.string('NewInternalClient').trim();
  const remoteHost = remoteHostText(given.string('NewRemoteHost'));
  if (client === '' || client === '*' || client === '0.0.0.0') return refused(715);
  for (const host of remoteHost === '' ? [client] : [remoteHost, client]) {
    const checked = checkHost(host, context);
    if (!checked.ok) return checked;
  }
  const internalPort = readPort(given, 'NewInternalPort');
  const externalPort = readPort(given, 'NewExternalPort');
  // Version 1 has no code of its own for a wildcard here.
  if (internalPort === ANY_PORT) return refused(context.igd === 2 ? 732 : 402);
  if (externalPort === ANY_PORT && isExact) return refused(716);

  const remotePeers = remoteHost === '' ? ok([]) : await hostAddresses(remoteHost, context);
  if (!remotePeers.ok) return remotePeers;
  const clients = await hostAddresses(client, context);
  if (!clients.ok) return clients;
  // RFC 6970 §4.1: PCP has no disabled mapping.
  if (!given.boolean('NewEnabled')) return refused(501);
  return ok({
    protocol: readProtocol(given),
    externalPort,
    isExact,
    remoteHost,
    remotePeers: remotePeers.value,
    internalClient: preferred(clients.value, asker.address),
    internalPort,
    description: shortened(given.string('NewPortMappingDescription')),
    leaseSeconds: promisedLease(given.integer('NewLeaseDuration'), context.igd),
  });
}

/** A week: the most IGD:2 can promise (WANIPConnection:2 §2.2.19). */
const LONGEST_LEASE_SECONDS = 604_800;

/** IGD:1: 0 is endless. IGD:2: 0 is a week, and longer is shortened rather than refused: control points give up on 402. */
export function promisedLease(askedSeconds: number, igd: IgdVersion): number {
  if (igd === 1) return askedSeconds;
  return askedSeconds === 0 ? LONGEST_LEASE_SECONDS : Math.min(askedSeconds, LONGEST_LEASE_SECONDS);
}

export function readPortName(given: CheckedArguments): PortName {
  return {
    protocol: readProtocol(given),
    externalPort: readPort(given, 'NewExternalPort'),
    remoteHost: remoteHostText(given.string('NewRemoteHost')),
  };
}

/** js-libp2p leaves the protocol empty. */
export function readClosedPortName(given: CheckedArguments): ClosedPortName {
  return {
    protocol: given.string('NewProtocol') === '' ? undefined : readProtocol(given),
    externalPort: readPort(given, 'NewExternalPort'),
    remoteHost: remoteHostText(given.string('NewRemoteHost')),
  };
}

export function readPortSelection(given: CheckedArguments): Result<PortSelection, UpnpErrorCode> {
  const first = readPort(given, 'NewStartPort');
  const last = readPort(given, 'NewEndPort');
  if (first > last) return refused(733);
  return ok({ protocol: readProtocol(given), ports: { first, last }, manage: given.boolean('NewManage') });
}

// The description allows ui2 and TCP or UDP, and the arguments were checked by it.
const readPort = (given: CheckedArguments, name: string): PortNumber => portNumber(given.integer(name));

const readProtocol = (given: CheckedArguments): TransportProtocol =>
  given.string('NewProtocol') === 'TCP' ? 'TCP' : 'UDP';

/** A name may have several addresses; the asker's own is what it means. */
function preferred(clients: readonly IpAddress[], asker: IpAddress): IpAddress {
  const [first = asker] = clients;
  return clients.some((client) => client.equals(asker)) ? asker : first;
}

/** By code points: half a character would be dropped again when it is written. */
const shortened = (description: string): string =>
  description.length <= MAX_DESCRIPTION ? description : [...description].slice(0, MAX_DESCRIPTION).join('');

// NewRemoteHost and NewInternalClient: an IPv4 address, a host name to be resolved, or a wildcard
// (WANIPConnection:2 §2.2.15, §2.2.19; RFC 6970 §4.1).

/** Empty for everybody, else what was written. "*" and 0.0.0.0 are how some clients write "everybody". */
function remoteHostText(text: string): string {
  const host = text.trim();
  return host === '*' || host === '0.0.0.0' ? '' : host;
}

/** Whether it could be a host at all, before anybody is asked: 600 and 605 are said first. */
function checkHost(host: string, context: IgdContext): Result<void, UpnpErrorCode> {
  // RFC 1035 §2.3.4: no name is longer.
  if (host.length > 253) return refused(context.igd === 2 ? 605 : context.refusals.invalidValue);
  const address = IpAddress.parse(host);
  if (address !== undefined) return address.isIPv4 ? ok(undefined) : refused(context.refusals.invalidValue);
  return isHostName(host) ? ok(undefined) : refused(context.refusals.invalidValue);
}

// Each address becomes one FILTER option; a name with more of them is a service, not a peer.
const MAX_ADDRESSES = 4;

/** The IPv4 addresses of a host that passed `checkHost`. A name nobody knows: 402, on IGD:2 501. */
async function hostAddresses(host: string, context: IgdContext): Promise<Result<readonly IpAddress[], UpnpErrorCode>> {
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
