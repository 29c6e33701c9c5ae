// PCP servers as the operator's pages show them, from what the PCP session knows.

import { between, type Instant, minutes } from '../base/time.ts';
import type { PcpAbility, ServerView } from '../operator/operator-source.ts';
import type { OptionState } from '../pcp/asking/option-support.ts';
import { UNSUPP_OPCODE } from '../pcp/asking/result-code.ts';
import type { ServerView as PcpServerView } from '../pcp/asking/server-view.ts';

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
      healthFor: between(this.#sinceOf(server, now), now),
      version: server.heardAt === undefined ? undefined : PROTOCOL_WORDS[server.protocol],
      roundTrip: server.counters.medianRoundTrip,
      abilities: abilitiesOf(server),
      traffic: server.counters,
      lastRefusal: lastRefusal(server, now),
    }));
  }

  /** It was silent already while we still waited for it. */
  #sinceOf({ id, health, heardAt }: PcpServerView, now: Instant): Instant {
    return (health === 'down' ? heardAt : undefined) ?? this.#since.get(id)?.at ?? now;
  }
}

const PROTOCOL_WORDS = { PCP: 'PCP 2', 'NAT-PMP': 'NAT-PMP' } as const;

/** Longer ago it says nothing about the present (RFC 6887 §7.4: the longest hold is half an hour). */
const REFUSAL_MATTERS = minutes(30);

function lastRefusal({ counters }: PcpServerView, now: Instant): ServerView['lastRefusal'] {
  if (counters.lastRefusal === undefined) return undefined;
  const { code, at } = counters.lastRefusal;
  const ago = between(at, now);
  return ago > REFUSAL_MATTERS ? undefined : { code, ago };
}

function abilitiesOf({ options, held, holds }: PcpServerView): ServerView['abilities'] {
  const abilities: Partial<Record<PcpAbility, 'yes' | 'no'>> = {};
  if (held > 0) abilities.MAP = 'yes';
  else if (holds.some((hold) => hold.code === UNSUPP_OPCODE)) abilities.MAP = 'no';
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
