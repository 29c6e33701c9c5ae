// WANIPConnection:1 and :2, one row per action: text → values → the gateway's use-case → values (RFC 6970 §4.2).
// What a request means and whether it is allowed is decided in interworking.

import { ok } from '../../base/result.ts';
import type { ListedMapping } from '../../interworking/gateway.ts';
import type { CheckedArguments } from '../../upnp/control/argument-check.ts';
import type { ActionAnswer, ActionTable, Caller } from '../../upnp/control/controlled-service.ts';
import type { OutArguments } from '../../upnp/control/soap-response.ts';
import { CONNECTION_TYPE, connectionControlActions, uptimeSeconds } from './connection-control.ts';
import { controlPoint, type IgdContext } from './igd-context.ts';
import { portListing } from './port-listing.ts';
import {
  DELETE_LENIENCY,
  NAME_LENIENCY,
  REQUEST_LENIENCY,
  readDeletedPortMappingName,
  readPortMappingName,
  readPortMappingRequest,
  readPortMappingSelection,
} from './port-mapping-arguments.ts';

// The whole table would make an answer of half a megabyte; whoever wants more asks port range by port range.
const MAX_LISTED = 1000;

export function wanIpConnectionActions(context: IgdContext): ActionTable {
  const common = { ...connectionControlActions(context), ...mappingActions(context) };
  return context.igd === 1 ? common : { ...common, ...actionsOfVersion2(context) };
}

function mappingActions(context: IgdContext): ActionTable {
  const { gateway } = context;
  return {
    GetGenericPortMappingEntry: {
      handle: (given, caller) => {
        const index = given.integer('NewPortMappingIndex');
        const found = gateway.getGenericPortMappingEntry(controlPoint(caller, context.igd), index);
        return found.ok ? ok({ ...nameOf(found.value), ...contentOf(found.value) }) : found;
      },
    },
    GetSpecificPortMappingEntry: {
      ...NAME_LENIENCY,
      handle: async (given, caller) => {
        const name = readPortMappingName(given);
        const found = await gateway.getSpecificPortMappingEntry(controlPoint(caller, context.igd), name);
        return found.ok ? ok(contentOf(found.value)) : found;
      },
    },
    AddPortMapping: { ...REQUEST_LENIENCY, handle: (given, caller) => addPortMapping(context, given, caller) },
    DeletePortMapping: {
      ...DELETE_LENIENCY,
      handle: async (given, caller) => {
        const name = readDeletedPortMappingName(given);
        const deleted = await gateway.deletePortMapping(controlPoint(caller, context.igd), name);
        return deleted.ok ? ok({}) : deleted;
      },
    },
    GetExternalIPAddress: {
      handle: async (_given, caller) => {
        const address = await gateway.externalAddress(controlPoint(caller, context.igd));
        // WANIPConnection:2 §2.2.11: empty while it is unknown.
        return ok({ NewExternalIPAddress: address?.text ?? '' });
      },
    },
  };
}

/** What version 2 has and version 1 has not. */
export function actionsOfVersion2(context: IgdContext): ActionTable {
  const { gateway } = context;
  return {
    AddAnyPortMapping: { ...REQUEST_LENIENCY, handle: (given, caller) => addAnyPortMapping(context, given, caller) },
    DeletePortMappingRange: {
      handle: async (given, caller) => {
        const selection = readPortMappingSelection(given);
        if (!selection.ok) return selection;
        const deleted = await gateway.deletePortMappingRange(controlPoint(caller, context.igd), selection.value);
        return deleted.ok ? ok({}) : deleted;
      },
    },
    GetListOfPortMappings: {
      handle: (given, caller) => {
        const selection = readPortMappingSelection(given);
        if (!selection.ok) return selection;
        const wanted = given.integer('NewNumberOfPorts');
        const most = wanted === 0 ? MAX_LISTED : Math.min(wanted, MAX_LISTED);
        const found = gateway.getListOfPortMappings(controlPoint(caller, context.igd), selection.value, most);
        return found.ok ? ok({ NewPortListing: { cdata: portListing(found.value) } }) : found;
      },
    },
  };
}

async function addPortMapping(context: IgdContext, given: CheckedArguments, caller: Caller): Promise<ActionAnswer> {
  const asker = controlPoint(caller, context.igd);
  const request = await readPortMappingRequest(given, asker, context, false);
  if (!request.ok) return request;
  const added = await context.gateway.addPortMapping(asker, request.value);
  return added.ok ? ok({}) : added;
}

async function addAnyPortMapping(context: IgdContext, given: CheckedArguments, caller: Caller): Promise<ActionAnswer> {
  const asker = controlPoint(caller, context.igd);
  const request = await readPortMappingRequest(given, asker, context, true);
  if (!request.ok) return request;
  const reserved = await context.gateway.addAnyPortMapping(asker, request.value);
  return reserved.ok ? ok({ NewReservedPort: reserved.value }) : reserved;
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
