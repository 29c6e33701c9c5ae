// What a search asks for, and which of our devices and services answer it (UDA 1.1 §1.3.2, §1.3.3).
// Answers are made of our own tables and of a version number: never of the asker's text.

import {
  type AdvertisedRoot,
  type Advertisement,
  advertisementsOf,
  devicesOf,
  ROOT_DEVICE,
  typed,
} from './advertised-root.ts';

export type SearchTarget =
  | { readonly kind: 'all' }
  | { readonly kind: 'root device' }
  | { readonly kind: 'uuid'; readonly udn: string }
  | { readonly kind: 'type'; readonly name: string; readonly version: number };

export interface SearchAnswer extends Advertisement {
  readonly root: AdvertisedRoot;
}

/** The longest types in the wild are near 60; CVE-2012-5958 and its kin came in through longer ones. */
const MAX_TARGET_LENGTH = 256;
const UUID = /^uuid:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const VERSIONED_TYPE = /^(urn:[\w.-]+:(?:device|service):[\w.-]+):([1-9]\d{0,3})$/;

export function parseSearchTarget(text: string): SearchTarget | undefined {
  if (text.length > MAX_TARGET_LENGTH) return undefined;
  if (text === 'ssdp:all') return { kind: 'all' };
  if (text === ROOT_DEVICE) return { kind: 'root device' };
  if (UUID.test(text)) return { kind: 'uuid', udn: text.toLowerCase() };
  const [, name, version] = VERSIONED_TYPE.exec(text) ?? [];
  return name === undefined ? undefined : { kind: 'type', name, version: Number(version) };
}

/** Empty when nothing here is meant. */
export function answersTo(target: SearchTarget, roots: readonly AdvertisedRoot[]): readonly SearchAnswer[] {
  switch (target.kind) {
    case 'all':
      return roots.flatMap((root) => advertisementsOf(root).map((advertisement) => ({ ...advertisement, root })));
    case 'root device':
      return roots.filter((root) => root.rank === 'first').map((root) => ({ ...typed(root.root, ROOT_DEVICE), root }));
    case 'uuid':
      return roots.flatMap((root) =>
        devicesOf(root).some((device) => device.udn === target.udn)
          ? [{ type: target.udn, usn: target.udn, root }]
          : [],
      );
    case 'type':
      return answersToType(target.name, target.version, roots);
  }
}

/** One root answers a type: the first if it has it, so that the second is seen only by who asks for what it alone has. */
function answersToType(name: string, version: number, roots: readonly AdvertisedRoot[]): readonly SearchAnswer[] {
  for (const rank of ['first', 'second'] as const) {
    const found = roots.filter((root) => root.rank === rank).flatMap((root) => matchesIn(root, name, version));
    if (found.length > 0) return found;
  }
  return [];
}

function matchesIn(root: AdvertisedRoot, name: string, version: number): readonly SearchAnswer[] {
  return devicesOf(root).flatMap((device) => {
    const isOffered = [device.deviceType, ...device.serviceTypes].some((type) => offers(type, name, version));
    // UDA 1.1 §1.3.2: a device answers for every version up to its own, and its answer carries the version asked for.
    return isOffered ? [{ ...typed(device, `${name}:${version}`), root }] : [];
  });
}

function offers(type: string, name: string, version: number): boolean {
  const [, ownName, ownVersion] = VERSIONED_TYPE.exec(type) ?? [];
  return ownName === name && version <= Number(ownVersion);
}
