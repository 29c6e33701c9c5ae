// What a root device lets the network know about itself (UDA 1.1 §1.2.2): which devices and services it has and where
// its description is. No addresses and no timing here.

export interface AdvertisedDevice {
  /** "uuid:" and the UUID in lower case. */
  readonly udn: string;
  readonly deviceType: string;
  readonly serviceTypes: readonly string[];
}

export interface AdvertisedRoot {
  /**
   * The `first` root answers for the whole box. A `second` one stands beside it and answers only what the first cannot,
   * and never as "a root device": a control point that looks for any gateway must not find, and map through, two.
   */
  readonly rank: 'first' | 'second';
  /** Path on the LAN listener, e.g. "/igd1.xml". */
  readonly descriptionPath: string;
  readonly root: AdvertisedDevice;
  readonly embedded: readonly AdvertisedDevice[];
}

export const ROOT_DEVICE = 'upnp:rootdevice';

/** One thing that is announced and found: its notification type and the unique service name that goes with it. */
export interface Advertisement {
  readonly type: string;
  readonly usn: string;
}

/** UDA 1.1 §1.2.2, tables 1-1 to 1-3: three for the root, two per embedded device, one per service type of a device. */
export function advertisementsOf(root: AdvertisedRoot): readonly Advertisement[] {
  const all: Advertisement[] = [];
  if (root.rank === 'first') all.push(typed(root.root, ROOT_DEVICE));
  for (const device of devicesOf(root))
    all.push({ type: device.udn, usn: device.udn }, typed(device, device.deviceType));
  for (const device of devicesOf(root)) {
    for (const serviceType of new Set(device.serviceTypes)) all.push(typed(device, serviceType));
  }
  return all;
}

export const devicesOf = (root: AdvertisedRoot): readonly AdvertisedDevice[] => [root.root, ...root.embedded];

export const typed = (device: AdvertisedDevice, type: string): Advertisement => ({
  type,
  usn: `${device.udn}::${type}`,
});
