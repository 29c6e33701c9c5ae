// Makes a service one that eventing can serve (UDA 1.1 §4). Which variables are evented is said by the published
// description alone, so an event never shows what the description hides.

import type { ControlledService } from '../../upnp/control/controlled-service.ts';
import type { EventedService } from '../../upnp/eventing/subscription.ts';

const EVENT_PREFIX = '/event/';

/** Its key is what distinguishes its path: "igd1/WANIPConnection". */
export function eventedService(path: string, service: ControlledService): EventedService {
  const names = [...service.description.variables.values()]
    .filter((variable) => variable.isEvented)
    .map((variable) => variable.name);
  return {
    key: path.startsWith(EVENT_PREFIX) ? path.slice(EVENT_PREFIX.length) : path,
    path,
    variables: () => new Map(names.map((name) => [name, presentValue(service, name)])),
  };
}

function presentValue(service: ControlledService, name: string): string {
  const value = service.variable(name);
  if (value === undefined) throw new Error(`${service.serviceType} events ${name} but has no value for it`);
  return value;
}

// Finds out what changed: compares the evented variables with what they were at the last look (UDA 1.1 §4.2.2: an event
// carries what changed). Whoever hears of a change, of whatever kind, has the watch look and publishes what it finds.

interface ChangedVariables {
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
