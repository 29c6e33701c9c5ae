// How a control point reads a device description, and which service in it it settles for.

import { ok, type Result, refused } from '../../src/base/result.ts';
import { childNamed, childrenNamed, childText, parseXml, type XmlElement } from '../../src/base/xml.ts';
import type { Acceptance } from './clients/client-profile.ts';
import { type Place, parseUrl } from './control-point-http.ts';

export interface FoundService {
  readonly type: string;
  readonly id: string;
  readonly scpd: Place;
  readonly control: Place;
  readonly event: Place;
}

export interface FoundGateway {
  readonly rootType: string;
  /** In the order of the description. */
  readonly services: readonly FoundService[];
}

const LIMITS = { characters: 500_000, tags: 10_000 };

export function readGateway(text: string, location: Place): Result<FoundGateway, string> {
  const parsed = parseXml(text, LIMITS);
  if (!parsed.ok) return refused(`the description is ${parsed.error}`);
  const device = childNamed(parsed.value, 'device');
  if (parsed.value.name !== 'root' || device === undefined) return refused('the description describes no device');
  // UDA 1.0 §2.1 has URLBase; later versions dropped it.
  const base = parseUrl(childText(parsed.value, 'URLBase') ?? '') ?? location;
  return ok({ rootType: childText(device, 'deviceType') ?? '', services: servicesIn(device, base) });
}

function servicesIn(device: XmlElement, base: Place): readonly FoundService[] {
  const own = childrenNamed(childNamed(device, 'serviceList'), 'service').flatMap((service) => {
    const place = (name: string): Place | undefined => parseUrl(childText(service, name) ?? '', base);
    const [scpd, control, event] = [place('SCPDURL'), place('controlURL'), place('eventSubURL')];
    if (scpd === undefined || control === undefined || event === undefined) return [];
    const type = childText(service, 'serviceType') ?? '';
    return [{ type, id: childText(service, 'serviceId') ?? '', scpd, control, event }];
  });
  const embedded = childrenNamed(childNamed(device, 'deviceList'), 'device');
  return [...own, ...embedded.flatMap((child) => servicesIn(child, base))];
}

export function chooseService(gateway: FoundGateway, accepts: Acceptance): Result<FoundService, string> {
  if (accepts.rootTypes !== undefined && !accepts.rootTypes.includes(gateway.rootType)) {
    return refused(`it has no use for a ${gateway.rootType}`);
  }
  const missing = accepts.alsoNeeds?.find((type) => !gateway.services.some((service) => service.type === type));
  if (missing !== undefined) return refused(`it misses ${missing}`);
  const usable = gateway.services.filter(
    (service) => accepts.services.includes(service.type) && service.id.includes(accepts.serviceIdContains ?? ''),
  );
  const liking = (service: FoundService): number => accepts.services.indexOf(service.type);
  const [chosen] = accepts.chooses === 'best liked' ? usable.sort((a, b) => liking(a) - liking(b)) : usable;
  return chosen === undefined ? refused('no service in it that it can use') : ok(chosen);
}

/** The actions an SCPD lists. */
export function actionsIn(scpd: string): Result<readonly string[], string> {
  const parsed = parseXml(scpd, LIMITS);
  if (!parsed.ok) return refused(`the SCPD is ${parsed.error}`);
  if (parsed.value.name !== 'scpd') return refused('this is no SCPD');
  const actions = childrenNamed(childNamed(parsed.value, 'actionList'), 'action');
  return ok(actions.map((action) => childText(action, 'name') ?? ''));
}
