// A mapping as this box's own NAT must hold it (RFC 6970 §5.5), and the table's removals carried over to it.

import { between, type Instant } from '../base/time.ts';
import type { Mapping, MappingChanges } from '../mapping/mapping.ts';
import type { Interworking } from './interworking.ts';
import type { LocalNat, Nat1Rule } from './local-nat.ts';

export function nat1RuleOf(mapping: Mapping): Nat1Rule | undefined {
  if (mapping.nat1Port === undefined) return undefined;
  return {
    protocol: mapping.protocol,
    nat1Port: mapping.nat1Port,
    internalClient: mapping.internalClient,
    internalPort: mapping.internalPort,
    remotePeers: mapping.remotePeers,
    externalAddress: mapping.upstream.assignedAddress,
    externalPort: mapping.upstream.assignedPort,
  };
}

/** Undefined: done, or nothing to do. RFC 6970 §5.5: never valid for less than the PCP server has granted. */
async function applyNat1Rule(
  localNat: LocalNat | undefined,
  mapping: Mapping,
  now: Instant,
): Promise<string | undefined> {
  const rule = nat1RuleOf(mapping);
  if (localNat === undefined || rule === undefined) return undefined;
  const applied = await localNat.apply(rule, between(now, mapping.upstream.expiresAt));
  return applied.ok ? undefined : applied.error;
}

/** nft may hang; the patience of a control point ends all the same, with a rule that comes late or never. */
export function applyNat1RuleUntil(iw: Interworking, mapping: Mapping, deadline: Instant): Promise<string | undefined> {
  const answered = new AbortController();
  return new Promise((resolve) => {
    void applyNat1Rule(iw.localNat, mapping, iw.now()).then((problem) => {
      resolve(problem);
      answered.abort();
    });
    void iw.alarms.until(deadline, "stop waiting for this box's NAT", answered.signal).then((how) => {
      if (how === 'rang') resolve('the kernel did not take the rule in time');
    });
  });
}

/** For an entry that is there already: a kernel that refuses is logged, the entry stays and the next renewal tries again. */
export function refreshNat1Rule(iw: Interworking, mapping: Mapping): void {
  void applyNat1Rule(iw.localNat, mapping, iw.now()).then((problem) => {
    if (problem !== undefined) iw.log.warn('The NAT1 rule of a mapping could not be set', { problem });
  });
}

/** No rule outlives its entry, whatever ended it. An entry that waits for the server keeps its port, but no rule. */
export function removeNat1Rules(iw: Interworking, changes: MappingChanges): void {
  for (const change of changes) {
    const startsToWait =
      change.kind === 'updated' && change.mapping.state === 'waiting' && change.previous.state !== 'waiting';
    const rule = change.kind === 'removed' || startsToWait ? nat1RuleOf(change.mapping) : undefined;
    if (rule === undefined || iw.localNat === undefined) continue;
    void iw.localNat.remove(rule).then((removed) => {
      if (!removed.ok)
        iw.log.warn('The NAT1 rule of an ended mapping could not be removed', { problem: removed.error });
    });
    if (!startsToWait) iw.localNat.unreserve(rule.protocol, rule.nat1Port);
  }
}
