// What every surface for the person at the box is drawn from: the daemon as plain data, and what that person may do. The daemon implements it; nothing behind it is known here.

import type { Result } from '../base/result.ts';
import type { Duration, WallTime } from '../base/time.ts';
import type { TransportProtocol } from '../base/transport-protocol.ts';
import type { LanCounts, LanView } from '../lan/lan-side.ts';
import type { DayView, OperatorEvent } from './event-history.ts';
import type { MappingView } from './mapping-view.ts';

export interface OperatorSource {
  snapshot(): Snapshot;
  lastDay(): DayView;
  /** Prometheus text of everything that is counted. */
  metrics(): string;
  /** Called after each event and after each visible change; returns how to stop. */
  listen(listener: OperatorListener): () => void;
  addMapping(order: MappingOrder): Promise<Result<AddedMapping, OrderRefusal>>;
  deleteMapping(name: MappingName): Promise<Result<void, OrderRefusal>>;
  /** Everything here and at the servers; bounded in time. */
  deleteAll(): Promise<Emptied>;
}

export interface OperatorListener {
  happened(event: OperatorEvent): void;
  /** Something in the snapshot changed that a person would notice. */
  changed(): void;
}

export interface Snapshot {
  readonly takenAt: WallTime;
  readonly startedAt: WallTime;
  readonly version: string;
  readonly isDemo: boolean;
  readonly lan: readonly LanView[];
  readonly wan: WanView;
  readonly servers: readonly ServerView[];
  /** Why there is no server to ask; undefined when there is one. */
  readonly noServerBecause: string | undefined;
  /** As clients are told; undefined: not known. */
  readonly externalAddress: string | undefined;
  /** Whether a stranger on the Internet could reach it. */
  readonly externalAddressIsPublic: boolean;
  readonly mappings: readonly MappingView[];
  /** Of the last day, those that are not there again. */
  readonly lost: readonly LostMappingView[];
  readonly maxMappings: number;
  /** Deletions that PCP servers have not answered yet, of mappings no longer among these. */
  readonly releasesOwed: number;
  /** Why the table is not on the disk; undefined: it is. */
  readonly diskProblem: DiskProblem | undefined;
  readonly subscribers: number;
  readonly doors: DoorCounts;
  /** Earliest first. */
  readonly wakes: readonly { readonly who: string; readonly why: string; readonly in: Duration }[];
}

export interface DiskProblem {
  readonly what: string;
  /** Nothing new is promised until the disk takes it. Otherwise it never took anything, and all is lost at a restart. */
  readonly refusesPorts: boolean;
}

export interface WanView {
  readonly interfaceName: string;
  readonly nat: 'none' | 'nftables';
  /** What is wrong with this box's own NAT; undefined: nothing. */
  readonly natProblem: string | undefined;
  /** Undefined where this box does not translate. */
  readonly natCounts: NatCounts | undefined;
}

export interface NatCounts {
  readonly rules: number;
  readonly elements: number;
  readonly transactions: number;
  readonly failures: number;
}

/** What came to our doors and left by them since the start, besides UPnP actions and talk with PCP servers. */
export interface DoorCounts extends LanCounts {
  /** Datagrams for the PCP client from nobody it talks to. */
  readonly pcpStrangers: number;
}

export type PcpAbility = 'MAP' | 'THIRD_PARTY' | 'PREFER_FAILURE' | 'FILTER' | 'DESCRIPTION';

export interface ServerView {
  readonly id: string;
  readonly addresses: readonly string[];
  /** Requests go there. */
  readonly isCurrent: boolean;
  readonly health: 'up' | 'unknown' | 'down';
  /** How long it has been so. */
  readonly healthFor: Duration;
  /** "PCP 2", "NAT-PMP"; undefined before the first answer. */
  readonly version: string | undefined;
  readonly roundTrip: Duration | undefined;
  readonly abilities: Readonly<Partial<Record<PcpAbility, 'yes' | 'no'>>>;
  readonly traffic: ServerTraffic;
  /** The last refusal, where it was recent enough to matter. */
  readonly lastRefusal: { readonly code: number; readonly ago: Duration } | undefined;
}

/** Counted since the server became known. */
interface ServerTraffic {
  readonly sent: Readonly<Record<'map' | 'release' | 'announce', number>>;
  readonly retransmissions: number;
  readonly unanswered: number;
  /** By result code. */
  readonly results: ReadonlyMap<number, number>;
  /** By reason. */
  readonly ignored: ReadonlyMap<string, number>;
  readonly roundTrips: RoundTripHistogram;
}

interface RoundTripHistogram {
  /** Upper bounds, ascending; `atMost` counts what took no longer than each. */
  readonly bounds: readonly Duration[];
  readonly atMost: readonly number[];
  readonly sum: Duration;
  readonly count: number;
}

/** UPnP's key of a mapping. */
export interface MappingName {
  readonly protocol: TransportProtocol;
  readonly externalPort: number;
  /** "" for everybody. */
  readonly remoteHost: string;
}

export interface MappingOrder extends MappingName {
  readonly internalAddress: string;
  readonly internalPort: number;
  /** 0: the longest there is, a week (WANIPConnection:2 §2.3.16). */
  readonly leaseSeconds: number;
  /** Another port will do. */
  readonly anyPort: boolean;
  readonly description: string;
}

export interface AddedMapping extends MappingName {
  readonly externalAddress: string | undefined;
}

export interface Emptied {
  readonly deleted: number;
  /** What servers have not deleted. */
  readonly left: readonly {
    readonly what: string;
    readonly server: string;
    readonly why: string;
    /** When it ends by itself at the latest. */
    readonly endsIn: Duration;
  }[];
}

export interface OrderRefusal {
  /** The UPnP error a control point would have got; undefined when there is none that fits. */
  readonly code: number | undefined;
  /** In words, with the reason. */
  readonly message: string;
}

// A mapping the PCP server stopped honouring, as people and scripts see it for a day afterwards.

interface LostMappingView {
  readonly protocol: TransportProtocol;
  readonly externalPort: number;
  /** "" for everybody. */
  readonly remoteHost: string;
  readonly internalClient: string;
  readonly internalPort: number;
  readonly ago: Duration;
  readonly why: string;
}
