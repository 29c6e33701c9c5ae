// The ledger of places at PCP servers: what a server may hold that no entry of the table stands for (RFC 6887 §15).
// asked → (held: an entry of the table stands for it) → owed → gone. It announces what comes and goes; the file listens, so
// the next life of this process knows it, too. Who asks and who deletes, and when, is interworking's business.

import type { IpAddress } from '../base/ip-address.ts';
import type { PortNumber } from '../base/port-number.ts';
import { PriorityQueue } from '../base/priority-queue.ts';
import { type Instant, later } from '../base/time.ts';
import type { TransportProtocol } from '../base/transport-protocol.ts';

export type LedgerChange =
  | { readonly kind: 'owed'; readonly release: OwedRelease }
  /** The server has answered, or somebody wants the mapping again. */
  | { readonly kind: 'done'; readonly place: PlaceAtServer };

/**
 * Twice the largest table anybody has asked for, deleted while the server is silent. Control points decide how many
 * there are; of more, those that end first by themselves are forgotten.
 */
export const MOST_OWED = 8192;

/** Asked for, and not answered yet; or to be deleted. On the disk both are one: who asked is gone with its process. */
interface Place {
  readonly release: OwedRelease;
  readonly state: 'asked' | 'owed';
}

export class Ledger {
  readonly #byPlace = new Map<string, Place>();
  readonly #ends = new PriorityQueue<string>();
  readonly #listeners: ((change: LedgerChange) => void)[] = [];

  listen(listener: (change: LedgerChange) => void): void {
    this.#listeners.push(listener);
  }

  /** Before a server is asked for a mapping. False: that place was in the ledger, and stays what it was. */
  ask(release: OwedRelease, now: Instant): boolean {
    this.#forgetEnded(now);
    const known = this.#byPlace.get(placeText(release));
    if (known?.release.nonce === release.nonce && known.release.endsAt >= release.endsAt) return false;
    this.#set(release, known?.state ?? 'asked');
    return known === undefined;
  }

  /** A place has one mapping: a later debt takes the place of an earlier one. */
  owe(release: OwedRelease, now: Instant): void {
    this.#forgetEnded(now);
    if (release.endsAt <= now) return;
    const text = placeText(release);
    const known = this.#byPlace.get(text);
    const isSame = known?.release.nonce === release.nonce;
    if (isSame && known.release.endsAt >= release.endsAt) {
      this.#byPlace.set(text, { release: known.release, state: 'owed' });
      return;
    }
    this.#set({ ...release, endsAt: isSame ? later(known.release.endsAt, release.endsAt) : release.endsAt }, 'owed');
  }

  /** Deleted, but a request that makes it anew may still be on its way: kept, and to be deleted once more. */
  doubt(release: OwedRelease): void {
    const text = placeText(release);
    const known = this.#byPlace.get(text);
    if (known === undefined) this.#set(release, 'asked');
    else this.#byPlace.set(text, { ...known, state: 'asked' });
  }

  has(place: PlaceAtServer): boolean {
    return this.#byPlace.has(placeText(place));
  }

  done(place: PlaceAtServer): void {
    if (this.#byPlace.size === 0) return;
    const text = placeText(place);
    if (!this.#byPlace.delete(text)) return;
    this.#ends.delete(text);
    this.#tell({ kind: 'done', place });
  }

  /** What is to be deleted and has not ended by itself; what ends first in front. */
  owed(now: Instant): readonly OwedRelease[] {
    return this.#places(now, ({ state }) => state === 'owed');
  }

  /** What the disk has to know: also what is asked for at the moment. */
  all(now: Instant): readonly OwedRelease[] {
    return this.#places(now, () => true);
  }

  /** Of all, asked ones too. */
  count(now: Instant): number {
    this.#forgetEnded(now);
    return this.#byPlace.size;
  }

  #places(now: Instant, isMeant: (place: Place) => boolean): readonly OwedRelease[] {
    this.#forgetEnded(now);
    const places = [...this.#byPlace.values()].filter(isMeant);
    return places.map(({ release }) => release).sort((a, b) => a.endsAt - b.endsAt);
  }

  #set(release: OwedRelease, state: Place['state']): void {
    const text = placeText(release);
    this.#byPlace.set(text, { release, state });
    this.#ends.set(text, release.endsAt);
    if (this.#byPlace.size > MOST_OWED) this.#forgetFirst();
    this.#tell({ kind: 'owed', release });
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

  #tell(change: LedgerChange): void {
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
