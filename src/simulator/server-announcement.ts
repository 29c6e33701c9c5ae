// What the server says without being asked (RFC 6887 §14): the restart announcement, and the Mapping Update that tells a
// client its mapping has another address or port now, or is gone.

import type { IpAddress } from '../base/ip-address.ts';
import { after, between, type Duration, type Instant, inSeconds, milliseconds, scale } from '../base/time.ts';
import { PROTOCOL_NUMBER } from '../base/transport-protocol.ts';
import { CANNOT_PROVIDE_EXTERNAL, SUCCESS } from '../pcp/asking/result-code.ts';
import { encodeNatPmpResponse } from '../pcp/wire/nat-pmp-response.ts';
import type { Option } from '../pcp/wire/option.ts';
import { encodeResponse } from '../pcp/wire/pcp-response.ts';
import { SHORT_ERROR_SECONDS } from './answer-map.ts';
import { remainingOf, type SimulatedMapping } from './served-mappings.ts';
import type { SpokenProtocol } from './simulator-options.ts';

/** RFC 6887 §14.1.1; a NAT-PMP gateway sends its external address instead (RFC 6886 §3.2.1). */
export function restartAnnouncement(speaks: SpokenProtocol, address: IpAddress | undefined, epoch: number): Uint8Array {
  return speaks === 'NAT-PMP'
    ? encodeNatPmpResponse({ kind: 'external address', code: SUCCESS, epoch, address })
    : encodeResponse({ kind: 'announce', code: SUCCESS, lifetimeSeconds: 0, epoch, options: [] });
}

/** RFC 6887 §14.2. Undefined for mappings without a nonce: nobody could tell that it is about theirs. */
export function mappingUpdate(
  mapping: SimulatedMapping,
  isRevoked: boolean,
  epoch: number,
  now: Instant,
): Uint8Array | undefined {
  if (mapping.nonce === undefined) return undefined;
  return encodeResponse({
    kind: 'map',
    code: isRevoked ? CANNOT_PROVIDE_EXTERNAL : SUCCESS,
    lifetimeSeconds: isRevoked ? SHORT_ERROR_SECONDS : Math.floor(inSeconds(remainingOf(mapping, now))),
    epoch,
    nonce: mapping.nonce,
    protocol: PROTOCOL_NUMBER[mapping.protocol],
    internalPort: mapping.internalPort,
    externalPort: mapping.externalPort,
    externalAddress: mapping.externalAddress,
    options: optionsOf(mapping),
  });
}

/** RFC 6887 §14.2: THIRD_PARTY and FILTER come back if they were in the request. */
function optionsOf(mapping: SimulatedMapping): readonly Option[] {
  const filters = mapping.filters.map(
    (filter): Option => ({
      kind: 'filter',
      prefixBits: filter.prefixBits,
      remotePort: filter.port,
      remoteAddress: filter.address,
    }),
  );
  return mapping.isThirdParty
    ? [{ kind: 'third party', internalAddress: mapping.internalAddress }, ...filters]
    : filters;
}

// The server's Epoch Time (RFC 6887 §8.5): seconds since it last lost its state. Its rate may be made wrong.

export class ServerEpoch {
  #secondsAtMark = 0;
  #mark: Instant;
  #rate = 1;

  constructor(now: Instant) {
    this.#mark = now;
  }

  value(now: Instant): number {
    const seconds = this.#secondsAtMark + inSeconds(between(this.#mark, now)) * this.#rate;
    return Math.min(Math.max(0, Math.floor(seconds)), 0xffff_ffff);
  }

  setRate(rate: number, now: Instant): void {
    if (rate === this.#rate) return;
    this.set(this.value(now), now);
    this.#rate = rate;
  }

  set(seconds: number, now: Instant): void {
    this.#secondsAtMark = seconds;
    this.#mark = now;
  }
}

// Sends of the same thing again and again with doubling gaps: restart announcements (RFC 6887 §14.1.1: up to ten copies,
// 250 ms and more apart) and Mapping Updates (§14.2: three copies). What a copy looks like is decided when it is due.

const FIRST_GAP = milliseconds(250);

interface Series<Item> {
  readonly item: Item;
  readonly copiesLeft: number;
  readonly nextAt: Instant;
  readonly gap: Duration;
}

export class CopySchedule<Item> {
  readonly #series = new Map<string, Series<Item>>();

  /** The first copy is due at once. Replaces a series of the same name. */
  start(name: string, item: Item, copies: number, now: Instant): void {
    if (copies > 0) this.#series.set(name, { item, copiesLeft: copies, nextAt: now, gap: FIRST_GAP });
  }

  stop(name: string): void {
    this.#series.delete(name);
  }

  stopAll(): void {
    this.#series.clear();
  }

  take(now: Instant): readonly Item[] {
    const due: Item[] = [];
    for (const [name, { item, copiesLeft, nextAt, gap }] of this.#series) {
      if (nextAt > now) continue;
      due.push(item);
      if (copiesLeft === 1) this.#series.delete(name);
      else this.#series.set(name, { item, copiesLeft: copiesLeft - 1, nextAt: after(nextAt, gap), gap: scale(gap, 2) });
    }
    return due;
  }

  nextAt(): Instant | undefined {
    let first: Instant | undefined;
    for (const { nextAt } of this.#series.values()) if (first === undefined || nextAt < first) first = nextAt;
    return first;
  }
}
