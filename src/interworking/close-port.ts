// A port is closed (RFC 6970 §5.8; WANIPConnection:2 §2.5.18, §2.5.19): the entry is found here, its mapping released at
// the server, then it is gone. What the server has not answered yet is owed, and on the disk.

import { isInPortRange } from '../base/port-number.ts';
import { ok, refused } from '../base/result.ts';
import { after, earlier, type Instant } from '../base/time.ts';
import type { Mapping, RemovalReason } from '../mapping/mapping.ts';
import type { ReleaseOutcome } from '../pcp/asking/map-outcome.ts';
import { resultName } from '../pcp/asking/result-code.ts';
import { isOperator, maySeeAll, objectionToDeleting } from './authorization.ts';
import type { Answer, Asker, ClosedPortName, PortName, PortSelection } from './gateway.ts';
import type { Interworking } from './interworking.ts';
import { refusal, refusalOf } from './refusal.ts';
import { asIfRenewed, RELEASE_AGAIN } from './renewal-loop.ts';

export async function closePort(iw: Interworking, asker: Asker, given: ClosedPortName): Promise<Answer<void>> {
  const named = nameMeant(iw, asker, given);
  if (!named.ok) return named;
  const name = named.value;
  const deadline = after(iw.now(), iw.options.answerWithin);
  const answer = await iw.turns.take(`${name.protocol} ${name.externalPort}`, () =>
    closeOnce(iw, asker, name, deadline),
  );
  // What is answered with success stays so after a crash.
  return (await iw.durable()) || !answer.ok ? answer : refused(NOT_ON_DISK);
}

const NOT_ON_DISK = refusal('not kept', 'the disk refused it');
const NO_SUCH_ENTRY = refusal('no such entry', 'there is no such mapping');

/** Without a protocol there must be exactly one mapping of the asker that can be meant. */
function nameMeant(
  iw: Interworking,
  asker: Asker,
  { protocol, externalPort, remoteHost }: ClosedPortName,
): Answer<PortName> {
  if (protocol !== undefined) return ok({ protocol, externalPort, remoteHost });
  const own = (['TCP', 'UDP'] as const)
    .flatMap((one) => iw.table.find({ protocol: one, externalPort, remoteHost }) ?? [])
    .filter((mapping) => mapping.internalClient.equals(asker.address));
  const [only] = own;
  if (only === undefined) return refused(NO_SUCH_ENTRY);
  return own.length === 1 ? ok(only) : refused(refusal('ambiguous', 'a TCP and a UDP mapping could be meant'));
}

async function closeOnce(iw: Interworking, asker: Asker, name: PortName, deadline: Instant): Promise<Answer<void>> {
  // RFC 6970 §5.8: for what is not in the table no packet is sent.
  const mapping = iw.table.find(name);
  if (mapping === undefined) return refused(NO_SUCH_ENTRY);
  const objection = objectionToDeleting(asker, mapping, iw.policy());
  if (objection !== undefined) return refused(objection);
  const why = `${isOperator(asker) ? 'the operator' : asker.address.text} deleted it`;
  if (mapping.state === 'waiting') {
    // The grant is over: only a renewal whose answer was lost may have left something at the server.
    endMapping(iw, mapping, 'deleted', why, asIfRenewed(mapping, iw.now()));
    return ok(undefined);
  }
  const release = iw.releases.begin(mapping, mapping.upstream.expiresAt, true);
  void release.then((outcome) => finish(iw, mapping, outcome, why));
  const answered = new AbortController();
  // RFC 6970 §5.1: that the server cannot be reached is known already, and nothing is gained by waiting.
  const patience = iw.pcp.health() === 'down' ? iw.now() : deadline;
  const outcome = await Promise.race([release, iw.alarms.until(patience, 'answer a delete', answered.signal)]);
  // With a reason: without one an error with a stack would be made each time.
  answered.abort('answered');
  if (typeof outcome === 'string') {
    markDeleting(iw, mapping);
    return refused(refusal('unanswered', 'the server does not answer: it is closed as soon as it does'));
  }
  finish(iw, mapping, outcome, why);
  return outcome.kind === 'released' ? ok(undefined) : refused(refusalOf(outcome));
}

