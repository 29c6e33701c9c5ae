// Everything the box presents to the LAN: which devices are announced, which text each path serves, and the services
// behind the control and event URLs. Built once at start; the configuration's `igd` decides what is there.

import type { LinkState } from '../../base/host.ts';
import { type Endpoint, endpointText } from '../../base/ip-address.ts';
import type { Gateway } from '../../interworking/gateway.ts';
import type { ControlledService } from '../../upnp/control/controlled-service.ts';
import { compactDescription, devicesWithin, renderDescription } from '../../upnp/description/device-description.ts';
import type { EventedService } from '../../upnp/eventing/subscription.ts';
import type { AdvertisedDevice, AdvertisedRoot } from '../../upnp/ssdp/advertised-root.ts';
import type { IgdVersion } from './igd-context.ts';
import type { DescriptorTexts } from './igd-descriptors.ts';
import { createIgdDevice, type DescriptionText, type IgdDevice, ServiceDescriptions } from './igd-device.ts';
import { NameLookups, type Resolve } from './name-lookups.ts';
import { WanLink } from './wan-link.ts';

export interface IgdDevicesOptions {
  /** `[lan] igd` of the configuration. */
  readonly serve: 'auto' | '1' | '2';
  readonly descriptors: DescriptorTexts;
  readonly uuids: { readonly igd1: DeviceUuids; readonly igd2: DeviceUuids };
  readonly friendlyName: string;
  readonly version: string;
  readonly gateway: Gateway;
  /** Of the WAN interface; undefined where there is none to look at. */
  readonly linkState: () => Promise<LinkState | undefined>;
  /** Addresses of a host name; empty when it has none. */
  readonly resolve: Resolve;
}

/** Without "uuid:". Made once and kept: control points know a device by them (UDA 1.1 §1.1.4). */
export interface DeviceUuids {
  readonly root: string;
  readonly wan: string;
  readonly connection: string;
}

export interface IgdDevices {
  readonly advertised: readonly AdvertisedRoot[];
  /** CONFIGID.UPNP.ORG of all of them (UDA 1.1 §1.2.2). */
  readonly configId: number;
  /** What GET on a path of `local` shows to this client; undefined: nothing is there. */
  document(path: string, userAgent: string, local: Endpoint): string | undefined;
  /** By the path of their control URL. */
  readonly controlled: ReadonlyMap<string, ControlledService>;
  /** By the path of their event URL, for control points that mistake one for the other (KTorrent). */
  readonly controlledAtEventPath: ReadonlyMap<string, ControlledService>;
  /** By the path of their event URL. */
  readonly evented: ReadonlyMap<string, EventedService>;
  /** Every service type a client may rightly name, older versions included. */
  readonly serviceTypes: ReadonlySet<string>;
  /** Looks at the WAN link; then its evented state is up to date. */
  refreshLink(): Promise<void>;
}

export function createIgdDevices(options: IgdDevicesOptions): IgdDevices {
  const { serve, uuids } = options;
  const configId = configIdOf([
    JSON.stringify(options.descriptors),
    JSON.stringify(uuids),
    serve,
    options.friendlyName,
    options.version,
  ]);
  const serviceDescriptions = new ServiceDescriptions(options.descriptors.scpd);
  const names = new NameLookups(options.resolve);
  const link = new WanLink(options.linkState, options.gateway.known);
  const create = (igd: IgdVersion, of: DeviceUuids): IgdDevice =>
    createIgdDevice({
      igd,
      description: fillBlanks(options, igd, of, configId),
      serviceDescriptions,
      gateway: options.gateway,
      link,
      names,
    });
  // With "2" alone, the version 1 face belongs to the same device: it has the UUIDs that were announced.
  const version1 = create(1, serve === '2' ? uuids.igd2 : uuids.igd1);
  const version2 = serve === '1' ? undefined : create(2, uuids.igd2);
  const services = [version1, version2].flatMap((device) => device?.services ?? []);
  return {
    advertised: advertisedRoots(serve, version1, version2),
    configId,
    document: documentsOf(serve, serviceDescriptions, version1, version2),
    controlled: new Map(services.map(({ described, controlled }) => [described.controlPath, controlled])),
    controlledAtEventPath: new Map(services.map(({ described, controlled }) => [described.eventPath, controlled])),
    evented: new Map(services.map(({ evented }) => [evented.path, evented])),
    serviceTypes: new Set(services.flatMap(({ described }) => withOlderVersions(described.serviceType))),
    refreshLink: async () => {
      await link.refresh();
    },
  };
}

