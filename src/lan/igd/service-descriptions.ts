// The service descriptions by the path they are served under: the text for control points, the meaning for us.
// Both devices share some, so each is read once, and only when a device needs it.

import { compactDescription } from '../../upnp/description/compact-description.ts';
import { parseServiceDescription, type ServiceDescription } from '../../upnp/description/service-description.ts';
import { type DescriptorTexts, SCPD_NAMES } from './igd-descriptors.ts';

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
