// The calls nearly every control point makes, in the order of the service description.

import type { Arguments, CallStep, ClientSearch, Need } from './client-profile.ts';

export const IGD_1 = 'urn:schemas-upnp-org:device:InternetGatewayDevice:1';
export const IGD_2 = 'urn:schemas-upnp-org:device:InternetGatewayDevice:2';
export const WAN_IP_1 = 'urn:schemas-upnp-org:service:WANIPConnection:1';
export const WAN_IP_2 = 'urn:schemas-upnp-org:service:WANIPConnection:2';
export const WAN_PPP_1 = 'urn:schemas-upnp-org:service:WANPPPConnection:1';
export const WAN_COMMON = 'urn:schemas-upnp-org:service:WANCommonInterfaceConfig:1';

export const SUCCESS: Need = { result: 'success' };
export const WHATEVER: Need = { result: 'whatever' };

export const addArguments = (protocol: string, description: string, lease: string): Arguments => [
  ['NewRemoteHost', ''],
  ['NewExternalPort', '{external}'],
  ['NewProtocol', protocol],
  ['NewInternalPort', '{internal}'],
  ['NewInternalClient', '{client}'],
  ['NewEnabled', '1'],
  ['NewPortMappingDescription', description],
  ['NewLeaseDuration', lease],
];

export const entryArguments = (protocol: string): Arguments => [
  ['NewRemoteHost', ''],
  ['NewExternalPort', '{external}'],
  ['NewProtocol', protocol],
];

export const add = (protocol: string, description: string, lease: string, more: Partial<CallStep> = {}): CallStep => ({
  kind: 'call',
  action: 'AddPortMapping',
  arguments: addArguments(protocol, description, lease),
  needs: SUCCESS,
  ...more,
});

export const deleteMapping = (protocol: string, needs: Need = SUCCESS): CallStep => ({
  kind: 'call',
  action: 'DeletePortMapping',
  arguments: entryArguments(protocol),
  needs,
});

export const getSpecific = (protocol: string, needs: Need): CallStep => ({
  kind: 'call',
  action: 'GetSpecificPortMappingEntry',
  arguments: entryArguments(protocol),
  needs,
});

/** The entry is there and it is ours. */
export const OURS: Need = {
  result: 'success',
  out: { NewInternalClient: ['{client}'], NewInternalPort: ['{internal}'] },
};

export const getExternalAddress: CallStep = {
  kind: 'call',
  action: 'GetExternalIPAddress',
  needs: { result: 'success', out: { NewExternalIPAddress: 'public address' } },
};

export const getStatus: CallStep = {
  kind: 'call',
  action: 'GetStatusInfo',
  needs: { result: 'success', out: { NewConnectionStatus: ['Connected', 'Up'] } },
};

export const getLinkProperties: CallStep = {
  kind: 'call',
  action: 'GetCommonLinkProperties',
  service: 'common',
  needs: { result: 'success', out: { NewPhysicalLinkStatus: 'present' } },
};

/** miniupnpc and what is built on it: stops at the first that answers. */
export const MINIUPNPC_SEARCHES: readonly ClientSearch[] = [IGD_1, WAN_IP_1, WAN_PPP_1, 'upnp:rootdevice'].map(
  (target) => ({ target, mx: 2 }),
);
