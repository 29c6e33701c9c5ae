// A mapping the PCP server stopped honouring, as people and scripts see it for a day afterwards.

import type { Duration } from '../base/time.ts';
import type { TransportProtocol } from '../base/transport-protocol.ts';

export interface LostMappingView {
  readonly protocol: TransportProtocol;
  readonly externalPort: number;
  /** "" for everybody. */
  readonly remoteHost: string;
  readonly internalClient: string;
  readonly internalPort: number;
  readonly ago: Duration;
  readonly why: string;
}
