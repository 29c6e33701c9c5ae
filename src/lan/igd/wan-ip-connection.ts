// WANIPConnection:1 and :2, one row per action: text → values → one question to the core → values, or a
// UPnP error (RFC 6970 §4.2). What a wish means and whether it is allowed is decided in interworking.

import type { PortNumber } from '../../base/port-number.ts';
import { ok, type Result, refused } from '../../base/result.ts';
import { inSeconds } from '../../base/time.ts';
import { escapeXml } from '../../base/xml.ts';
import type { ListedMapping } from '../../interworking/gateway.ts';
import type { CheckedArguments } from '../../upnp/control/argument-check.ts';
import type { ActionAnswer, ActionTable, Caller } from '../../upnp/control/controlled-service.ts';
import type { OutArguments } from '../../upnp/control/soap-response.ts';
import type { UpnpErrorCode } from '../../upnp/upnp-error.ts';
import { askerOf, type IgdContext } from './igd-context.ts';
import {
  DELETE_LENIENCY,
  NAME_LENIENCY,
  REQUEST_LENIENCY,
  readClosedPortName,
  readPortName,
  readPortSelection,
  readWish,
} from './port-mapping-arguments.ts';
import { upnpErrorOf } from './upnp-refusal.ts';

// The whole table would make an answer of half a megabyte; whoever wants more asks port range by port range.
const MAX_LISTED = 1000;

export function wanIpConnectionActions(context: IgdContext): ActionTable {
  const common = { ...connectionControlActions(context), ...mappingActions(context) };
  return context.igd === 1 ? common : { ...common, ...actionsOfVersion2(context) };
}

function mappingActions(context: IgdContext): ActionTable {
  const { gateway, igd } = context;
  return {
    GetGenericPortMappingEntry: {
      handle: (given, caller) => {
        const found = gateway.entryAt(askerOf(caller, igd), given.integer('NewPortMappingIndex'));
        return found.ok
          ? ok({ ...nameOf(found.value), ...contentOf(found.value) })
          : refused(upnpErrorOf(found.error, 'GetGenericPortMappingEntry', igd));
      },
    },
    GetSpecificPortMappingEntry: {
      ...NAME_LENIENCY,
      handle: async (given, caller) => {
        const found = await gateway.entryOf(askerOf(caller, igd), readPortName(given));
        return found.ok
          ? ok(contentOf(found.value))
          : refused(upnpErrorOf(found.error, 'GetSpecificPortMappingEntry', igd));
      },
    },
    AddPortMapping: {
      ...REQUEST_LENIENCY,
      handle: async (given, caller) => {
        const opened = await openPort(context, given, caller, 'AddPortMapping');
        return opened.ok ? ok({}) : opened;
      },
    },
    DeletePortMapping: {
      ...DELETE_LENIENCY,
      handle: async (given, caller) => {
        const closed = await gateway.closePort(askerOf(caller, igd), readClosedPortName(given));
        return closed.ok ? ok({}) : refused(upnpErrorOf(closed.error, 'DeletePortMapping', igd));
      },
    },
    GetExternalIPAddress: {
      handle: async (_given, caller) => {
        const address = await gateway.externalAddress(askerOf(caller, igd));
        // WANIPConnection:2 §2.2.11: empty while it is unknown.
        return ok({ NewExternalIPAddress: address?.text ?? '' });
      },
    },
  };
}

/** What version 2 has and version 1 has not. */
export function actionsOfVersion2(context: IgdContext): ActionTable {
  const { gateway, igd } = context;
  return {
    AddAnyPortMapping: {
      ...REQUEST_LENIENCY,
      handle: async (given, caller) => {
        const opened = await openPort(context, given, caller, 'AddAnyPortMapping');
        return opened.ok ? ok({ NewReservedPort: opened.value }) : opened;
      },
    },
    DeletePortMappingRange: {
      handle: async (given, caller) => {
        const selection = readPortSelection(given);
        if (!selection.ok) return selection;
        const closed = await gateway.closePorts(askerOf(caller, igd), selection.value);
        return closed.ok ? ok({}) : refused(upnpErrorOf(closed.error, 'DeletePortMappingRange', igd));
      },
    },
    GetListOfPortMappings: {
      handle: (given, caller) => {
        const selection = readPortSelection(given);
        if (!selection.ok) return selection;
        const wanted = given.integer('NewNumberOfPorts');
        const most = wanted === 0 ? MAX_LISTED : Math.min(wanted, MAX_LISTED);
        const found = gateway.entries(askerOf(caller, igd), selection.value, most);
        return found.ok
          ? ok({ NewPortListing: { cdata: portListing(found.value) } })
          : refused(upnpErrorOf(found.error, 'GetListOfPortMappings', igd));
      },
    },
  };
}

async function openPort(
  context: IgdContext,
  given: CheckedArguments,
  caller: Caller,
  action: 'AddPortMapping' | 'AddAnyPortMapping',
): Promise<Result<PortNumber, UpnpErrorCode>> {
  const asker = askerOf(caller, context.igd);
  const wish = await readWish(given, asker, context, action === 'AddPortMapping');
  if (!wish.ok) return wish;
  const opened = await context.gateway.openPort(asker, wish.value);
  return opened.ok ? opened : refused(upnpErrorOf(opened.error, action, context.igd));
}

function nameOf(mapping: ListedMapping): OutArguments {
  return {
    NewRemoteHost: mapping.remoteHost,
    NewExternalPort: mapping.externalPort,
    NewProtocol: mapping.protocol,
  };
}

