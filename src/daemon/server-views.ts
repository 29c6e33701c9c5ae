// PCP servers as the operator's pages show them, from what the PCP session knows.

import { between, type Instant } from '../base/time.ts';
import type { PcpAbility, ServerView } from '../operator/operator-source.ts';
import type { OptionState } from '../pcp/option-support.ts';
import type { ServerView as PcpServerView } from '../pcp/server-view.ts';

/** Since when each server has been as it is; the machine knows only the present. */
export class ServerViews {
  readonly #since = new Map<string, { readonly health: ServerView['health']; readonly at: Instant }>();

  /** To be called when health may have changed, so that "for 10 min" is true. */
  note(servers: readonly PcpServerView[], now: Instant): void {
    const ids = new Set<string>(servers.map(({ id }) => id));
    for (const id of [...this.#since.keys()]) if (!ids.has(id)) this.#since.delete(id);
    for (const { id, health } of servers) {
      if (this.#since.get(id)?.health !== health) this.#since.set(id, { health, at: now });
    }
  }

  of(servers: readonly PcpServerView[], current: string | undefined, now: Instant): readonly ServerView[] {
    this.note(servers, now);
    return servers.map((server) => ({
      id: server.id,
      addresses: server.addresses,
      isCurrent: server.id === current,
      health: server.health,
      healthFor: between(this.#since.get(server.id)?.at ?? now, now),
      version: server.heardAt === undefined ? undefined : server.protocol,
      roundTrip: server.counters.medianRoundTrip,
      abilities: abilitiesOf(server),
      traffic: server.counters,
      lastRefusal: undefined,
    }));
  }
}

function abilitiesOf({ options }: PcpServerView): ServerView['abilities'] {
  const abilities: Partial<Record<PcpAbility, 'yes' | 'no'>> = {};
  const named: readonly (readonly [PcpAbility, OptionState])[] = [
    ['PREFER_FAILURE', options.PREFER_FAILURE],
    ['THIRD_PARTY', options.THIRD_PARTY],
    ['FILTER', options.FILTER],
  ];
  for (const [ability, state] of named) {
    if (state !== 'unknown') abilities[ability] = state === 'supported' ? 'yes' : 'no';
  }
  return abilities;
}
