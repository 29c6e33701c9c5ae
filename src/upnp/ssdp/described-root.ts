// What SSDP announces is read off the description that is served: the two cannot disagree.

import { type DeviceDescription, devicesWithin } from '../description/device-description.ts';
import type { AdvertisedDevice, AdvertisedRoot } from './advertised-root.ts';

export function describedRoot(
  description: DeviceDescription,
  descriptionPath: string,
  rank: AdvertisedRoot['rank'],
): AdvertisedRoot {
  const [, ...embedded] = devicesWithin(description);
  return { rank, descriptionPath, root: advertised(description), embedded: embedded.map(advertised) };
}

const advertised = (device: DeviceDescription): AdvertisedDevice => ({
  // Searches are compared in lower case (UDA 1.1 §1.1.4: case does not matter in a UUID).
  udn: device.udn.toLowerCase(),
  deviceType: device.deviceType,
  serviceTypes: device.services.map((service) => service.serviceType),
});
