// The ledger of deletions that are owed to PCP servers. It announces what comes and goes; the file listens. Who pays, and
// when, is interworking's business.

import type { IpAddress } from '../base/ip-address.ts';
import type { PortNumber } from '../base/port-number.ts';
import { PriorityQueue } from '../base/priority-queue.ts';
import { type Instant, later } from '../base/time.ts';
import type { TransportProtocol } from '../base/transport-protocol.ts';

export type OwedReleaseChange =
  | { readonly kind: 'owed'; readonly release: OwedRelease }
  /** The server has answered, or somebody wants the mapping again. */
  | { readonly kind: 'done'; readonly place: PlaceAtServer };

/**
 * Twice the largest table anybody has asked for, deleted while the server is silent. Control points decide how many
 * there are; of more, those that end first by themselves are forgotten.
 */
export const MOST_OWED = 8192;

export class OwedReleases {
  readonly #byPlace = new Map<string, OwedRelease>();
  readonly #ends = new PriorityQueue<string>();
  readonly #listeners: ((change: OwedReleaseChange) => void)[] = [];

  listen(listener: (change: OwedReleaseChange) => void): void {
    this.#listeners.push(listener);
  }

  /** A place has one mapping: a later debt takes the place of an earlier one. */
  owe(release: OwedRelease, now: Instant): void {
    this.#forgetEnded(now);
    if (release.endsAt <= now) return;
    const text = placeText(release);
    const known = this.#byPlace.get(text);
    const isSame = known?.nonce === release.nonce;
    if (isSame && known.endsAt >= release.endsAt) return;
    const endsAt = isSame ? later(known.endsAt, release.endsAt) : release.endsAt;
    const owed = { ...release, endsAt };
    this.#byPlace.set(text, owed);
    this.#ends.set(text, endsAt);
    if (this.#byPlace.size > MOST_OWED) this.#forgetFirst();
    this.#tell({ kind: 'owed', release: owed });
  }

  done(place: PlaceAtServer): void {
    if (this.#byPlace.size === 0) return;
    const text = placeText(place);
    if (!this.#byPlace.delete(text)) return;
    this.#ends.delete(text);
    this.#tell({ kind: 'done', place });
  }

  /** Those that have not ended, what ends first in front. */
  all(now: Instant): readonly OwedRelease[] {
    this.#forgetEnded(now);
    return [...this.#byPlace.values()].sort((a, b) => a.endsAt - b.endsAt);
  }

  count(now: Instant): number {
    this.#forgetEnded(now);
    return this.#byPlace.size;
  }

  #forgetEnded(now: Instant): void {
    for (let first = this.#ends.first(); first !== undefined && first.rank <= now; first = this.#ends.first())
      this.#forgetFirst();
  }

  /** Without a word: the file drops what has ended when it is read. */
  #forgetFirst(): void {
    const first = this.#ends.shift();
    if (first !== undefined) this.#byPlace.delete(first.key);
  }

  #tell(change: OwedReleaseChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}

// A mapping the PCP server still has, or may have, and nobody wants: its deletion is owed until the server has answered
// it or the grant is over (RFC 6887 §15). Part of the durable state, like the entries it was one of.

/** What a server tells mappings apart by (RFC 6887 §11.3): it has one of each, whatever the nonce. */
export interface PlaceAtServer {
  readonly server: string;
  readonly protocol: TransportProtocol;
  readonly internalAddress: IpAddress;
  readonly internalPort: PortNumber;
}

export interface OwedRelease extends PlaceAtServer {
  readonly nonce: string;
  readonly isThirdParty: boolean;
  /** By then the server has forgotten it by itself. */
  readonly endsAt: Instant;
}

export const placeText = ({ server, protocol, internalAddress, internalPort }: PlaceAtServer): string =>
  `${server} ${internalAddress.text} ${protocol} ${internalPort}`;
