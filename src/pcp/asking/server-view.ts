// One server as plain data, for whoever shows it: status page, `igd2pcp status`, metrics, doctor. What happened with it is
// counted here, too; the counters decide nothing.

import { endpointText } from '../../base/ip-address.ts';
import { type Duration, type Instant, milliseconds } from '../../base/time.ts';
import type { AddressChoice } from './address-order.ts';
import type { DatagramIgnoredBecause, ProtocolName } from './client-output.ts';
import type { EpochSample } from './epoch.ts';
import type { Health } from './liveness.ts';
import type { ServerId } from './map-outcome.ts';
import type { MandatoryOption, OptionState } from './option-support.ts';
import type { HoldView } from './refusal-memory.ts';
import { type ResultCode, SUCCESS } from './result-code.ts';

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
  choice: AddressChoice,
  counters: ServerCounters,
  rest: Omit<ServerView, 'addresses' | 'address' | 'source' | 'counters'>,
): ServerView {
  const { addresses, active } = choice;
  return {
    addresses: addresses.map(({ endpoint }) => endpointText(endpoint)),
    address: endpointText(active.endpoint),
    source: active.source.text,
    ...rest,
    counters: counters.view(),
  };
}

export type RequestKind = 'map' | 'release' | 'announce';

export interface CountersView {
  readonly sent: Readonly<Record<RequestKind, number>>;
  readonly retransmissions: number;
  readonly results: ReadonlyMap<ResultCode, number>;
  readonly lastRefusal: { readonly code: ResultCode; readonly at: Instant } | undefined;
  readonly unanswered: number;
  readonly ignored: ReadonlyMap<DatagramIgnoredBecause, number>;
  readonly lastRoundTrip: Duration | undefined;
  readonly medianRoundTrip: Duration | undefined;
  readonly roundTrips: RoundTripHistogram;
}

/** Since the beginning; `atMost[i]` counts what took no longer than `bounds[i]`. */
export interface RoundTripHistogram {
  readonly bounds: readonly Duration[];
  readonly atMost: readonly number[];
  readonly sum: Duration;
  readonly count: number;
}

// From a server next door to the first retransmission, 3 s and what jitter adds to it (RFC 6887 §8.1.1).
const ROUND_TRIP_BOUNDS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 4000].map(milliseconds);

/** Enough for a steady median, few enough to follow a change of the path. */
const ROUND_TRIPS_KEPT = 31;

export class ServerCounters {
  readonly #sent: Record<RequestKind, number> = { map: 0, release: 0, announce: 0 };
  readonly #results = new Map<ResultCode, number>();
  readonly #ignored = new Map<DatagramIgnoredBecause, number>();
  #roundTrips: Duration[] = [];
  readonly #atMost = ROUND_TRIP_BOUNDS.map(() => 0);
  #roundTripSum = 0;
  #roundTripCount = 0;
  #retransmissions = 0;
  #unanswered = 0;
  #lastRefusal: CountersView['lastRefusal'];

  sent(kind: RequestKind, isRetransmission: boolean): void {
    this.#sent[kind] += 1;
    if (isRetransmission) this.#retransmissions += 1;
  }

  answered(code: ResultCode, now: Instant): void {
    this.#results.set(code, (this.#results.get(code) ?? 0) + 1);
    if (code !== SUCCESS) this.#lastRefusal = { code, at: now };
  }

  gaveUp(): void {
    this.#unanswered += 1;
  }

  ignored(why: DatagramIgnoredBecause): void {
    this.#ignored.set(why, (this.#ignored.get(why) ?? 0) + 1);
  }

  tookRoundTrip(time: Duration): void {
    this.#roundTrips = [...this.#roundTrips.slice(1 - ROUND_TRIPS_KEPT), time];
    this.#roundTripSum += time;
    this.#roundTripCount += 1;
    for (const [index, bound] of ROUND_TRIP_BOUNDS.entries()) {
      if (time <= bound) this.#atMost[index] = (this.#atMost[index] ?? 0) + 1;
    }
  }

  view(): CountersView {
    const sorted = [...this.#roundTrips].sort((a, b) => a - b);
    return {
      sent: { ...this.#sent },
      retransmissions: this.#retransmissions,
      results: new Map(this.#results),
      lastRefusal: this.#lastRefusal,
      unanswered: this.#unanswered,
      ignored: new Map(this.#ignored),
      lastRoundTrip: this.#roundTrips.at(-1),
      medianRoundTrip: sorted[sorted.length >> 1],
      roundTrips: {
        bounds: ROUND_TRIP_BOUNDS,
        atMost: [...this.#atMost],
        sum: milliseconds(this.#roundTripSum),
        count: this.#roundTripCount,
      },
    };
  }
}
