// The shape of every rule that depends on time: inputs and `now` go in, a closed list of outputs comes back,
// and the machine can always say when it wants to be asked again, and why. No machine owns a timer.

import type { Instant } from './time.ts';

export interface Wake {
  readonly at: Instant;
  /** For people: "renew TCP 6881". Shown by the log, `igd2pcp status` and the status page. */
  readonly why: string;
}

export interface Machine<Output> {
  nextWake(): Wake | undefined;
  handleTimeout(now: Instant): readonly Output[];
}

export function earliestWake(wakes: Iterable<Wake | undefined>): Wake | undefined {
  let first: Wake | undefined;
  for (const wake of wakes) {
    if (wake !== undefined && (first === undefined || wake.at < first.at)) first = wake;
  }
  return first;
}
