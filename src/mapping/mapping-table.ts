// The local mapping table (RFC 6970 §5.3): the one home of entries and the only one that announces their changes.
// Every question is answered from an index in O(1) or O(log n). It decides nothing and sends nothing.

import type { IpAddress } from '../base/ip-address.ts';
import type { PortNumber } from '../base/port-number.ts';
import { PriorityQueue } from '../base/priority-queue.ts';
import { keyText } from '../base/texts.ts';
import type { Instant } from '../base/time.ts';
import type { TransportProtocol } from '../base/transport-protocol.ts';
import { EntryOrder } from './entry-order.ts';
import { Ledger, type OwedRelease } from './ledger.ts';
import {
  type Mapping,
  type MappingChange,
  type MappingChanges,
  type MappingKey,
  mappingKeyText,
  type RemovalReason,
} from './mapping.ts';

export interface DueMapping {
  readonly mapping: Mapping;
  readonly at: Instant;
}

export class MappingTable {
  /** What servers may hold that no entry stands for. */
  readonly ledger = new Ledger();
  readonly #entries = new Map<string, Mapping>();
  readonly #order = new EntryOrder<string>();
  readonly #onExternalPort = new MappingGroups((m) => externalText(m.protocol, m.externalPort));
  readonly #onInternalPort = new MappingGroups((m) => internalText(m.internalClient, m.protocol, m.internalPort));
  readonly #ofClient = new MappingGroups((m) => m.internalClient.text);
  readonly #ofNonce = new MappingGroups((m) => m.upstream.nonce);
  readonly #renewals = new PriorityQueue<string>();
  readonly #leaseEnds = new PriorityQueue<string>();
  readonly #listeners: ((changes: MappingChanges) => void)[] = [];
  #pending: MappingChange[] = [];
  #depth = 0;

  get size(): number {
    return this.#entries.size;
  }

  /** Listeners are called in the order they came, once per batch. */
  listen(listener: (changes: MappingChanges) => void): void {
    this.#listeners.push(listener);
  }

