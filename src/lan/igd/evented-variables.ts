// Makes a service one that eventing can serve (UDA 1.1 §4). Which variables are evented is said by the published
// description alone, so an event never shows what the description hides.

import type { ControlledService } from '../../upnp/control/controlled-service.ts';
import type { EventedService } from '../../upnp/eventing/evented-service.ts';

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
