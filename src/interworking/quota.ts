// How many mappings there may be, in all and per internal client (RFC 6970 §6), counting those still being asked for.

import type { IpAddress } from '../base/ip-address.ts';
import type { MappingTable } from '../mapping/mapping-table.ts';
import type { Policy } from './policy.ts';

export class Quota {
  readonly #table: MappingTable;
  readonly #underWay = new Map<string, number>();
  #allUnderWay = 0;

  constructor(table: MappingTable) {
    this.#table = table;
  }

  /** Why there may be no more of them; undefined: one more is fine. */
  objection(client: IpAddress, policy: Policy): string | undefined {
    if (this.#table.size + this.#allUnderWay >= policy.maxMappings) return `there are ${policy.maxMappings} mappings`;
    const own = this.#table.countOfClient(client) + (this.#underWay.get(client.text) ?? 0);
    return own >= policy.maxMappingsPerClient ? `${client.text} has ${own} mappings` : undefined;
  }

  /** Counts one more for as long as `work` takes; the table counts it afterwards. */
  async during<T>(client: IpAddress, work: () => Promise<T>): Promise<T> {
    this.#count(client, 1);
    try {
      return await work();
    } finally {
      this.#count(client, -1);
    }
  }

  #count(client: IpAddress, change: 1 | -1): void {
    const next = (this.#underWay.get(client.text) ?? 0) + change;
    this.#allUnderWay += change;
    if (next === 0) this.#underWay.delete(client.text);
    else this.#underWay.set(client.text, next);
  }
}
