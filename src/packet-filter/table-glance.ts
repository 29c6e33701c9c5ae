// The cheap check of our table: its maps, chains and rules without elements, and one element of each map. It finds what a
// firewall reload or an `nft flush` does. nft 1.0.6 still reads all elements from the kernel, but neither it nor we turn them
// into text and back, which is most of the work; what the glance shows is judged by `nft-table-keeper`.

import { after, type Instant, seconds } from '../base/time.ts';
import type { NftElement } from './nat1-elements.ts';
import { parseTableListing } from './nft-listing.ts';
import { type NftCall, type NftOutcome, nftGlance, nftSuccess } from './nft-program.ts';
import type { NftMapName } from './nft-ruleset.ts';
import type { TimedElement } from './nft-transaction.ts';

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
