// Finds out what changed: compares the evented variables with what they were at the last look (UDA 1.1 §4.2.2: an event
// carries what changed). Whoever hears of a change, of whatever kind, has the watch look and publishes what it finds.

import type { EventedService } from '../../upnp/eventing/evented-service.ts';

export interface ChangedVariables {
  readonly service: EventedService;
  /** Never empty. */
  readonly variables: ReadonlyMap<string, string>;
}

export class VariableWatch {
  readonly #seen: Map<EventedService, ReadonlyMap<string, string>>;

  constructor(services: readonly EventedService[]) {
    this.#seen = new Map(services.map((service) => [service, service.variables()]));
  }

  look(): readonly ChangedVariables[] {
    const changes: ChangedVariables[] = [];
    for (const [service, before] of this.#seen) {
      const now = service.variables();
      const changed = new Map([...now].filter(([name, value]) => before.get(name) !== value));
      if (changed.size === 0) continue;
      this.#seen.set(service, now);
      changes.push({ service, variables: changed });
    }
    return changes;
  }
}
