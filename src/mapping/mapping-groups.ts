// An index over mappings that share something: an external port, an internal port, a client, a nonce.

import type { Mapping } from './mapping.ts';

const NONE: readonly Mapping[] = [];

export class MappingGroups {
  readonly #nameOf: (mapping: Mapping) => string;
  readonly #groups = new Map<string, Map<string, Mapping>>();

  constructor(nameOf: (mapping: Mapping) => string) {
    this.#nameOf = nameOf;
  }

  add(key: string, mapping: Mapping): void {
    const name = this.#nameOf(mapping);
    const group = this.#groups.get(name);
    if (group === undefined) this.#groups.set(name, new Map([[key, mapping]]));
    else group.set(key, mapping);
  }

  remove(key: string, mapping: Mapping): void {
    const name = this.#nameOf(mapping);
    const group = this.#groups.get(name);
    group?.delete(key);
    if (group?.size === 0) this.#groups.delete(name);
  }

  get(name: string): readonly Mapping[] {
    const group = this.#groups.get(name);
    return group === undefined ? NONE : [...group.values()];
  }

  count(name: string): number {
    return this.#groups.get(name)?.size ?? 0;
  }

  names(): Iterable<string> {
    return this.#groups.keys();
  }
}
