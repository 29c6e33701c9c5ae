// When the kernel's table is compared with what it should be, and how closely: often by a glance, seldom by
// listing every element.

import { ok, type Result } from '../base/result.ts';
import { after, type Duration, earlier, type Instant, later, milliseconds, seconds } from '../base/time.ts';
import type { NftElement } from './nat1-elements.ts';
import { parseTableListing, type TableListing } from './nft-listing.ts';
import { type NftCall, type NftOutcome, nftGlance, nftSuccess, saysNotThere } from './nft-program.ts';
import type { NftMapName } from './nft-ruleset.ts';
import type { ElementChange, TimedElement } from './nft-transaction.ts';

/** What a firewall reload did is found within this: up to 500 mappings, two elements each. */
const GLANCE_EVERY = seconds(15);
const GLANCED_SOON = 1000;
/** nft 1.0.6 reads all elements even so, some 6 µs each: this much later for each beyond keeps that at 0.1 % of a processor. */
const GLANCE_LATER_PER_ELEMENT_BEYOND = milliseconds(6);
/** A single element that somebody took away is found within this, when there are few. */
const LOOK_EVERY = seconds(60);
/** Listing and reading costs some 50 µs an element: this much later for each keeps it at 0.03 % of a processor. */
const LOOK_LATER_PER_ELEMENT = milliseconds(150);
/** Where each glance ends in a whole listing for nothing: keeps those at 0.3 %. */
const GLANCE_LATER_PER_ELEMENT = milliseconds(20);

type Check = 'glance' | 'look';

export class CheckTimes {
  #glanceAt: Instant;
  #lookedAt: Instant;
  #isDoubtful = false;

  /** The table was listed just now. */
  constructor(now: Instant) {
    this.#glanceAt = after(now, GLANCE_EVERY);
    this.#lookedAt = now;
  }

  /** `elements`: how many there are by now. */
  nextAt(elements: number): Instant {
    return earlier(this.#glanceAt, this.#lookAt(elements));
  }

  due(elements: number, now: Instant): Check | undefined {
    if (this.#lookAt(elements) <= now) return 'look';
    return this.#glanceAt <= now ? 'glance' : undefined;
  }

  glancing(elements: number, now: Instant): void {
    const beyond = Math.max(0, elements - GLANCED_SOON);
    this.#glanceAt = after(now, (GLANCE_EVERY + beyond * GLANCE_LATER_PER_ELEMENT_BEYOND) as Duration);
  }

  looking(elements: number, now: Instant): void {
    this.glancing(elements, now);
    this.#lookedAt = now;
    this.#isDoubtful = false;
  }

  /** A glance made somebody list the whole table, which was in order: this nft may not be able to answer it. */
  misled(elements: number, now: Instant): void {
    const quiet = (GLANCE_EVERY + elements * GLANCE_LATER_PER_ELEMENT) as Duration;
    this.#glanceAt = later(this.#glanceAt, after(now, quiet));
  }

  /** Something failed: the next check is a close one. */
  mistrust(): void {
    this.#isDoubtful = true;
  }

  #lookAt(elements: number): Instant {
    const wait = (LOOK_EVERY + elements * LOOK_LATER_PER_ELEMENT) as Duration;
    const regular = after(this.#lookedAt, wait);
    return this.#isDoubtful ? earlier(regular, this.#glanceAt) : regular;
  }
}

// What a listing of the kernel's table tells: whether it is there, and in words what somebody else did to it.

/** Undefined: there is no table of ours. */
export function readListing(outcome: NftOutcome, now: Instant): Result<TableListing | undefined, string> {
  if (saysNotThere(outcome)) return ok(undefined);
  const listed = nftSuccess(outcome);
  return listed.ok ? parseTableListing(listed.value, now) : listed;
}

/** With the elements that we have already where they are the same: a listing brings a copy of each. */
export function asBelieved(
  listed: ReadonlyMap<string, TimedElement>,
  believed: ReadonlyMap<string, TimedElement>,
): Map<string, TimedElement> {
  const held = new Map<string, TimedElement>();
  for (const [id, timed] of listed) {
    const ours = believed.get(id)?.element;
    const isSame = ours !== undefined && ours.value === timed.element.value;
    if (isSame) held.set(ours.id, { element: ours, until: timed.until });
    else held.set(id, timed);
  }
  return held;
}

/** Elements that we believed to be there and that have to be written again. */
export function wrongElements(changes: readonly ElementChange[], believed: ReadonlyMap<string, TimedElement>): number {
  const mended = changes.filter(({ kind, timed }) => {
    const before = believed.get(timed.element.id);
    return (kind === 'add' || kind === 'replace') && before?.element.value === timed.element.value;
  });
  return mended.length;
}

export function whatWasWrong(isThere: boolean, rulesAreOurs: boolean, wrong: number): string | undefined {
  if (!isThere) return `the table was gone; made anew with ${wrong} elements`;
  if (!rulesAreOurs) return `chains, maps or rules had been changed; made anew with ${wrong} elements`;
  return wrong > 0 ? `${wrong} elements were gone or changed` : undefined;
}

// The cheap check of our table: its maps, chains and rules without elements, and one element of each map. It finds what a
// firewall reload or an `nft flush` does. nft 1.0.6 still reads all elements from the kernel, but neither it nor we turn them
// into text and back, which is most of the work; what the glance shows is judged by `nft-table-keeper`.

/** An element nearer to its end may be gone before nft is asked for it. */
const LASTS_LONGER_THAN = seconds(3);

/** `turn`: counted up, so that another element of each map is asked for each time. */
export function glanceAtTable(held: ReadonlyMap<string, TimedElement>, turn: number, now: Instant): NftCall {
  const byMap = new Map<NftMapName, NftElement[]>();
  const soon = after(now, LASTS_LONGER_THAN);
  for (const { element, until } of held.values()) {
    if (until <= soon) continue;
    const others = byMap.get(element.map);
    if (others === undefined) byMap.set(element.map, [element]);
    else others.push(element);
  }
  return nftGlance([...byMap.values()].flatMap((elements) => elements[turn % elements.length] ?? []));
}

/** As in a `TableListing`; undefined when the table or one of the elements was not there, or nft did not say. */
export function rulesPrintSeen(outcome: NftOutcome, now: Instant): string | undefined {
  const seen = nftSuccess(outcome);
  if (!seen.ok) return undefined;
  // What nft says of the elements comes after the table, and some versions say it in another language.
  const [table = ''] = seen.value.split('\n', 1);
  const listing = parseTableListing(table, now);
  return listing.ok ? listing.value.rulesPrint : undefined;
}
