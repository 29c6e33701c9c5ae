// Two gateways as one box offers them side by side, for the SSDP tests.

import type { AdvertisedRoot } from '../../../src/upnp/ssdp/advertised-root.ts';
import type { SsdpSpeaker } from '../../../src/upnp/ssdp/ssdp-messages.ts';

const device = (type: string, version: number): string => `urn:schemas-upnp-org:device:${type}:${version}`;
const service = (type: string, version: number): string => `urn:schemas-upnp-org:service:${type}:${version}`;
const udn = (digit: string): string => `uuid:${digit.repeat(8)}-1111-4111-8111-111111111111`;

export const IGD1: AdvertisedRoot = {
  rank: 'first',
  descriptionPath: '/igd1.xml',
  root: {
    udn: udn('a'),
    deviceType: device('InternetGatewayDevice', 1),
    serviceTypes: [service('Layer3Forwarding', 1)],
  },
  embedded: [
    { udn: udn('b'), deviceType: device('WANDevice', 1), serviceTypes: [service('WANCommonInterfaceConfig', 1)] },
    { udn: udn('c'), deviceType: device('WANConnectionDevice', 1), serviceTypes: [service('WANIPConnection', 1)] },
  ],
};

export const IGD2: AdvertisedRoot = {
  rank: 'second',
  descriptionPath: '/igd2.xml',
  root: {
    udn: udn('d'),
    deviceType: device('InternetGatewayDevice', 2),
    serviceTypes: [service('Layer3Forwarding', 1), service('DeviceProtection', 1)],
  },
  embedded: [
    { udn: udn('e'), deviceType: device('WANDevice', 2), serviceTypes: [service('WANCommonInterfaceConfig', 1)] },
    { udn: udn('f'), deviceType: device('WANConnectionDevice', 2), serviceTypes: [service('WANIPConnection', 2)] },
  ],
};

export const IGD2_ALONE: AdvertisedRoot = { ...IGD2, rank: 'first' };

export const SPEAKER: SsdpSpeaker = {
  baseUrl: 'http://192.168.1.1:5000',
  server: 'Linux/6 UPnP/1.1 igd2pcp/0.1',
  bootId: 7,
  configId: 42,
};

/** Always the same fraction: what is random in production is exact here. */
export const always = (unit: number): { unit(): number } => ({ unit: () => unit });
