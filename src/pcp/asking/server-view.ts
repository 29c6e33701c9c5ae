// One server as plain data, for whoever shows it: status page, `igd2pcp status`, metrics, doctor.

import { endpointText } from '../../base/ip-address.ts';
import type { Instant } from '../../base/time.ts';
import type { ProtocolName } from './client-output.ts';
import type { EpochSample } from './epoch.ts';
import type { Health } from './liveness.ts';
import type { ServerId } from './map-outcome.ts';
import type { MandatoryOption, OptionState } from './option-support.ts';
import type { HoldView } from './refusal-memory.ts';
import type { ServerContext } from './server-context.ts';
import type { CountersView } from './server-counters.ts';

export interface ServerView {
  readonly id: ServerId;
  readonly addresses: readonly string[];
  /** The one in use. */
  readonly address: string | undefined;
  readonly source: string | undefined;
  readonly health: Health;
  readonly protocol: ProtocolName;
  /** Seconds, and when they were read; undefined before the first answer. */
  readonly epoch: EpochSample | undefined;
  readonly heardAt: Instant | undefined;
  readonly options: Readonly<Record<MandatoryOption, OptionState>>;
  readonly holds: readonly HoldView[];
  readonly queued: number;
  readonly inFlight: number;
  readonly held: number;
  readonly counters: CountersView;
}

export function viewOf(
  context: ServerContext,
  counts: { readonly queued: number; readonly inFlight: number; readonly held: number },
  epoch: EpochSample | undefined,
  health: Health,
  now: Instant,
): ServerView {
  const { choice, counters, knowledge, liveness, id } = context;
  return {
    id,
    addresses: choice.addresses.map(({ endpoint }) => endpointText(endpoint)),
    address: choice.active === undefined ? undefined : endpointText(choice.active.endpoint),
    source: choice.active?.source.text,
    health,
    protocol: knowledge.dialect.name,
    epoch,
    heardAt: liveness.heardAt,
    options: knowledge.options(now),
    holds: knowledge.holds(now),
    ...counts,
    counters: counters.view(),
  };
}
