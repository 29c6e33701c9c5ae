// One InternetGatewayDevice: its description with the blanks filled, and a live service for each service described.
// The description is read back from the text that is served, so tree, URLs and handlers cannot disagree with it.

import type { Gateway } from '../../interworking/gateway.ts';
import { UDA_1_0_REFUSALS, UDA_1_1_REFUSALS } from '../../upnp/control/argument-check.ts';
import type { ActionTable, ControlledService } from '../../upnp/control/controlled-service.ts';
import {
  compactDescription,
  type DescribedService,
  type DeviceDescription,
  devicesWithin,
  parseDeviceDescription,
} from '../../upnp/description/device-description.ts';
import { parseServiceDescription, type ServiceDescription } from '../../upnp/description/service-description.ts';
import type { EventedService } from '../../upnp/eventing/subscription.ts';
import { deviceProtectionActions, deviceProtectionVariable } from './device-protection.ts';
import { eventedService } from './evented-variables.ts';
import type { ConnectionPlace, IgdContext, IgdVersion } from './igd-context.ts';
import { type DescriptorTexts, SCPD_NAMES } from './igd-descriptors.ts';
import { layer3ForwardingActions, layer3ForwardingVariable } from './layer3-forwarding.ts';
import type { NameLookups } from './name-lookups.ts';
import { wanCommonInterfaceConfigActions, wanCommonInterfaceConfigVariable } from './wan-common-interface-config.ts';
import { actionsOfVersion2, wanIpConnectionActions, wanIpConnectionVariable } from './wan-ip-connection.ts';
import type { WanLink } from './wan-link.ts';

export interface IgdDevice {
  readonly root: DeviceDescription;
  readonly description: DescriptionText;
  readonly services: readonly IgdService[];
}

/** Ready to be served, but for the page's URL: it names the address that was asked (UDA 1.1 §2.3). */
export type DescriptionText = (presentationUrl: string) => string;

interface IgdService {
  readonly described: DescribedService;
  readonly controlled: ControlledService;
  readonly evented: EventedService;
}

interface IgdDeviceParts {
  readonly igd: IgdVersion;
  readonly description: DescriptionText;
  readonly serviceDescriptions: ServiceDescriptions;
  readonly gateway: Gateway;
  readonly link: WanLink;
  readonly names: NameLookups;
}

export function createIgdDevice(parts: IgdDeviceParts): IgdDevice {
  const root = parseDeviceDescription(parts.description('/'));
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
  readonly undescribed?: { readonly scpdPath: string; readonly actions: (context: IgdContext) => ActionTable };
  readonly variable: (context: IgdContext, name: string) => string | undefined;
}

const WAN_IP_CONNECTION: Behaviour = { actions: wanIpConnectionActions, variable: wanIpConnectionVariable };

/** upnpc -n, -L and -N find an IGD:1 alone, and ask it for what only version 2 describes. */
const OF_VERSION_2 = { scpdPath: '/scpd/WANIPConnection2.xml', actions: actionsOfVersion2 };

const BEHAVIOURS: Readonly<Record<string, Behaviour>> = {
  'urn:schemas-upnp-org:service:WANIPConnection:1': { ...WAN_IP_CONNECTION, undescribed: OF_VERSION_2 },
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
    ...undescribedPart(behaviour, context, descriptions),
    variable: (name) => behaviour.variable(context, name),
  };
  return { described, controlled, evented: eventedService(described.eventPath, controlled) };
}

/** Who calls an action of version 2 expects its lease rules and its error codes. */
function undescribedPart(
  { undescribed }: Behaviour,
  context: IgdContext,
  descriptions: ServiceDescriptions,
): Pick<ControlledService, 'undescribed'> {
  if (undescribed === undefined) return {};
  const refusals = UDA_1_1_REFUSALS;
  const description = descriptions.meaning(undescribed.scpdPath);
  return { undescribed: { description, refusals, actions: undescribed.actions({ ...context, igd: 2, refusals }) } };
}

function findConnection(root: DeviceDescription): ConnectionPlace {
  for (const device of devicesWithin(root)) {
    const service = device.services.find(({ serviceType }) => serviceType.includes(':WANIPConnection:'));
    if (service === undefined) continue;
    return { udn: device.udn, device: device.deviceType.split(':').slice(-2).join(':'), serviceId: service.serviceId };
  }
  throw new Error('the description has no WANIPConnection');
}

// The service descriptions by the path they are served under: the text for control points, the meaning for us.
// Both devices share some, so each is read once, and only when a device needs it.

export class ServiceDescriptions {
  readonly #texts: ReadonlyMap<string, string>;
  readonly #read = new Map<string, ServiceDescription>();

  constructor(scpd: DescriptorTexts['scpd']) {
    this.#texts = new Map(SCPD_NAMES.map((name) => [`/scpd/${name}.xml`, compactDescription(scpd[name])]));
  }

  text(path: string): string | undefined {
    return this.#texts.get(path);
  }

  /** Throws when there is none, or it makes no sense: the files are our own. */
  meaning(path: string): ServiceDescription {
    const known = this.#read.get(path);
    if (known !== undefined) return known;
    const text = this.#texts.get(path);
    if (text === undefined) throw new Error(`there is no ${path}`);
    const parsed = parseServiceDescription(text);
    if (!parsed.ok) throw new Error(`${path}: ${parsed.error}`);
    this.#read.set(path, parsed.value);
    return parsed.value;
  }
}
