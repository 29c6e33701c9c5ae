// Every mapping ends, here and at its server: when the gateway closes for good, or the operator wants nothing left open.
// Bounded in time, and honest about what a server did not delete (RFC 6887 §15).

import { after, between, type Duration, earlier, type Instant, seconds } from '../base/time.ts';
import { type OwedRelease, placeText } from '../mapping/ledger.ts';
import type { Mapping, RemovalReason } from '../mapping/mapping.ts';
import type { ReleaseOutcome } from '../pcp/asking/map-outcome.ts';
import { resultName } from '../pcp/asking/result-code.ts';
import type { Interworking } from './interworking.ts';

export interface LeftAtServer {
  readonly what: string;
  readonly server: string;
  readonly why: string;
  /** When it ends by itself at the latest. */
  readonly endsIn: Duration;
}

export interface EmptiedTable {
  readonly deleted: number;
  readonly left: readonly LeftAtServer[];
}

/** Debts to servers that are not in use are paid one by one in the background. */
const LOOK_EVERY = seconds(0.1);

export async function deleteAllMappings(iw: Interworking, within: Duration): Promise<EmptiedTable> {
  const until = after(iw.now(), within);
  const mappings = [...iw.table.all()];
  const outcomes = await emptyTable(iw, until, 'deleted', 'the operator deleted all');
  while (iw.table.ledger.owed(iw.now()).length > 0 && iw.now() < until) {
    const next = earlier(until, after(iw.now(), LOOK_EVERY));
    if ((await iw.alarms.until(next, 'see whether all is deleted')) === 'cancelled') break;
  }
  await iw.durable();
  const names = new Map(mappings.map((mapping) => [placeText(placeOf(mapping)), nameOf(mapping)]));
  const silent = iw.table.ledger.owed(iw.now()).map((debt) => ({
    what: names.get(placeText(debt)) ?? placeName(debt),
    server: debt.server,
    why: 'no answer',
    endsIn: between(iw.now(), debt.endsAt),
  }));
  const unwilling = mappings.flatMap((mapping, index) => {
    const outcome = outcomes[index];
    if (outcome?.kind !== 'refused') return [];
    const { server, expiresAt } = mapping.upstream;
    return [{ what: nameOf(mapping), server, why: resultName(outcome.code), endsIn: between(iw.now(), expiresAt) }];
  });
  return { deleted: mappings.length, left: [...silent, ...unwilling] };
}

/** Settles with what each server said, in the order of the table. */
export function emptyTable(
  iw: Pick<Interworking, 'table' | 'releases' | 'now'>,
  until: Instant,
  reason: RemovalReason,
  why: string,
): Promise<readonly ReleaseOutcome[]> {
  const { table, releases } = iw;
  const mappings = [...table.all()];
  table.batch(() => {
    for (const mapping of mappings) table.end(mapping, reason, why, iw.now());
  });
  return Promise.all(mappings.map((mapping) => releases.begin(mapping, until)));
}

const placeOf = ({ protocol, upstream }: Mapping) => ({ protocol, ...upstream });

const nameOf = ({ protocol, externalPort, internalClient, internalPort }: Mapping): string =>
  `${protocol} ${externalPort} → ${internalClient.text}:${internalPort}`;

/** Of a mapping deleted before, nobody knows the external port any more. */
const placeName = ({ protocol, internalAddress, internalPort }: OwedRelease): string =>
  `${protocol} for ${internalAddress.text}:${internalPort}`;
