// The daemon in the terms of TR-181 (Device:2), for those who manage many boxes: Device.PCP.Client.1 with its servers and
// inbound mappings, UPnPIWF for the interworking itself, Device.UPnP.Device for the LAN side. Names and types are the
// data model's; what we do not know is left out.

import { inSeconds } from '../base/time.ts';
import { isLive, type MappingView } from './mapping-view.ts';
import type { ServerView, Snapshot } from './operator-source.ts';

export type Tr181Value = string | number | boolean;

/** Full parameter names, in the data model's order. */
export function tr181Of(snapshot: Snapshot): Readonly<Record<string, Tr181Value>> {
  const client = 'Device.PCP.Client.1.';
  const servers = snapshot.servers;
  // Without a NAT of our own every request names a LAN host (THIRD_PARTY).
  const namesHosts = snapshot.wan.nat === 'none';
  const isServed = snapshot.lan.some((lan) => lan.problem === undefined);
  return {
    'Device.UPnP.Device.Enable': true,
    'Device.UPnP.Device.UPnPIGD': isServed,
    'Device.PCP.Enable': true,
    'Device.PCP.SupportedVersions': '0,2',
    'Device.PCP.OptionList': '1,2,3',
    'Device.PCP.ClientNumberOfEntries': 1,
    [`${client}Enable`]: true,
    [`${client}WANInterface`]: snapshot.wan.interfaceName,
    [`${client}Status`]: statusOf(snapshot),
    [`${client}MAPEnable`]: true,
    [`${client}PEEREnable`]: false,
    [`${client}ANNOUNCEEnable`]: true,
    [`${client}THIRDPARTYEnable`]: namesHosts,
    [`${client}THIRDPARTYStatus`]: namesHosts ? 'Enabled' : 'Disabled',
    [`${client}FILTEREnable`]: true,
    [`${client}UPnPIWF.Enable`]: true,
    [`${client}UPnPIWF.Status`]: isServed ? 'Enabled' : 'Error',
    [`${client}ServerNumberOfEntries`]: servers.length,
    ...Object.fromEntries(
      servers.flatMap((server, index) => serverRows(`${client}Server.${index + 1}.`, server, snapshot)),
    ),
  };
}

function statusOf(snapshot: Snapshot): string {
  const current = snapshot.servers.find((server) => server.isCurrent);
  if (current === undefined) return 'Error_Misconfigured';
  return current.health === 'down' ? 'Error' : 'Enabled';
}

const SERVER_STATUS: Readonly<Record<ServerView['health'], string>> = {
  up: 'Enabled',
  unknown: 'Disabled',
  down: 'Error',
};

function serverRows(path: string, server: ServerView, snapshot: Snapshot): [string, Tr181Value][] {
  const mappings = server.isCurrent ? snapshot.mappings.filter(isLive) : [];
  const rows: [string, Tr181Value][] = [
    [`${path}Enable`, true],
    [`${path}Status`, SERVER_STATUS[server.health]],
    [`${path}ServerNameOrAddress`, server.addresses[0] ?? server.id],
    [`${path}ServerAddressInUse`, server.addresses[0] ?? ''],
    [`${path}AdditionalServerAddresses`, server.addresses.slice(1).join(',')],
  ];
  if (server.version !== undefined) rows.push([`${path}CurrentVersion`, server.version === 'NAT-PMP' ? 0 : 2]);
  if (server.isCurrent && snapshot.externalAddress !== undefined) {
    rows.push([`${path}ExternalIPAddress`, snapshot.externalAddress]);
  }
  const abilities = Object.entries(server.abilities).filter(([, can]) => can === 'yes');
  rows.push([`${path}Capabilities`, abilities.map(([name]) => name).join(',')]);
  rows.push([`${path}InboundMappingNumberOfEntries`, mappings.length]);
  for (const [index, mapping] of mappings.entries()) {
    rows.push(...mappingRows(`${path}InboundMapping.${index + 1}.`, mapping, snapshot));
  }
  return rows;
}

function mappingRows(path: string, mapping: MappingView, snapshot: Snapshot): [string, Tr181Value][] {
  const isOpen = mapping.state === 'granted' || mapping.state === 'degraded';
  return [
    [`${path}Enable`, true],
    [`${path}Status`, isOpen ? 'Enabled' : 'Error'],
    [`${path}ErrorCode`, 0],
    [`${path}Origin`, mapping.action === 'operator' ? 'Static' : 'UPnP_IWF'],
    [`${path}Lifetime`, Math.round(inSeconds(mapping.lifetimeLeft))],
    [`${path}SuggestedExternalIPAddress`, mapping.externalAddress],
    [`${path}SuggestedExternalPort`, mapping.externalPort],
    [`${path}InternalPort`, mapping.nat1Port ?? mapping.internalPort],
    [`${path}ProtocolNumber`, mapping.protocol === 'TCP' ? 6 : 17],
    [`${path}ThirdPartyAddress`, snapshot.wan.nat === 'none' ? mapping.internalClient : ''],
    [`${path}AssignedExternalIPAddress`, mapping.externalAddress],
    [`${path}AssignedExternalPort`, mapping.assignedPort],
    [`${path}Description`, mapping.description],
  ];
}