function fillBlanks(
  options: IgdDevicesOptions,
  igd: IgdVersion,
  uuids: DeviceUuids,
  configId: number,
): DescriptionText {
  const blanks = {
    friendlyName: options.friendlyName,
    version: options.version,
    rootUuid: uuids.root.toLowerCase(),
    wanUuid: uuids.wan.toLowerCase(),
    connectionUuid: uuids.connection.toLowerCase(),
  };
  const template = compactDescription(options.descriptors[igd === 1 ? 'igd1' : 'igd2']);
  // UDA 1.1 §2.3 has the attribute, UDA 1.0 has not.
  const more = igd === 1 ? {} : { configId: String(configId) };
  return (presentationUrl) => renderDescription(template, { ...blanks, ...more, presentationUrl });
}

const DESCRIPTION_1 = '/igd1.xml';
const DESCRIPTION_2 = '/igd2.xml';

function advertisedRoots(
  serve: IgdDevicesOptions['serve'],
  version1: IgdDevice,
  version2: IgdDevice | undefined,
): readonly AdvertisedRoot[] {
  const roots: AdvertisedRoot[] = [];
  if (serve !== '2') roots.push(advertisedRoot('first', DESCRIPTION_1, version1));
  if (version2 !== undefined) roots.push(advertisedRoot(serve === '2' ? 'first' : 'second', DESCRIPTION_2, version2));
  return roots;
}

function advertisedRoot(rank: AdvertisedRoot['rank'], descriptionPath: string, device: IgdDevice): AdvertisedRoot {
  const [root, ...embedded] = devicesWithin(device.root).map(
    ({ udn, deviceType, services }): AdvertisedDevice => ({
      udn,
      deviceType,
      serviceTypes: services.map(({ serviceType }) => serviceType),
    }),
  );
  if (root === undefined) throw new Error('a device tree has at least its root');
  return { rank, descriptionPath, root, embedded };
}

function documentsOf(
  serve: IgdDevicesOptions['serve'],
  serviceDescriptions: ServiceDescriptions,
  version1: IgdDevice,
  version2: IgdDevice | undefined,
): IgdDevices['document'] {
  const documents = new Map<string, DescriptionText>();
  if (serve !== '2') documents.set(DESCRIPTION_1, version1.description);
  if (version2 !== undefined) documents.set(DESCRIPTION_2, version2.description);
  return (path, userAgent, local) => {
    const isForOldEyes = serve === '2' && path === DESCRIPTION_2 && needsIgd1(userAgent);
    const description = isForOldEyes ? version1.description : documents.get(path);
    return description?.(`http://${endpointText(local)}/`) ?? serviceDescriptions.text(path);
  };
}

/** UDA 1.1 §2.3: a service of version n is one of every version below, too. */
function withOlderVersions(serviceType: string): readonly string[] {
  const colon = serviceType.lastIndexOf(':');
  const version = Number(serviceType.slice(colon + 1));
  return Array.from({ length: version }, (_, i) => `${serviceType.slice(0, colon)}:${i + 1}`);
}

// The configuration number of the descriptions (CONFIGID.UPNP.ORG, UDA 1.1 §1.2.2): another number whenever a text
// changes, the same one after a restart. A short hash does both.

// UDA 1.1 §1.2.2: 0 to 2^24 - 1 are free for devices to choose from.
const BITS = 24;

/** FNV-1a, folded to 24 bits. */
function configIdOf(texts: readonly string[]): number {
  let hash = 0x811c_9dc5;
  for (const text of texts) {
    for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x0100_0193);
    // A separator no text contains, so that moving a character from one text to the next is a change, too.
    hash = Math.imul(hash ^ 0x1_0000, 0x0100_0193);
  }
  return ((hash >>> BITS) ^ hash) & (2 ** BITS - 1);
}

// Which clients stop at anything newer than InternetGatewayDevice:1: Windows, Xbox and the "FDSSDP" of Windows' function
// discovery read an IGD:2 description and go away. miniupnpd tells them apart by the same words.

function needsIgd1(userAgent: string): boolean {
  return /microsoft/i.test(userAgent) || userAgent.includes('FDSSDP');
}
