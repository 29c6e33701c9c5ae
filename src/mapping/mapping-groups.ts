// An index over mappings that share something: an external port, an internal port, a client, a nonce.
// Most groups have one member, which is kept without a collection of its own.

import { type Mapping, mappingKeyText } from './mapping.ts';

const NONE: readonly Mapping[] = [];

export class MappingGroups {
  readonly #nameOf: (mapping: Mapping) => string;
  /** By the members' keys where there are several. */
  readonly #groups = new Map<string, Mapping | Map<string, Mapping>>();

  constructor(nameOf: (mapping: Mapping) => string) {
    this.#nameOf = nameOf;
  }

  add(key: string, mapping: Mapping): void {
    const name = this.#nameOf(mapping);
    const group = this.#groups.get(name);
    if (group === undefined) this.#groups.set(name, mapping);
    else if (group instanceof Map) group.set(key, mapping);
    else this.#groups.set(name, new Map([[mappingKeyText(group), group]]).set(key, mapping));
  }

  remove(key: string, mapping: Mapping): void {
    const name = this.#nameOf(mapping);
    const group = this.#groups.get(name);
    if (group instanceof Map) {
      group.delete(key);
      if (group.size === 0) this.#groups.delete(name);
    } else if (group !== undefined && mappingKeyText(group) === key) this.#groups.delete(name);
  }

  get(name: string): readonly Mapping[] {
    const group = this.#groups.get(name);
    if (group === undefined) return NONE;
    return group instanceof Map ? [...group.values()] : [group];
  }

  count(name: string): number {
    const group = this.#groups.get(name);
    if (group === undefined) return 0;
    return group instanceof Map ? group.size : 1;
  }

  names(): Iterable<string> {
    return this.#groups.keys();
  }
}
