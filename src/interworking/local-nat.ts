// This box's own NAT (NAT1) as interworking sees it (RFC 6970 §5.5). One implementation speaks nftables,
// another lives in memory for tests. With `nat = "none"` there is none at all.

import type { IpAddress } from '../base/ip-address.ts';
import type { PortNumber } from '../base/port-number.ts';
import type { Result } from '../base/result.ts';
import type { Duration } from '../base/time.ts';
import type { TransportProtocol } from '../base/transport-protocol.ts';

export interface Nat1Rule {
  readonly protocol: TransportProtocol;
  /** The port on our WAN address: the PCP internal port of the mapping. */
  readonly nat1Port: PortNumber;
  readonly internalClient: IpAddress;
  readonly internalPort: PortNumber;
  /** Only these may come in; empty: everybody. */
  readonly remotePeers: readonly IpAddress[];
  /** For hairpin: where the outside world reaches it. */
  readonly externalAddress: IpAddress;
  readonly externalPort: PortNumber;
}

/** Why the kernel's table does not hold what it should; for the log. */
export type Nat1Problem = string;

export interface LocalNat {
  /** Why nobody would get in by a new rule, in a clause; undefined: nothing is in the way. Asked before the PCP server is. */
  obstacle(): string | undefined;
  /** A NAT1 port that nothing here uses; `wished` when it is free. Undefined: none left. Held until `unreserve`. */
  reserve(protocol: TransportProtocol, wished: PortNumber): Promise<PortNumber | undefined>;
  /** Marks a port as taken by a mapping read from disk. */
  reserveExactly(protocol: TransportProtocol, port: PortNumber): boolean;
  unreserve(protocol: TransportProtocol, port: PortNumber): void;
  /**
   * Settles when the kernel has the rule. `validFor` is at least the granted lifetime (RFC 6970 §5.5). Also extends and
   * retargets.
   */
  apply(rule: Nat1Rule, validFor: Duration): Promise<Result<void, Nat1Problem>>;
  remove(rule: Nat1Rule): Promise<Result<void, Nat1Problem>>;
}
