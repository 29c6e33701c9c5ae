// One wake for the whole table (RFC 6970 §5.9; RFC 6887 §11.2.1): which entry is due, and for what. Leases that are over
// leave the table here. A grant that ran out leaves it, too, when the server has refused to renew it; when the server was
// silent, the entry waits for it. Asking the server is told in `renew-mapping.ts`.

import type { Machine, Wake } from '../base/machine.ts';
import { earliestWake } from '../base/machine.ts';
import { after, between, earlier, type Instant, minutes, seconds } from '../base/time.ts';
import { type Mapping, mappingKeyText } from '../mapping/mapping.ts';
import type { DueMapping, MappingTable } from '../mapping/mapping-table.ts';
import { nextWindow } from './renewal-schedule.ts';

export type RenewalOutput =
  /** Ask, and take the silence until `until` for a no. */
  | { readonly kind: 'renew'; readonly mapping: Mapping; readonly until: Instant }
  /** It is to end at the server too. */
  | { readonly kind: 'release'; readonly mapping: Mapping };

/** A delete that was refused is tried again this often until the mapping ends by itself. */
export const RELEASE_AGAIN = seconds(60);

/** An entry that waits for the server is asked for in rounds of this length; a server that comes back starts one at once. */
const WAITING_ROUND = minutes(15);

export class RenewalLoop implements Machine<RenewalOutput> {
  readonly #table: MappingTable;
  readonly #random: () => number;
  /** What the server said against an entry; undefined: the server was silent. */
  readonly #refusalOf: (mapping: Mapping) => string | undefined;

  constructor(table: MappingTable, random: () => number, refusalOf: (mapping: Mapping) => string | undefined) {
    this.#table = table;
    this.#random = random;
    this.#refusalOf = refusalOf;
  }

  nextWake(): Wake | undefined {
    return earliestWake([
      wakeFor(this.#table.nextRenewal(), 'renew'),
      wakeFor(this.#table.nextLeaseEnd(), 'end the lease of'),
    ]);
  }

  handleTimeout(now: Instant): readonly RenewalOutput[] {
    // One announcement for everything that ends at this moment: one event, one step of SystemUpdateID.
    return this.#table.batch(() => [...this.#endLeases(now), ...this.#takeDue(now)]);
  }

  #endLeases(now: Instant): readonly RenewalOutput[] {
    const outputs: RenewalOutput[] = [];
    for (let due = this.#table.nextLeaseEnd(); due !== undefined && due.at <= now; due = this.#table.nextLeaseEnd()) {
      const { mapping } = due;
      const ended = mapping.state === 'waiting' ? asIfRenewed(mapping, now) : mapping;
      this.#table.end(mapping, 'expired', 'its lease is over', now, ended);
      outputs.push({ kind: 'release', mapping: ended });
    }
    return outputs;
  }

  #takeDue(now: Instant): readonly RenewalOutput[] {
    const outputs: RenewalOutput[] = [];
    for (let due = this.#table.nextRenewal(); due !== undefined && due.at <= now; due = this.#table.nextRenewal()) {
      const output = this.#take(due.mapping, now);
      if (output !== undefined) outputs.push(output);
    }
    return outputs;
  }

  #take(mapping: Mapping, now: Instant): RenewalOutput | undefined {
    const { upstream } = mapping;
    if (mapping.state === 'deleting') {
      if (now >= upstream.expiresAt) {
        this.#table.remove(mapping, 'deleted', 'the server kept it to the end of its lifetime');
        return undefined;
      }
      this.#rest(mapping, earlier(after(now, RELEASE_AGAIN), upstream.expiresAt));
      return { kind: 'release', mapping };
    }
    if (mapping.state === 'waiting') return this.#wait(mapping, now);
    if (now >= upstream.expiresAt) {
      const refusal = this.#refusalOf(mapping);
      return refusal === undefined ? this.#wait(mapping, now) : this.#lose(mapping, refusal, now);
    }
    // RFC 6887 §14.1.3: a recovery retransmits; a renewal sends one packet per window.
    if (mapping.state === 'restoring' || mapping.state === 'degraded') {
      this.#rest(mapping, upstream.expiresAt);
      return { kind: 'renew', mapping, until: upstream.expiresAt };
    }
    const next = nextWindow(upstream, now, this.#random);
    this.#table.put({ ...mapping, upstream: next });
    return { kind: 'renew', mapping, until: next.renewAt };
  }

  /** The lease goes on: what was promised comes back when the server does. */
  #wait(mapping: Mapping, now: Instant): RenewalOutput {
    const waiting: Mapping = { ...mapping, state: 'waiting' };
    const until = after(now, WAITING_ROUND);
    this.#rest(waiting, until);
    return { kind: 'renew', mapping: waiting, until };
  }

  #lose(mapping: Mapping, refusal: string, now: Instant): RenewalOutput {
    const gone = asIfRenewed(mapping, now);
    this.#table.end(mapping, 'lost', `the PCP server stopped honouring it: ${refusal}`, now, gone);
    return { kind: 'release', mapping: gone };
  }

  #rest(mapping: Mapping, renewAt: Instant): void {
    this.#table.put({ ...mapping, upstream: { ...mapping.upstream, renewAt } });
  }
}

/** The server may have heard the last renewal though we did not hear its answer: then it has a mapping nobody wants. */
export function asIfRenewed(mapping: Mapping, now: Instant): Mapping {
  const { upstream } = mapping;
  const expiresAt = after(now, between(upstream.grantedAt, upstream.expiresAt));
  return { ...mapping, upstream: { ...upstream, expiresAt } };
}

const wakeFor = (due: DueMapping | undefined, verb: string): Wake | undefined =>
  due === undefined ? undefined : { at: due.at, why: `${verb} ${mappingKeyText(due.mapping).trim()}` };
