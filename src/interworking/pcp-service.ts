// The external side as interworking sees it. `upstream/pcp-session.ts` implements it over the PCP client and, as a
// fallback, over NAT-PMP; another upstream protocol would be another implementation of this one interface.

import type { IpAddress } from '../base/ip-address.ts';
import type { Duration, Instant } from '../base/time.ts';
import type { MapOutcome, MappingUpdate, ReleaseOutcome, ServerId, Withdrawal } from '../pcp/asking/map-outcome.ts';
import type { MapKey, MapRequest } from '../pcp/asking/map-request.ts';

export type Patience =
  /** A control point waits: retransmit as RFC 6887 §8.1.1 says, give up after the budget and withdraw. */
  | { readonly kind: 'answer within'; readonly budget: Duration; readonly hungUp?: AbortSignal }
  /** A renewal: one packet for this window (RFC 6887 §11.2.1); unanswered when `until` has come. Paced. */
  | { readonly kind: 'one packet'; readonly until: Instant }
  /** A recovery: retransmit until `until`, paced, oldest expiry first. */
  | { readonly kind: 'keep trying'; readonly until: Instant };

export interface PcpService {
  map(request: MapRequest, patience: Patience): Promise<MapOutcome>;
  /** MAP with lifetime 0 (RFC 6887 §15). Tried until answered or `until`. Paced, unless a control point waits for it. */
  release(key: MapKey, until: Instant, isWaitedFor?: boolean): Promise<ReleaseOutcome>;
  /**
   * A release that is owed from before, to that server or to none. Paced, behind whatever ends sooner; `unanswered` while
   * the same mapping is being asked for, as its answer decides.
   */
  releaseOwed(server: ServerId, key: MapKey, until: Instant): Promise<ReleaseOutcome>;
  /** Whom the next request would go to; undefined when there is no candidate. */
  currentServer(): ServerId | undefined;
  /** "down": a request would be answered `unanswered` at once (RFC 6970 §5.1). */
  health(): 'up' | 'unknown' | 'down';
  /** Somebody wants a server that is down. True: it is being asked whether it is back; not more than every 10 s. */
  seek(): boolean;
  /** Our own address as the server sees it; undefined before the first socket. */
  sourceAddress(): IpAddress | undefined;
  /** Whether the upstream protocol can carry a request for another host (NAT-PMP cannot). */
  canNameThirdParty(): boolean;
  canFilterRemotePeers(): boolean;
  listen(listener: PcpServiceListener): void;
}

export interface PcpServiceListener {
  /** Its epoch says so (RFC 6887 §8.5): every mapping made there is in doubt. Not called twice for one loss. */
  serverLostState(server: ServerId): void;
  /** An unsolicited MAP response for a mapping of ours (RFC 6887 §11.5). Copies are dropped before. */
  mappingUpdated(update: MappingUpdate): void;
  /** A mapping is or may be there that nobody wants; the client releases it by itself, as long as the process lives. */
  withdrawal(withdrawal: Withdrawal): void;
  /** Requests now go to another server, or none. */
  serverChanged(server: ServerId | undefined): void;
  /** The address we send from changed: what was mapped from the old one must be mapped anew (RFC 6970 §5.10). */
  sourceAddressChanged(address: IpAddress | undefined): void;
  healthChanged(): void;
}
