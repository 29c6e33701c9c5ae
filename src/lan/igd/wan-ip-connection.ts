// WANIPConnection:1 and :2, one row per action: text → values → one question to the core → values, or a
// UPnP error (RFC 6970 §4.2). What a wish means and whether it is allowed is decided in interworking.

import type { PortNumber } from '../../base/port-number.ts';
import { ok, type Result, refused } from '../../base/result.ts';
import type { ListedMapping } from '../../interworking/gateway.ts';
import type { CheckedArguments } from '../../upnp/control/argument-check.ts';
import type { ActionTable, Caller } from '../../upnp/control/controlled-service.ts';
import type { OutArguments } from '../../upnp/control/soap-response.ts';
import type { UpnpErrorCode } from '../../upnp/upnp-error.ts';
import { CONNECTION_TYPE, connectionControlActions, uptimeSeconds } from './connection-control.ts';
import { askerOf, type IgdContext } from './igd-context.ts';
import { portListing } from './port-listing.ts';
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
