// One InternetGatewayDevice: its description with the blanks filled, and a live service for each service described.
// The description is read back from the text that is served, so tree, URLs and handlers cannot disagree with it.

import type { Gateway } from '../interworking/gateway.ts';
import { UDA_1_0_REFUSALS, UDA_1_1_REFUSALS } from '../upnp/control/argument-check.ts';
import type { ActionTable, ControlledService } from '../upnp/control/controlled-service.ts';
import {
  type DescribedService,
  type DeviceDescription,
  devicesWithin,
  parseDeviceDescription,
} from '../upnp/description/device-description.ts';
import type { EventedService } from '../upnp/eventing/evented-service.ts';
import { deviceProtectionActions, deviceProtectionVariable } from './device-protection.ts';
import { eventedService } from './evented-variables.ts';
import type { ConnectionPlace, IgdContext, IgdVersion } from './igd-context.ts';
import { layer3ForwardingActions, layer3ForwardingVariable } from './layer3-forwarding.ts';
import type { NameLookups } from './name-lookups.ts';
import type { ServiceDescriptions } from './service-descriptions.ts';
import { wanCommonInterfaceConfigActions, wanCommonInterfaceConfigVariable } from './wan-common-interface-config.ts';
import { wanIpConnectionActions, wanIpConnectionVariable } from './wan-ip-connection.ts';
import type { WanLink } from './wan-link.ts';

export interface IgdDevice {
  readonly root: DeviceDescription;
  /** Ready to be served. */
  readonly description: string;
  readonly services: readonly IgdService[];
}

export interface IgdService {
  readonly described: DescribedService;
  readonly controlled: ControlledService;
  readonly evented: EventedService;
}

export interface IgdDeviceParts {
  readonly igd: IgdVersion;
  /** Blanks filled. */
  readonly description: string;
  readonly serviceDescriptions: ServiceDescriptions;
  readonly gateway: Gateway;
  readonly link: WanLink;
  readonly names: NameLookups;
}

export function createIgdDevice(parts: IgdDeviceParts): IgdDevice {
  const root = parseDeviceDescription(parts.description);
  if (!root.ok) throw new Error(`the description of IGD:${parts.igd} ${root.error}`);
  const context: IgdContext = {
    igd: parts.igd,
    gateway: parts.gateway,
    link: parts.link,
    names: parts.names,
    refusals: parts.igd === 1 ? UDA_1_0_REFUSALS : UDA_1_1_REFUSALS,
    connection: findConnection(root.value),
  };
  const services = devicesWithin(root.value).flatMap((device) =>
    device.services.map((described) => createService(described, context, parts.serviceDescriptions)),
  );
  return { root: root.value, description: parts.description, services };
}

interface Behaviour {
  readonly actions: (context: IgdContext) => ActionTable;
  readonly variable: (context: IgdContext, name: string) => string | undefined;
}

const WAN_IP_CONNECTION: Behaviour = { actions: wanIpConnectionActions, variable: wanIpConnectionVariable };

const BEHAVIOURS: Readonly<Record<string, Behaviour>> = {
  'urn:schemas-upnp-org:service:WANIPConnection:1': WAN_IP_CONNECTION,
  'urn:schemas-upnp-org:service:WANIPConnection:2': WAN_IP_CONNECTION,
  'urn:schemas-upnp-org:service:WANCommonInterfaceConfig:1': {
    actions: wanCommonInterfaceConfigActions,
    variable: wanCommonInterfaceConfigVariable,
  },
  'urn:schemas-upnp-org:service:Layer3Forwarding:1': {
    actions: layer3ForwardingActions,
    variable: layer3ForwardingVariable,
  },
  'urn:schemas-upnp-org:service:DeviceProtection:1': {
    actions: deviceProtectionActions,
    variable: deviceProtectionVariable,
  },
};

function createService(
  described: DescribedService,
  context: IgdContext,
  descriptions: ServiceDescriptions,
): IgdService {
  const behaviour = BEHAVIOURS[described.serviceType];
  if (behaviour === undefined) throw new Error(`nobody can act as ${described.serviceType}`);
  const controlled: ControlledService = {
    serviceType: described.serviceType,
    description: descriptions.meaning(described.scpdPath),
    actions: behaviour.actions(context),
    refusals: context.refusals,
    variable: (name) => behaviour.variable(context, name),
  };
  return { described, controlled, evented: eventedService(described.eventPath, controlled) };
}

function findConnection(root: DeviceDescription): ConnectionPlace {
  for (const device of devicesWithin(root)) {
    const service = device.services.find(({ serviceType }) => serviceType.includes(':WANIPConnection:'));
    if (service === undefined) continue;
    return { udn: device.udn, device: device.deviceType.split(':').slice(-2).join(':'), serviceId: service.serviceId };
  }
  throw new Error('the description has no WANIPConnection');
}
