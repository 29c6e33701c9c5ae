// How many mappings there may be, in all and per machine (RFC 6970 §6), counting those still being asked for. A machine
// may have many addresses: it is known by its MAC where there is one.

import { IpAddress } from '../base/ip-address.ts';
import { between, type Instant } from '../base/time.ts';
import type { MappingTable } from '../mapping/mapping-table.ts';
import type { Policy } from './policy.ts';

/** Of all mappings this share is for machines that hold fewer than a few: who fills the table shuts nobody out. */
const SHARE_FOR_NEWCOMERS = 1 / 8;
/** What a console or a program needs. */
const A_FEW = 4;

export class Quota {
  readonly #table: MappingTable;
  readonly #macOf: (address: IpAddress) => string | undefined;
  /** By the texts of addresses that have mappings: an address that is not seen any more still belongs to its machine. */
  #machines = new Map<string, string>();
  readonly #underWay = new Map<string, number>();
  #allUnderWay = 0;

  constructor(table: MappingTable, macOf: (address: IpAddress) => string | undefined) {
    this.#table = table;
    this.#macOf = macOf;
  }

  /** The MAC of an address, or its text where there is none to know. */
  machineOf(address: IpAddress): string {
    return this.#macOf(address)?.toLowerCase() ?? this.#machines.get(address.text) ?? address.text;
  }

  /** Why there may be no more of them; undefined: one more is fine. */
  objection(client: IpAddress, { maxMappings, maxMappingsPerClient }: Policy): string | undefined {
    const all = this.#table.size + this.#allUnderWay;
    if (all >= maxMappings) return `there are ${maxMappings} mappings`;
    const machine = this.machineOf(client);
    const own = this.#heldBy(machine) + (this.#underWay.get(machine) ?? 0);
    if (own >= maxMappingsPerClient) return `${client.text} has ${own} mappings`;
    const share = Math.floor(maxMappings * SHARE_FOR_NEWCOMERS);
    return own >= A_FEW && all >= maxMappings - share ? `the last ${share} mappings are for other hosts` : undefined;
  }

  /** Counts one more for as long as `work` takes; the table counts it afterwards. */
  async during<T>(client: IpAddress, work: () => Promise<T>): Promise<T> {
    const machine = this.machineOf(client);
    this.#machines.set(client.text, machine);
    this.#count(machine, 1);
    try {
      return await work();
    } finally {
      this.#count(machine, -1);
    }
  }

  #heldBy(machine: string): number {
    const machines = new Map<string, string>();
    let held = 0;
    for (const text of this.#table.clients()) {
      const address = IpAddress.of(text);
      const owner = this.machineOf(address);
      machines.set(text, owner);
      if (owner === machine) held += this.#table.countOfClient(address);
    }
    this.#machines = machines;
    return held;
  }

  #count(machine: string, change: 1 | -1): void {
    const next = (this.#underWay.get(machine) ?? 0) + change;
    this.#allUnderWay += change;
    if (next === 0) this.#underWay.delete(machine);
    else this.#underWay.set(machine, next);
  }
}

// How often a control point may ask for changes: each may cost a packet and a mapping at the carrier (RFC 6970 §6).
// A token bucket per machine.

/** A LAN of this many talkers is none; past it the one that asked longest ago starts afresh. */
const MOST_ASKERS = 4096;
const MS_PER_MINUTE = 60_000;

interface Bucket {
  readonly tokens: number;
  readonly at: Instant;
}

export class RequestRate {
  readonly #buckets = new Map<string, Bucket>();

  /** Whether one more is fine; counts it when it is. */
  admit(machine: string, perMinute: number, now: Instant): boolean {
    if (perMinute === 0) return true;
    const bucket = this.#buckets.get(machine) ?? { tokens: perMinute, at: now };
    const refill = (between(bucket.at, now) * perMinute) / MS_PER_MINUTE;
    const tokens = Math.min(perMinute, bucket.tokens + refill);
    const isAdmitted = tokens >= 1;
    this.#buckets.delete(machine);
    this.#buckets.set(machine, { tokens: isAdmitted ? tokens - 1 : tokens, at: now });
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > MOST_ASKERS && oldest !== undefined) this.#buckets.delete(oldest);
    return isAdmitted;
  }
}
