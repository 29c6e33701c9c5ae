// What happens to mappings, told once for everybody who cares: one log line per event with who and why, and the same
// to listeners (the event stream, the counters). Most events are read off the table's changes.

import type { Log } from '../base/log.ts';
import type { WallTime } from '../base/time.ts';
import type { Mapping } from '../mapping/mapping.ts';
import type { MappingChange, MappingChanges, RemovalReason } from '../mapping/mapping-change.ts';
import type { ControlPoint, PortMappingRequest } from './gateway.ts';

export type GatewayEventKind =
  | 'granted'
  /** Its external address or port is another one now. */
  | 'renewed elsewhere'
  | 'degraded'
  | 'refused'
  | RemovalReason;

export interface GatewayEvent {
  readonly kind: GatewayEventKind;
  readonly at: WallTime;
  /** "TCP 6881 → 192.168.1.20:6881". */
  readonly what: string;
  readonly who: string;
  readonly why: string;
  /** Not there for a refusal. */
  readonly mapping: Mapping | undefined;
}

export class EventFeed {
  readonly #log: Log;
  readonly #wallTime: () => WallTime;
  readonly #listeners: ((event: GatewayEvent) => void)[] = [];

  constructor(log: Log, wallTime: () => WallTime) {
    this.#log = log;
    this.#wallTime = wallTime;
  }

  listen(listener: (event: GatewayEvent) => void): void {
    this.#listeners.push(listener);
  }

  refused(asker: ControlPoint, request: PortMappingRequest, why: string): void {
    const what = `${request.protocol} ${request.externalPort} → ${request.internalClient.text}:${request.internalPort}`;
    this.#tell('refused', what, asker.address.text, why, undefined);
  }

  tableChanged(changes: MappingChanges): void {
    for (const change of changes) this.#tellChange(change);
  }

  #tellChange(change: MappingChange): void {
    const { mapping } = change;
    const who = mapping.madeBy.address.text;
    if (change.kind === 'added') {
      this.#tell(
        'granted',
        whatOf(mapping),
        who,
        mapping.description === '' ? 'no description' : mapping.description,
        mapping,
      );
    } else if (change.kind === 'removed') {
      this.#tell(change.reason, whatOf(mapping), who, change.why, mapping);
    } else if (outsideOf(change.previous) !== outsideOf(mapping)) {
      const kind = mapping.state === 'degraded' ? 'degraded' : 'renewed elsewhere';
      this.#tell(kind, whatOf(mapping), who, `was ${outsideOf(change.previous)}, is ${outsideOf(mapping)}`, mapping);
    }
  }

  #tell(kind: GatewayEventKind, what: string, who: string, why: string, mapping: Mapping | undefined): void {
    const event: GatewayEvent = { kind, at: this.#wallTime(), what, who, why, mapping };
    const isBad = kind === 'lost' || kind === 'degraded';
    this.#log[isBad ? 'warn' : 'info'](`Mapping ${kind}: ${what}`, { who, why });
    for (const listener of this.#listeners) listener(event);
  }
}

const whatOf = (mapping: Mapping): string =>
  `${mapping.protocol} ${mapping.externalPort} → ${mapping.internalClient.text}:${mapping.internalPort}`;

const outsideOf = (mapping: Mapping): string =>
  `${mapping.upstream.assignedAddress.text}:${mapping.upstream.assignedPort}`;
