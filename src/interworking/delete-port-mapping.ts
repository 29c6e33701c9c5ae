// DeletePortMapping (RFC 6970 §5.8; WANIPConnection:2 §2.5.18): found here, released at the server, then gone.

import { ok, refused } from '../base/result.ts';
import { after, earlier, type Instant } from '../base/time.ts';
import type { Mapping } from '../mapping/mapping.ts';
import type { ReleaseOutcome } from '../pcp/asking/map-outcome.ts';
import { resultName } from '../pcp/asking/result-code.ts';
import { objectionToDeleting } from './authorization.ts';
import { upnpErrorOfOutcome } from './error-translation.ts';
import type { Answer, ControlPoint, DeletedPortMappingName, PortMappingName } from './gateway.ts';
import type { Interworking } from './interworking.ts';
import { asIfRenewed, RELEASE_AGAIN } from './renewal-loop.ts';

export async function deletePortMapping(
  iw: Interworking,
  asker: ControlPoint,
  given: DeletedPortMappingName,
): Promise<Answer<void>> {
  const named = nameMeant(iw, asker, given);
  if (!named.ok) return named;
  const name = named.value;
  const deadline = after(iw.now(), iw.options.answerWithin);
  const answer = await iw.turns.take(`${name.protocol} ${name.externalPort}`, () =>
    deleteOnce(iw, asker, name, deadline),
  );
  // What is answered with success stays so after a crash.
  return (await iw.durable()) || !answer.ok ? answer : refused(501);
}

/** Without a protocol there must be exactly one mapping of the asker that can be meant. */
function nameMeant(
  iw: Interworking,
  asker: ControlPoint,
  { protocol, externalPort, remoteHost }: DeletedPortMappingName,
): Answer<PortMappingName> {
  if (protocol !== undefined) return ok({ protocol, externalPort, remoteHost });
  const own = (['TCP', 'UDP'] as const)
    .flatMap((one) => iw.table.find({ protocol: one, externalPort, remoteHost }) ?? [])
    .filter((mapping) => mapping.internalClient.equals(asker.address));
  const [only] = own;
  if (only === undefined) return refused(714);
  return own.length === 1 ? ok(only) : refused(asker.igd === 1 ? 402 : 601);
}

async function deleteOnce(
  iw: Interworking,
  asker: ControlPoint,
  name: PortMappingName,
  deadline: Instant,
): Promise<Answer<void>> {
  // RFC 6970 §5.8: what is not in the table is 714, and no packet.
  const mapping = iw.table.find(name);
  if (mapping === undefined) return refused(714);
  const objection = objectionToDeleting(asker, mapping, iw.policy());
  if (objection !== undefined) return refused(objection.code);
  const why = `${asker.isOperator ? 'the operator' : asker.address.text} deleted it`;
  if (mapping.state === 'waiting') {
    // The grant is over: only a renewal whose answer was lost may have left something at the server.
    const last = asIfRenewed(mapping, iw.now());
    iw.releases.owe(last);
    iw.table.remove(mapping, 'deleted', why);
    void releaseInBackground(iw, last);
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
    return refused(501);
  }
  finish(iw, mapping, outcome, why);
  return outcome.kind === 'released'
    ? ok(undefined)
    : refused(upnpErrorOfOutcome(outcome, 'DeletePortMapping', asker.igd));
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

/** RFC 6970 §5.8 says 501 and no more: the entry stays listed, is not renewed, and goes when the server lets it go. */
function markDeleting(iw: Interworking, mapping: Mapping): void {
  const current = currentOf(iw, mapping);
  if (current === undefined || current.state === 'deleting') return;
  const renewAt = earlier(after(iw.now(), RELEASE_AGAIN), current.upstream.expiresAt);
  iw.table.put({ ...current, state: 'deleting', upstream: { ...current.upstream, renewAt } });
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
