// A control point adds what it has already: the lease starts again (WANIPConnection:2 §2.5.16), and a packet goes out
// only when the grant is not good for a while yet.

import { ok, type Result, refused } from '../base/result.ts';
import { after, type Instant, seconds } from '../base/time.ts';
import { type Mapping, mappingKeyText } from '../mapping/mapping.ts';
import { parseNonce } from '../pcp/asking/mapping-nonce.ts';
import { acceptGrant } from './accept-grant.ts';
import { mapSomehow, patienceUntil } from './ask-for-mapping.ts';
import { isOperator } from './authorization.ts';
import type { Interworking } from './interworking.ts';
import { type Asking, makerOf } from './make-mapping.ts';
import { applyNat1RuleUntil, refreshNat1Rule } from './nat1-rule.ts';
import { type Refusal, refusal, refusalOf } from './refusal.ts';
import { leaseEnd, upstreamOf } from './renewal-schedule.ts';
import { renewalRequest } from './upstream-request.ts';

/** The smallest lifetime servers grant (RFC 6887 §15): with as much left, a renewal has time to come. */
const PLENTY = seconds(120);
/** At the deadline itself the answer counts as well. */
const A_MOMENT = seconds(1);

export async function refreshMapping(
  iw: Interworking,
  existing: Mapping,
  asking: Asking,
): Promise<Result<Mapping, Refusal>> {
  if (iw.releases.isUnderWay(existing))
    return refused(refusal('unanswered', 'it is being deleted, and the server is silent'));
  const wanted = withNewTerms(iw, existing, asking);
  if (isServedFromTable(iw, existing, wanted)) return retermed(iw, existing, asking);
  const request = renewalRequest(iw, wanted);
  holdLease(iw, existing, asking.deadline);
  const outcome = await mapSomehow(iw, request, () => patienceUntil(asking.deadline, iw.now(), asking.asker.hungUp));
  if (outcome.kind !== 'granted') {
    const no = refusalOf(outcome);
    if (outcome.kind === 'refused') iw.trouble.set(mappingKeyText(existing), { why: no.why, isRefusal: true });
    return refused(no);
  }
  if (iw.table.find(existing) === undefined) {
    iw.releases.giveBack(request, outcome);
    return refused(refusal('overtaken', 'it ended while it was being renewed'));
  }
  const upstream = upstreamOf(outcome, request, iw.now(), iw.unit);
  const refreshed = acceptGrant(iw, withNewTerms(iw, existing, asking), upstream);
  if (refreshed === undefined) return refused(refusal('not allowed', 'the server moved it to a port it may not have'));
  return refreshed.state === 'degraded'
    ? refused(refusal('taken', 'the server has another port for it now'))
    : ok(refreshed);
}

/** A lease that is being renewed does not end before the answer is there. After a refusal it ends that little later. */
function holdLease(iw: Interworking, { leaseEndsAt, ...rest }: Mapping, deadline: Instant): void {
  const answered = after(deadline, A_MOMENT);
  if (leaseEndsAt !== undefined && leaseEndsAt < answered) iw.table.put({ ...rest, leaseEndsAt: answered });
}

/** The entry with the terms of the new request; the grant is what it was. */
function withNewTerms(iw: Interworking, existing: Mapping, { asker, wish }: Asking): Mapping {
  const current = iw.table.find(existing) ?? existing;
  // What the operator adds is the operator's, and what the operator gave up is who asks for it next.
  const changesHands = isOperator(asker) !== isOperator(current.madeBy);
  return {
    ...current,
    madeBy: changesHands ? makerOf(asker) : current.madeBy,
    isPublished: changesHands ? wish.isExact : current.isPublished,
    internalPort: wish.internalPort,
    description: wish.description,
    remotePeers: wish.remotePeers,
    leaseSeconds: wish.leaseSeconds,
    leaseEndsAt: leaseEnd(iw.now(), wish.leaseSeconds),
  };
}

function isServedFromTable(iw: Interworking, existing: Mapping, wanted: Mapping): boolean {
  return (
    isGoodForAWhile(existing, iw.now()) &&
    samePeers(existing, wanted) &&
    !(iw.options.sendsDescriptions && existing.description !== wanted.description)
  );
}

/** Granted, not doubted, and the first renewal has not failed. */
const isGoodForAWhile = (mapping: Mapping, now: Instant): boolean =>
  mapping.state === 'granted' && mapping.upstream.window === 1 && mapping.upstream.expiresAt >= after(now, PLENTY);

const samePeers = (a: Mapping, b: Mapping): boolean =>
  a.remotePeers.map((peer) => peer.text).join() === b.remotePeers.map((peer) => peer.text).join();

/** No packet: only NAT1 may have to lead elsewhere, and does so before the answer. */
async function retermed(iw: Interworking, existing: Mapping, asking: Asking): Promise<Result<Mapping, Refusal>> {
  if (existing.internalPort !== asking.wish.internalPort) {
    const problem = await applyNat1RuleUntil(iw, withNewTerms(iw, existing, asking), asking.deadline);
    if (problem !== undefined) {
      // It may be taken yet: what the table says has to follow it.
      const kept = iw.table.find(existing);
      if (kept !== undefined) refreshNat1Rule(iw, kept);
      return refused(refusal('not carried', `NAT1: ${problem}`));
    }
    if (iw.table.find(existing) === undefined) return refused(refusal('overtaken', 'it ended meanwhile'));
  }
  const next = withNewTerms(iw, existing, asking);
  iw.table.put(next);
  return ok(next);
}

/**
 * Another internal port for the same external one, without a NAT of our own: delete, make anew, and put the old one
 * back when the port is refused. With NAT1 it is a refresh like any other.
 */
export async function replaceMapping(
  iw: Interworking,
  existing: Mapping,
  asking: Asking,
  make: () => Promise<Result<Mapping, Refusal>>,
): Promise<Result<Mapping, Refusal>> {
  const released = await iw.releases.begin(existing, asking.deadline, true);
  if (released.kind !== 'released')
    return refused(refusal('unanswered', 'the old internal port could not be released'));
  const made = await make();
  if (!made.ok) await putBack(iw, existing, asking);
  return made;
}

async function putBack(iw: Interworking, existing: Mapping, asking: Asking): Promise<void> {
  const current = iw.table.find(existing);
  if (current === undefined) return;
  const doubted: Mapping = { ...current, state: 'restoring', upstream: { ...current.upstream, renewAt: iw.now() } };
  const request = renewalRequest(iw, doubted);
  const nonce = parseNonce(existing.upstream.nonce);
  const again = await mapSomehow(iw, nonce === undefined ? request : { ...request, nonce }, () =>
    patienceUntil(asking.deadline, iw.now(), undefined),
  );
  if (again.kind === 'granted') acceptGrant(iw, current, upstreamOf(again, request, iw.now(), iw.unit));
  else iw.table.put(doubted);
}
