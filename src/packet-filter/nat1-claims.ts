// The rules we were asked for, and which element each map key should therefore hold.
// Several rules may claim one key (two external ports to one internal port share the way out): one of them wins.

import type { IpAddress } from '../base/ip-address.ts';
import type { PortNumber } from '../base/port-number.ts';
import type { Instant } from '../base/time.ts';
import type { TransportProtocol } from '../base/transport-protocol.ts';
import type { Nat1Rule } from '../interworking/local-nat.ts';
import { elementsOfRule, isFiltered, type NftElement } from './nat1-elements.ts';
import type { TimedElement } from './nft-transaction.ts';

export interface HeldRule {
  readonly rule: Nat1Rule;
  readonly until: Instant;
}

/** NAT1 ports are handed out once: protocol and port name a rule. */
export type RuleKey = string;
export const ruleKey = (rule: { readonly protocol: TransportProtocol; readonly nat1Port: PortNumber }): RuleKey =>
  `${rule.protocol} ${rule.nat1Port}`;

interface Entry {
  readonly held: HeldRule;
  readonly elements: readonly NftElement[];
  /** In which order the rules came; kept when one is extended. */
  readonly order: number;
}

export class Nat1Claims {
  readonly #hairpin: boolean;
  readonly #entries = new Map<RuleKey, Entry>();
  /** Element id → keys of the rules that want it: hardly ever more than one. */
  readonly #claimants = new Map<string, readonly RuleKey[]>();
  #wanAddress: IpAddress | undefined;
  #rulesSoFar = 0;

  constructor(hairpin: boolean, wanAddress: IpAddress | undefined) {
    this.#hairpin = hairpin;
    this.#wanAddress = wanAddress;
  }

  get wanAddress(): IpAddress | undefined {
    return this.#wanAddress;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: RuleKey): HeldRule | undefined {
    return this.#entries.get(key)?.held;
  }

  /** Returns the ids of all elements this may have changed. */
  set(key: RuleKey, held: HeldRule | undefined): ReadonlySet<string> {
    const before = this.#entries.get(key);
    const touched = new Set<string>();
    for (const element of before?.elements ?? []) this.#withdraw(element.id, key, touched);
    if (held === undefined || this.#wanAddress === undefined) {
      this.#entries.delete(key);
      return touched;
    }
    const elements = elementsOfRule(held.rule, this.#wanAddress, this.#hairpin);
    this.#entries.set(key, { held, elements, order: before?.order ?? this.#nextOrder() });
    for (const element of elements) this.#claim(element.id, key, touched);
    return touched;
  }

  /** All rules move to another WAN address. Returns the ids of the old and the new elements. */
  moveTo(wanAddress: IpAddress): ReadonlySet<string> {
    this.#wanAddress = wanAddress;
    const touched = new Set<string>();
    for (const [key, { held }] of [...this.#entries]) for (const id of this.set(key, held)) touched.add(id);
    return touched;
  }

  /** What the kernel should hold under this id: unfiltered rules before filtered ones, then the older rule. */
  wished(id: string, now: Instant): TimedElement | undefined {
    let best: Entry | undefined;
    for (const key of this.#claimants.get(id) ?? []) {
      const entry = this.#entries.get(key);
      if (entry === undefined || entry.held.until <= now) continue;
      if (best === undefined || comesFirst(entry, best)) best = entry;
    }
    const element = best?.elements.find((candidate) => candidate.id === id);
    return best === undefined || element === undefined ? undefined : { element, until: best.held.until };
  }

  ids(): Iterable<string> {
    return this.#claimants.keys();
  }

  dropExpired(now: Instant): void {
    for (const [key, entry] of [...this.#entries]) if (entry.held.until <= now) this.set(key, undefined);
  }

  #claim(id: string, key: RuleKey, touched: Set<string>): void {
    const others = this.#claimants.get(id);
    // Spread into a literal, nothing would take the room of seventeen.
    this.#claimants.set(id, others === undefined ? [key] : [...others, key]);
    touched.add(id);
  }

  #withdraw(id: string, key: RuleKey, touched: Set<string>): void {
    const others = this.#claimants.get(id)?.filter((other) => other !== key) ?? [];
    if (others.length === 0) this.#claimants.delete(id);
    else this.#claimants.set(id, others);
    touched.add(id);
  }

  #nextOrder(): number {
    this.#rulesSoFar += 1;
    return this.#rulesSoFar;
  }
}

function comesFirst(a: Entry, b: Entry): boolean {
  const isOnlyOther = isFiltered(b.held.rule);
  if (isFiltered(a.held.rule) !== isOnlyOther) return isOnlyOther;
  return a.order < b.order;
}
