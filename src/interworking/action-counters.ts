// How often each action ended how: for the metrics. A closed set of names, so it cannot grow.

import type { UpnpErrorCode } from '../upnp/upnp-error.ts';

export interface ActionCount {
  readonly action: string;
  /** "ok" or the UPnP error code. */
  readonly result: string;
  readonly count: number;
}

export class ActionCounters {
  readonly #counts = new Map<string, ActionCount>();

  note(action: string, result: 'ok' | UpnpErrorCode): void {
    const key = `${action} ${result}`;
    const count = (this.#counts.get(key)?.count ?? 0) + 1;
    this.#counts.set(key, { action, result: String(result), count });
  }

  list(): readonly ActionCount[] {
    return [...this.#counts.values()];
  }
}
