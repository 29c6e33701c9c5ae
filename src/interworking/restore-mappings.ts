// Everything is in doubt: the server lost its state, another server took over, our address changed, or this box
// restarted (RFC 6970 §5.10; RFC 6887 §14). Each entry becomes due within 5 s; the renewal loop does the rest.

import { after, between, type Duration, type Instant, later, longer, minutes, scale, seconds } from '../base/time.ts';
import type { Mapping } from '../mapping/mapping.ts';
import { releaseOf } from '../mapping/mapping-table.ts';
import type { Interworking } from './interworking.ts';
import { nat1RuleOf, refreshNat1Rule } from './nat1-rule.ts';

/** RFC 6887 §14.1.3: wait a random time of 0 to 5 s. */
const SPREAD = seconds(5);
/** After our own restart the server has not lost anything: no herd to be part of, only a burst to take the edge off. */
const OWN_RESTART_SPREAD = seconds(1);
/** What is left to a mapping whose fate nobody knows, e.g. after a long outage: enough for a few retransmissions. */
const GRACE = minutes(2);
/** In one log line. */
const MOST_PORTS_NAMED = 10;

/** Puts the entries `inDoubt` back to the server, those that end first in front. */
export function restoreMappings(
  iw: Interworking,
  inDoubt: (mapping: Mapping) => boolean,
  within: Duration = SPREAD,
): number {
  const inQuestion = [...iw.table.all()].filter((mapping) => mapping.state !== 'deleting' && inDoubt(mapping));
  const times = spread(iw, inQuestion.length, within);
  inQuestion.sort((a, b) => a.upstream.expiresAt - b.upstream.expiresAt);
  iw.table.batch(() => {
    for (const [index, mapping] of inQuestion.entries()) {
      const renewAt = times[index] ?? iw.now();
      // What waits for the server is not open, and is only asked for sooner.
      const doubted =
        mapping.state === 'waiting'
          ? { ...mapping, upstream: { ...mapping.upstream, renewAt } }
          : doubtedEntry(mapping, renewAt, iw.now());
      iw.table.put(doubted);
      if (doubted.upstream.expiresAt !== mapping.upstream.expiresAt) refreshNat1Rule(iw, doubted);
    }
  });
  return inQuestion.length;
}

export const doubtedEntry = (mapping: Mapping, renewAt: Instant, now: Instant): Mapping => ({
  ...mapping,
  state: 'restoring',
  upstream: { ...mapping.upstream, renewAt, expiresAt: later(mapping.upstream.expiresAt, after(now, GRACE)) },
});

const spread = (iw: Interworking, count: number, within: Duration): readonly Instant[] =>
  Array.from({ length: count }, () => after(iw.now(), scale(within, iw.unit()))).sort((a, b) => a - b);

/**
 * This box restarted: what was in force comes back under the same ports and nonces, leases that ended meanwhile are
 * deleted at the server, NAT1 has its rules again before the first packet leaves.
 */
export function resumeMappings(iw: Interworking, stored: readonly Mapping[]): void {
  const now = iw.now();
  const ended: Mapping[] = [];
  iw.table.batch(() => {
    for (const mapping of stored) {
      iw.releases.inherit(mapping);
      if (mapping.leaseEndsAt !== undefined && mapping.leaseEndsAt <= now) {
        ended.push(mapping);
        letGo(iw, mapping);
      } else if (takesNat1Port(iw, mapping)) {
        const isAsItWas = mapping.state === 'deleting' || mapping.state === 'waiting';
        iw.table.put(isAsItWas ? mapping : doubtedEntry(mapping, now, now));
      } else {
        iw.log.warn('A stored mapping does not fit this configuration and is dropped', {
          protocol: mapping.protocol,
          externalPort: mapping.externalPort,
        });
        letGo(iw, mapping);
      }
    }
  });
  if (ended.length > 0)
    iw.log.info(`${ended.length} of ${stored.length} stored mappings are dropped: their leases ended in the meantime`, {
      ports: ended.slice(0, MOST_PORTS_NAMED).map(({ protocol, externalPort }) => `${protocol} ${externalPort}`),
    });
  for (const mapping of iw.table.all())
    if (mapping.state !== 'waiting' && nat1RuleOf(mapping) !== undefined) refreshNat1Rule(iw, mapping);
  restoreMappings(iw, () => true, OWN_RESTART_SPREAD);
}

/** It never gets into the table: nothing else would take its NAT1 rule and its place at the server away. */
function letGo(iw: Interworking, mapping: Mapping): void {
  // Two stored entries for one mapping: the other one lives on.
  if (iw.table.withNonce(mapping.upstream.nonce).length > 0) return;
  const rule = nat1RuleOf(mapping);
  if (rule !== undefined) void iw.localNat?.remove(rule);
  // Renewals of the last minutes need not have been written: the grant may be as new as can be.
  const { grantedAt, expiresAt } = mapping.upstream;
  const until = after(iw.now(), longer(between(grantedAt, expiresAt), GRACE));
  iw.table.ledger.owe(releaseOf(mapping, until), iw.now());
  void iw.releases.begin(mapping, until);
}

/** A table written with NAT1 is of no use without, and the other way round: the internal ports mean other things. */
function takesNat1Port(iw: Interworking, mapping: Mapping): boolean {
  if (iw.localNat === undefined) return mapping.nat1Port === undefined;
  return mapping.nat1Port !== undefined && iw.localNat.reserveExactly(mapping.protocol, mapping.nat1Port);
}
