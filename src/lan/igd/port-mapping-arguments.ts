// The arguments of the port mapping actions become the values interworking works with. From here on no string is
// checked again. The order of the refusals is the one WANIPConnection:2 and its implementations agree on:
// wildcard client, host syntax, internal port 0, external port 0, and only then names that must be looked up.

import type { IpAddress } from '../../base/ip-address.ts';
import { ANY_PORT, type PortNumber, portNumber } from '../../base/port-number.ts';
import { ok, refused } from '../../base/result.ts';
import type { TransportProtocol } from '../../base/transport-protocol.ts';
import type {
  Answer,
  ControlPoint,
  DeletedPortMappingName,
  PortMappingName,
  PortMappingRequest,
  PortMappingSelection,
} from '../../interworking/gateway.ts';
import type { ArgumentLeniency, CheckedArguments } from '../../upnp/control/argument-check.ts';
import { checkHost, hostAddresses, remoteHostText } from './host-argument.ts';
import type { IgdContext } from './igd-context.ts';

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

export async function readPortMappingRequest(
  given: CheckedArguments,
  asker: ControlPoint,
  context: IgdContext,
  mayBeAnyPort: boolean,
): Promise<Answer<PortMappingRequest>> {
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
  if (externalPort === ANY_PORT && !mayBeAnyPort) return refused(716);

  const remotePeers = remoteHost === '' ? ok([]) : await hostAddresses(remoteHost, context);
  if (!remotePeers.ok) return remotePeers;
  const clients = await hostAddresses(client, context);
  if (!clients.ok) return clients;
  return ok({
    protocol: readProtocol(given),
    externalPort,
    remoteHost,
    remotePeers: remotePeers.value,
    internalClient: preferred(clients.value, asker.address),
    internalPort,
    isEnabled: given.boolean('NewEnabled'),
    description: shortened(given.string('NewPortMappingDescription')),
    leaseSeconds: given.integer('NewLeaseDuration'),
  });
}

export function readPortMappingName(given: CheckedArguments): PortMappingName {
  return {
    protocol: readProtocol(given),
    externalPort: readPort(given, 'NewExternalPort'),
    remoteHost: remoteHostText(given.string('NewRemoteHost')),
  };
}

/** js-libp2p leaves the protocol empty. */
export function readDeletedPortMappingName(given: CheckedArguments): DeletedPortMappingName {
  return {
    protocol: given.string('NewProtocol') === '' ? undefined : readProtocol(given),
    externalPort: readPort(given, 'NewExternalPort'),
    remoteHost: remoteHostText(given.string('NewRemoteHost')),
  };
}

export function readPortMappingSelection(given: CheckedArguments): Answer<PortMappingSelection> {
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
