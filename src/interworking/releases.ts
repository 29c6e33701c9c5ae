// Deletes under way at the PCP server (RFC 6887 §15): tried until answered or until the mapping would have ended by
// itself, one at a time for each mapping, however many wait for the answer.

import { type Duration, type Instant, milliseconds } from '../base/time.ts';
import type { Mapping } from '../mapping/mapping.ts';
import { type ReleaseOutcome, serverId } from '../pcp/map-outcome.ts';
import { mapKeyOf } from './map-key-of.ts';
import type { PcpService } from './pcp-service.ts';

const NO_TIME: Duration = milliseconds(0);

export class Releases {
  readonly #pcp: PcpService;
  readonly #underWay = new Map<string, Promise<ReleaseOutcome>>();

  constructor(pcp: PcpService) {
    this.#pcp = pcp;
  }

  /** Joins the one under way when there is one. */
  begin(mapping: Mapping, until: Instant, isWaitedFor = false): Promise<ReleaseOutcome> {
    const name = nameOf(mapping);
    const existing = this.#underWay.get(name);
    if (existing !== undefined) return existing;
    const release = this.#ask(mapping, until, isWaitedFor).finally(() => this.#underWay.delete(name));
    this.#underWay.set(name, release);
    return release;
  }

  isUnderWay(mapping: Mapping): boolean {
    return this.#underWay.has(nameOf(mapping));
  }

  async #ask(mapping: Mapping, until: Instant, isWaitedFor: boolean): Promise<ReleaseOutcome> {
    const key = mapKeyOf(mapping.upstream, mapping.protocol);
    const current = this.#pcp.currentServer();
    // A server we no longer speak with cannot be asked; what it holds ends with its lifetime.
    if (key === undefined || (current !== undefined && current !== mapping.upstream.server))
      return { kind: 'released', server: serverId(mapping.upstream.server), busyFor: NO_TIME };
    return this.#pcp.release(key, until, isWaitedFor);
  }
}

const nameOf = ({ protocol, upstream }: Mapping): string =>
  `${upstream.server} ${upstream.internalAddress.text} ${protocol} ${upstream.internalPort} ${upstream.nonce}`;
