// A service as eventing sees it (UDA 1.1 §4): where control points subscribe, and what its evented variables are now.
// The list of them comes from the published description, so an event never shows what the description hides.

import type { ControlledService } from '../upnp/control/controlled-service.ts';

export interface EventedService {
  /** Stable and unique: "igd1/WANIPConnection". */
  readonly key: string;
  /** Where SUBSCRIBE goes. */
  readonly path: string;
  /** All evented variables with their present values, as the initial event wants them (UDA 1.1 §4.1.2). */
  variables(): ReadonlyMap<string, string>;
}

const EVENT_PREFIX = '/event/';

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