/** Runs once or more for the same outcome. */
function finish(iw: Interworking, mapping: Mapping, outcome: ReleaseOutcome, why: string): void {
  if (outcome.kind === 'released') removeReleased(iw, mapping, why);
  else markDeleting(iw, mapping);
}

/** The entry `mapping` stands for, unless another one took its place. */
const currentOf = (iw: Interworking, mapping: Mapping): Mapping | undefined => {
  const current = iw.table.find(mapping);
  return current?.createdAt === mapping.createdAt && current.upstream.nonce === mapping.upstream.nonce
    ? current
    : undefined;
};

function removeReleased(iw: Interworking, mapping: Mapping, why: string): void {
  if (currentOf(iw, mapping) !== undefined) iw.table.remove(mapping, 'deleted', why);
}

/** RFC 6970 §5.8 asks for nothing more: the entry stays listed, is not renewed, and goes when the server lets it go. */
function markDeleting(iw: Interworking, mapping: Mapping): void {
  const current = currentOf(iw, mapping);
  if (current === undefined || current.state === 'deleting') return;
  const renewAt = earlier(after(iw.now(), RELEASE_AGAIN), current.upstream.expiresAt);
  iw.table.put({ ...current, state: 'deleting', upstream: { ...current.upstream, renewAt } });
}

/**
 * A range (WANIPConnection:2 §2.5.19): one change of the table, one event. The server is told behind the answer, as the RFC
 * allows; that it is still to be told is on the disk before the answer.
 */
export async function closePorts(iw: Interworking, asker: Asker, selection: PortSelection): Promise<Answer<void>> {
  const selected = selectMappings(iw, asker, selection);
  if (selected.length === 0) return refused(NO_SUCH_ENTRY);
  // What may not be deleted is skipped. If that is all of it, the asker should know.
  const allowed = selected.filter((mapping) => objectionToDeleting(asker, mapping, iw.policy()) === undefined);
  if (allowed.length === 0) return refused(refusal('not yours', 'the operator made them'));
  iw.table.batch(() => {
    for (const mapping of allowed) endMapping(iw, mapping, 'deleted', `${asker.address.text} deleted a range`);
  });
  return (await iw.durable()) ? ok(undefined) : refused(NOT_ON_DISK);
}

/** The asker's own entries, or everybody's for those who may see them; lowest port first. */
export function selectMappings(
  iw: Interworking,
  asker: Asker,
  { protocol, ports, manage }: PortSelection,
): readonly Mapping[] {
  const isAll = manage && maySeeAll(asker, iw.policy());
  const candidates = isAll ? [...iw.table.all()] : iw.table.ofClient(asker.address);
  return candidates
    .filter((mapping) => mapping.protocol === protocol && isInPortRange(mapping.externalPort, ports))
    .sort((a, b) => a.externalPort - b.externalPort);
}

/** An entry ends here and now, whatever its server says; the server is told in the background. */
export function endMapping(
  iw: Interworking,
  mapping: Mapping,
  reason: RemovalReason,
  why: string,
  held = mapping,
): void {
  iw.table.end(mapping, reason, why, iw.now(), held);
  void releaseInBackground(iw, held);
}

/**
 * A due retry of the renewal loop, or what is left to do when an entry has gone from the table already: tried until the
 * mapping would have ended by itself, or somebody has it again.
 */
export async function releaseInBackground(iw: Interworking, mapping: Mapping): Promise<void> {
  const { expiresAt } = mapping.upstream;
  for (;;) {
    const outcome = await iw.releases.begin(mapping, expiresAt);
    if (outcome.kind === 'released') removeReleased(iw, mapping, 'the server let it go');
    if (outcome.kind === 'refused')
      iw.log.warn('The PCP server refused to delete a mapping', {
        protocol: mapping.protocol,
        externalPort: mapping.externalPort,
        result: resultName(outcome.code),
      });
    if (outcome.kind !== 'unanswered' || iw.releases.isWanted(mapping)) return;
    const again = earlier(after(iw.now(), RELEASE_AGAIN), expiresAt);
    if (again <= iw.now() || (await iw.alarms.until(again, 'delete a mapping upstream')) === 'cancelled') return;
    if (iw.releases.isWanted(mapping)) return;
  }
}
