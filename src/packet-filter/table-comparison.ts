// What a listing of the kernel's table tells: whether it is there, and in words what somebody else did to it.

import { ok, type Result } from '../base/result.ts';
import type { Instant } from '../base/time.ts';
import { parseTableListing, type TableListing } from './nft-listing.ts';
import { type NftOutcome, nftSuccess, saysNotThere } from './nft-program.ts';
import type { ElementChange, TimedElement } from './nft-transaction.ts';

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