  /** Changes made inside are announced together when the outermost batch ends: one event for one request. */
  batch<T>(work: () => T): T {
    this.#depth += 1;
    try {
      return work();
    } finally {
      this.#depth -= 1;
      if (this.#depth === 0) this.#announce();
    }
  }

  /** Adds the entry, or replaces the one under the same key. */
  put(mapping: Mapping): void {
    this.#replace(mappingKeyText(mapping), mapping);
  }

  /** Replaces the entry under `from` by one under another key, which must be free; it keeps its index. */
  move(from: MappingKey, mapping: Mapping): void {
    const text = mappingKeyText(mapping);
    const fromText = mappingKeyText(from);
    if (text !== fromText && this.#entries.has(text)) throw new Error(`there is a mapping ${text} already`);
    this.#replace(fromText, mapping);
  }

  /**
   * The entry is over, and its server may hold it still: that is owed from the same moment, in one write to the disk. `held`:
   * what the server holds, where that is not what the entry says.
   */
  end(mapping: Mapping, reason: RemovalReason, why: string, now: Instant, held = mapping): void {
    this.batch(() => {
      this.ledger.owe(releaseOf(held), now);
      this.remove(mapping, reason, why);
    });
  }

  /** The entry is over, and its server has nothing of it any more. */
  remove(key: MappingKey, reason: RemovalReason, why: string): Mapping | undefined {
    const text = mappingKeyText(key);
    const mapping = this.#entries.get(text);
    if (mapping === undefined) return undefined;
    this.#forget(text, mapping);
    this.#order.remove(text);
    this.batch(() => this.#pending.push({ kind: 'removed', mapping, reason, why }));
    return mapping;
  }

  find(key: MappingKey): Mapping | undefined {
    return this.#entries.get(mappingKeyText(key));
  }

  /** All entries on one external port: they differ in their remote hosts. */
  onExternalPort(protocol: TransportProtocol, port: PortNumber): readonly Mapping[] {
    return this.#onExternalPort.get(externalText(protocol, port));
  }

  onInternalPort(client: IpAddress, protocol: TransportProtocol, port: PortNumber): readonly Mapping[] {
    return this.#onInternalPort.get(internalText(client, protocol, port));
  }

  ofClient(client: IpAddress): readonly Mapping[] {
    return this.#ofClient.get(client.text);
  }

  countOfClient(client: IpAddress): number {
    return this.#ofClient.count(client.text);
  }

  /** The internal clients that have entries, as texts. */
  clients(): Iterable<string> {
    return this.#ofClient.names();
  }

  withNonce(nonce: string): readonly Mapping[] {
    return this.#ofNonce.get(nonce);
  }

  /** In the order they were made, without gaps (WANIPConnection:2 §2.5.13). */
  at(index: number): Mapping | undefined {
    const text = this.#order.at(index);
    return text === undefined ? undefined : this.#entries.get(text);
  }

  /** The same among the entries of one client. */
  atOfClient(client: IpAddress, index: number): Mapping | undefined {
    const texts = this.ofClient(client).map(mappingKeyText);
    const text = this.#order.sorted(texts)[index];
    return text === undefined ? undefined : this.#entries.get(text);
  }

  *all(): IterableIterator<Mapping> {
    for (const text of this.#order) {
      const mapping = this.#entries.get(text);
      if (mapping !== undefined) yield mapping;
    }
  }

  nextRenewal(): DueMapping | undefined {
    return this.#firstOf(this.#renewals);
  }

  nextLeaseEnd(): DueMapping | undefined {
    return this.#firstOf(this.#leaseEnds);
  }

  #firstOf(queue: PriorityQueue<string>): DueMapping | undefined {
    const first = queue.first();
    const mapping = first === undefined ? undefined : this.#entries.get(first.key);
    return first === undefined || mapping === undefined ? undefined : { mapping, at: first.rank as Instant };
  }

  #replace(fromText: string, mapping: Mapping): void {
    const text = mappingKeyText(mapping);
    const previous = this.#entries.get(fromText);
    if (previous !== undefined) this.#forget(fromText, previous);
    this.#entries.set(text, mapping);
    if (previous === undefined) this.#order.append(text);
    else if (text !== fromText) this.#order.rename(fromText, text);
    for (const group of this.#groups()) group.add(text, mapping);
    this.#renewals.set(text, mapping.upstream.renewAt);
    if (mapping.leaseEndsAt !== undefined) this.#leaseEnds.set(text, mapping.leaseEndsAt);
    const change: MappingChange =
      previous === undefined
        ? { kind: 'added', mapping }
        : { kind: 'updated', mapping, previous, isVisible: isVisibleChange(previous, mapping) };
    this.batch(() => this.#pending.push(change));
  }

  #forget(text: string, mapping: Mapping): void {
    this.#entries.delete(text);
    for (const group of this.#groups()) group.remove(text, mapping);
    this.#renewals.delete(text);
    this.#leaseEnds.delete(text);
  }

  #groups(): readonly MappingGroups[] {
    return [this.#onExternalPort, this.#onInternalPort, this.#ofClient, this.#ofNonce];
  }

  /** A listener may change the table: what it does is announced after everybody has heard of what was before. */
  #announce(): void {
    if (this.#pending.length === 0) return;
    const changes = this.#pending;
    this.#pending = [];
    this.batch(() => {
      for (const listener of this.#listeners) listener(changes);
    });
  }
}

const externalText = (protocol: TransportProtocol, port: PortNumber): string => keyText(protocol, port);
const internalText = (client: IpAddress, protocol: TransportProtocol, port: PortNumber): string =>
  keyText(client.text, protocol, port);

/** A lease that merely counts down is no change; one that was set anew is. */
function isVisibleChange(previous: Mapping, next: Mapping): boolean {
  return (
    previous.externalPort !== next.externalPort ||
    previous.remoteHost !== next.remoteHost ||
    previous.internalPort !== next.internalPort ||
    previous.description !== next.description ||
    previous.leaseEndsAt !== next.leaseEndsAt ||
    (previous.state === 'waiting') !== (next.state === 'waiting') ||
    !previous.internalClient.equals(next.internalClient) ||
    !previous.upstream.assignedAddress.equals(next.upstream.assignedAddress)
  );
}

// An index over mappings that share something: an external port, an internal port, a client, a nonce.
// Most groups have one member, which is kept without a collection of its own.

const NONE: readonly Mapping[] = [];

class MappingGroups {
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

export const releaseOf = ({ protocol, upstream }: Mapping, endsAt = upstream.expiresAt): OwedRelease => {
  const { server, internalAddress, internalPort, nonce, isThirdParty } = upstream;
  return { server, protocol, internalAddress, internalPort, nonce, isThirdParty, endsAt };
};
