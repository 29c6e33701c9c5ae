// What a device description (UDA 1.1 §2.3) says: a tree of devices, each with its services and their URLs.
// Read from the very text that is served: what SSDP announces and HTTP routes is what the description shows.

import type { HttpRequest, HttpResponse } from '../../base/http.ts';
import { ok, type Result, refused } from '../../base/result.ts';
import type { WallTime } from '../../base/time.ts';
import { childNamed, childrenNamed, childText, escapeXml, parseXml, type XmlElement } from '../../base/xml.ts';
import { upnpHeaders, XML_CONTENT_TYPE } from '../upnp-headers.ts';

const DEVICE_NAMESPACE = 'urn:schemas-upnp-org:device-1-0';

export interface DeviceDescription {
  readonly deviceType: string;
  readonly friendlyName: string;
  /** "uuid:" and the UUID. */
  readonly udn: string;
  readonly services: readonly DescribedService[];
  readonly devices: readonly DeviceDescription[];
}

/** The URLs are paths: the same description serves every LAN address. */
export interface DescribedService {
  readonly serviceType: string;
  readonly serviceId: string;
  readonly scpdPath: string;
  readonly controlPath: string;
  readonly eventPath: string;
}

// Three devices with four or five services make about 150 tags.
const LIMITS = { characters: 65_536, tags: 1024 };

export function parseDeviceDescription(text: string): Result<DeviceDescription, string> {
  const parsed = parseXml(text, LIMITS);
  if (!parsed.ok) return parsed;
  const root = parsed.value;
  if (root.name !== 'root' || root.namespace !== DEVICE_NAMESPACE) return refused('is not a device description');
  const device = childNamed(root, 'device');
  return device === undefined ? refused('describes no device') : readDevice(device);
}

/** The device and everything embedded in it, parents first. */
export function devicesWithin(device: DeviceDescription): readonly DeviceDescription[] {
  return [device, ...device.devices.flatMap(devicesWithin)];
}

function readDevice(element: XmlElement): Result<DeviceDescription, string> {
  const deviceType = childText(element, 'deviceType') ?? '';
  const udn = childText(element, 'UDN') ?? '';
  if (deviceType === '' || !udn.startsWith('uuid:')) return refused('a device has no type or no UDN');
  const services: DescribedService[] = [];
  for (const child of childrenNamed(childNamed(element, 'serviceList'), 'service')) {
    const service = readService(child);
    if (!service.ok) return refused(`${deviceType}: ${service.error}`);
    services.push(service.value);
  }
  const devices: DeviceDescription[] = [];
  for (const child of childrenNamed(childNamed(element, 'deviceList'), 'device')) {
    const device = readDevice(child);
    if (!device.ok) return device;
    devices.push(device.value);
  }
  return ok({ deviceType, friendlyName: childText(element, 'friendlyName') ?? '', udn, services, devices });
}

function readService(element: XmlElement): Result<DescribedService, string> {
  const texts = ['serviceType', 'serviceId', 'SCPDURL', 'controlURL', 'eventSubURL'].map((name) =>
    childText(element, name),
  );
  const [serviceType, serviceId, scpdPath, controlPath, eventPath] = texts;
  if (!serviceType || !serviceId || !scpdPath || !controlPath || eventPath === undefined) {
    return refused('a service lacks one of its five elements');
  }
  return ok({ serviceType, serviceId, scpdPath, controlPath, eventPath });
}

// Fills the blanks of a description template, written {{name}}, with text made safe for XML.
// Nothing else: what a blank means is decided by whoever has the device.

/** Throws on a blank that has no value, and on a value that fits no blank: the templates are our own. */
export function renderDescription(template: string, values: Readonly<Record<string, string>>): string {
  const unused = new Set(Object.keys(values));
  const rendered = template.replace(/\{\{(\w+)\}\}/g, (_blank, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`the description has a blank "${name}" nobody fills`);
    unused.delete(name);
    return escapeXml(value);
  });
  if (unused.size > 0) throw new Error(`the description has no blank for ${[...unused].join(', ')}`);
  return rendered;
}

// The indentation of a description is for whoever edits the file; on the wire it is a third of the bytes.

/** Only between tags: no element of a description mixes text and children (UDA 1.1 §2.3, §2.5). */
export function compactDescription(text: string): string {
  return text.trim().replace(/>\s+</g, '><');
}

// Serves a description or an SCPD (UDA 1.1 §2.1): GET and HEAD, nothing else. The text is ready before anybody asks.

export function serveDescription(request: HttpRequest, text: string, server: string, now: WallTime): HttpResponse {
  const headers = upnpHeaders(request, server, now);
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return { status: 405, headers: { ...headers, ALLOW: 'GET, HEAD' } };
  }
  return { status: 200, headers: { ...headers, 'CONTENT-TYPE': XML_CONTENT_TYPE }, body: text };
}
