// What the parts of one server's conversation share.

import type { AddressChoice } from './address-order.ts';
import type { ClientOutput } from './client-output.ts';
import type { Liveness } from './liveness.ts';
import type { ServerId } from './map-outcome.ts';
import type { ServerKnowledge } from './server-knowledge.ts';
import type { ServerCounters } from './server-view.ts';

export interface ServerContext {
  readonly id: ServerId;
  choice: AddressChoice;
  readonly liveness: Liveness;
  readonly knowledge: ServerKnowledge;
  readonly counters: ServerCounters;
  /** Uniform in [0, 1). */
  readonly unit: () => number;
}

export type Outputs = readonly ClientOutput[];
export const NOTHING: Outputs = [];