function contentOf(mapping: ListedMapping): OutArguments {
  return {
    NewInternalPort: mapping.internalPort,
    NewInternalClient: mapping.internalClient.text,
    // RFC 6970 §4.1: PCP holds no disabled mappings. What waits for the server is shown as one: it is not open.
    NewEnabled: mapping.isEnabled,
    NewPortMappingDescription: mapping.description,
    NewLeaseDuration: mapping.leaseSeconds,
  };
}

export function wanIpConnectionVariable(context: IgdContext, name: string): string | undefined {
  const { known } = context.gateway;
  switch (name) {
    case 'ConnectionType':
    case 'PossibleConnectionTypes':
      return CONNECTION_TYPE;
    case 'ConnectionStatus':
      return known.connection().status;
    case 'LastConnectionError':
      return known.connection().lastError;
    case 'Uptime':
      return String(uptimeSeconds(context));
    case 'RSIPAvailable':
      return '0';
    case 'NATEnabled':
      return '1';
    case 'ExternalIPAddress':
      return known.externalAddress()?.text ?? '';
    case 'PortMappingNumberOfEntries':
      return String(known.numberOfEntries());
    case 'SystemUpdateID':
      return String(known.systemUpdateId());
    default:
      return undefined;
  }
}

// The actions of WANIPConnection that concern the connection itself, not its ports (WANIPConnection:1 §2.4.1–§2.4.14,
// WANIPConnection:2 §2.5.1–§2.5.14). The carrier's line is not ours to switch: what would change it is refused with the
// code that says why, what asks about it is answered.

const CONNECTION_TYPE = 'IP_Routed';

function connectionControlActions(context: IgdContext): ActionTable {
  return {
    SetConnectionType: { handle: (given) => setConnectionType(context, given.string('NewConnectionType')) },
    GetConnectionTypeInfo: {
      handle: () => ok({ NewConnectionType: CONNECTION_TYPE, NewPossibleConnectionTypes: CONNECTION_TYPE }),
    },
    RequestConnection: { handle: () => requestConnection(context) },
    RequestTermination: { handle: () => terminate(context) },
    ForceTermination: { handle: () => terminate(context) },
    SetAutoDisconnectTime: { handle: () => refused(notPermitted(context)) },
    SetIdleDisconnectTime: { handle: () => refused(notPermitted(context)) },
    SetWarnDisconnectDelay: { handle: () => refused(notPermitted(context)) },
    GetStatusInfo: { handle: () => getStatusInfo(context) },
    // 0: it is never taken down for lack of use.
    GetAutoDisconnectTime: { handle: () => ok({ NewAutoDisconnectTime: 0 }) },
    GetIdleDisconnectTime: { handle: () => ok({ NewIdleDisconnectTime: 0 }) },
    GetWarnDisconnectDelay: { handle: () => ok({ NewWarnDisconnectDelay: 0 }) },
    GetNATRSIPStatus: { handle: () => ok({ NewRSIPAvailable: false, NewNATEnabled: true }) },
  };
}

/** WANIPConnection:2 §2.3.4 keeps these from control points that have not proved who they are; version 1 has no 606. */
const notPermitted = (context: IgdContext): 501 | 606 => (context.igd === 2 ? 606 : 501);

const isConnected = (context: IgdContext): boolean => context.gateway.known.connection().status === 'Connected';

function setConnectionType(context: IgdContext, wanted: string): ActionAnswer {
  if (context.igd === 2) return refused(606);
  if (wanted === CONNECTION_TYPE) return ok({});
  // WANIPConnection:1 §2.4.1: only an inactive connection changes its type.
  return refused(isConnected(context) ? 703 : 501);
}

function requestConnection(context: IgdContext): ActionAnswer {
  if (context.igd === 2) return refused(606);
  return isConnected(context) ? ok({}) : refused(704);
}

function terminate(context: IgdContext): ActionAnswer {
  if (context.igd === 2) return refused(606);
  return refused(isConnected(context) ? 501 : 711);
}

async function getStatusInfo(context: IgdContext): Promise<ActionAnswer> {
  const { status, lastError } = await context.gateway.connection();
  return ok({ NewConnectionStatus: status, NewLastConnectionError: lastError, NewUptime: uptimeSeconds(context) });
}

/** WANIPConnection:2 §2.2.4: counts while connected, and only then. */
function uptimeSeconds(context: IgdContext): number {
  return isConnected(context) ? Math.floor(inSeconds(context.gateway.known.connection().uptime)) : 0;
}

// The XML inside NewPortListing (WANIPConnection:2 §2.5.21): its children have names of their own, NewDescription and
// NewLeaseTime, unlike the arguments of every other action.

const NAMESPACE = 'urn:schemas-upnp-org:gw:WANIPConnection';
const HEAD =
  `<p:PortMappingList xmlns:p="${NAMESPACE}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ` +
  `xsi:schemaLocation="${NAMESPACE} http://www.upnp.org/schemas/gw/WANIPConnection-v2.xsd">`;

function portListing(mappings: readonly ListedMapping[]): string {
  return `${HEAD}${mappings.map(entry).join('')}</p:PortMappingList>`;
}

function entry(mapping: ListedMapping): string {
  return [
    '<p:PortMappingEntry>',
    element('NewRemoteHost', mapping.remoteHost),
    element('NewExternalPort', String(mapping.externalPort)),
    element('NewProtocol', mapping.protocol),
    element('NewInternalPort', String(mapping.internalPort)),
    element('NewInternalClient', mapping.internalClient.text),
    element('NewEnabled', mapping.isEnabled ? '1' : '0'),
    element('NewDescription', mapping.description),
    element('NewLeaseTime', String(mapping.leaseSeconds)),
    '</p:PortMappingEntry>',
  ].join('');
}

const element = (name: string, text: string): string => `<p:${name}>${escapeXml(text)}</p:${name}>`;
