// What every question of RFC 6970 is answered with: the table, the two sides, the operator's choices, and what is
// remembered between requests. Made by `create-gateway.ts`; no rule lives here.

import type { RandomSource } from '../base/host.ts';
import type { IpAddress } from '../base/ip-address.ts';
import type { Log } from '../base/log.ts';
import type { PortNumber } from '../base/port-number.ts';
import { type Duration, days, type Instant, minutes, seconds, type WallTime } from '../base/time.ts';
import type { MappingTable } from '../mapping/mapping-table.ts';
import type { Alarms } from './alarms.ts';
import type { Asker, PortName, Wish } from './gateway.ts';
import type { LocalNat } from './local-nat.ts';
import type { LostMappings, RefusalFeed } from './mishaps.ts';
import type { DrawNonce, NonceBook } from './nonce-book.ts';
import type { PcpService } from './pcp-service.ts';
import type { Policy } from './policy.ts';
import type { PortTurns } from './port-turns.ts';
import type { Quota, RequestRate } from './quota.ts';
import type { Releases } from './releases.ts';
import type { ServerReturn } from './server-return.ts';

export interface GatewayOptions {
  /** A control point gets its answer within this, 501 if the server is silent (RFC 6970 §5.1). */
  readonly answerWithin: Duration;
  /** THIRD_PARTY only on a network trusted as a whole (RFC 6970 §6). */
  readonly isTrustedNetwork: boolean;
  /** 'rfc': GetSpecificPortMappingEntry asks upstream (RFC 6970 §5.7). */
  readonly probe: 'off' | 'rfc';
  /** Descriptions go upstream (RFC 7220); they may name people. */
  readonly sendsDescriptions: boolean;
  /** For servers without PREFER_FAILURE: take any port, and give it back when it is another one. */
  readonly emulatesPreferFailure: boolean;
  /** Extra attempts, 30 s apart, after a short-lifetime error (RFC 6970 §5.6.1, §5.6.2: the RFC's figures are 1 and 2). */
  readonly resendsAfterShortError: number;
  readonly resendsAfterShortConflict: number;
  /** With no mapping to know the external address from: ask with a short MAP, keep one such MAP alive, or say nothing. */
  readonly externalAddress: 'probe' | 'anchor' | 'off';
  /** A host that seems gone keeps its mappings this long, in case it comes back. */
  readonly hostGrace: Duration;
  /** A host without an address lease that nobody saw for so long is taken for gone. */
  readonly unseenHostKept: Duration;
}

export const DEFAULT_GATEWAY_OPTIONS: GatewayOptions = {
  answerWithin: seconds(4),
  isTrustedNetwork: false,
  probe: 'off',
  sendsDescriptions: false,
  emulatesPreferFailure: false,
  resendsAfterShortError: 0,
  resendsAfterShortConflict: 0,
  externalAddress: 'probe',
  hostGrace: minutes(2),
  unseenHostKept: days(1),
};

/** What the daemon provides. */
export interface GatewayContext {
  readonly table: MappingTable;
  readonly pcp: PcpService;
  /** Undefined: this box does not NAT. */
  readonly localNat: LocalNat | undefined;
  /** Asked for each request: a reload may change it. */
  readonly policy: () => Policy;
  readonly options: GatewayOptions;
  readonly now: () => Instant;
  readonly wallTime: () => WallTime;
  readonly random: RandomSource;
  /** Left out: at random. Better derived from a secret on the disk: then a crash between asking and noting locks nobody out. */
  readonly drawNonce?: DrawNonce;
  readonly log: Log;
  /** From the neighbour table. */
  readonly macOf: (address: IpAddress) => string | undefined;
  /** Settles when every change of the table so far survives a crash: true; or when the disk refuses it: false. */
  readonly durable: () => Promise<boolean>;
  /** Why the disk takes nothing at present; undefined: it does. Asked before a port is opened. */
  readonly diskProblem: () => string | undefined;
}

export interface Trouble {
  readonly why: string;
  /** The server was heard, and said no. */
  readonly isRefusal: boolean;
}

export interface Interworking extends GatewayContext {
  readonly unit: () => number;
  readonly turns: PortTurns;
  readonly alarms: Alarms;
  readonly nonces: NonceBook;
  readonly quota: Quota;
  readonly rate: RequestRate;
  readonly serverReturn: ServerReturn;
  readonly refusals: RefusalFeed;
  readonly lost: LostMappings;
  readonly releases: Releases;
  readonly probes: PortProbes;
  readonly external: ExternalAddresses;
  /** Why the last attempt to renew an entry failed, by the entry's key; no longer than the table. */
  readonly trouble: Map<string, Trouble>;
  /** How often servers put what they had granted in doubt: what was granted before and put into the table later is in doubt, too. */
  readonly doubts: { count: number };
  /** By nonce: which renewal asked last. What an earlier one brings back is stale; no longer than the table. */
  readonly renewals: Map<string, symbol>;
}

/** `probe-reservations.ts`. */
export interface PortProbes {
  probe(iw: Interworking, asker: Asker, name: PortName, deadline: Instant): Promise<'free' | 'taken' | 'unanswered'>;
  /** The NAT1 port that was tried before for the same client; undefined: none, or it was given back. */
  takeFor(wish: Wish): Promise<{ readonly nat1Port: PortNumber | undefined } | undefined>;
}

/** `external-address.ts`. */
export interface ExternalAddresses {
  ofClient(client: IpAddress): IpAddress | undefined;
}
