// The start: makes our table or takes over the one an earlier run left, and finds out what this kernel can.
// Elements of the earlier run stay, so an upgrade of the daemon closes no port in between.

import { ok, type Result, refused } from '../base/result.ts';
import type { Instant } from '../base/time.ts';
import { parseTableListing, type TableListing } from './nft-listing.ts';
import { type NftCall, type NftOutcome, nftListTable, nftScript, nftSuccess } from './nft-program.ts';
import {
  PROBE_EXTENDED_ABOVE_SECONDS,
  type RulesetOptions,
  renderFreshRuleset,
  renderProbeFirst,
  renderProbeRemoval,
  renderProbeSecond,
  renderRuleset,
} from './nft-ruleset.ts';

export type RunNft = (call: NftCall) => Promise<NftOutcome>;

export interface OpenedTable {
  readonly listing: TableListing;
  /** Linux up to at least 6.6 keeps the old timeout when an element is added again, and does not say so. */
  readonly addExtends: boolean;
}

export async function openNftTable(
  options: RulesetOptions,
  run: RunNft,
  now: () => Instant,
): Promise<Result<OpenedTable, string>> {
  const script = async (text: string): Promise<Result<string, string>> => nftSuccess(await run(nftScript(text)));
  const kept = await script(renderRuleset(options) + renderProbeFirst());
  if (!kept.ok) {
    // A table of another make is in the way, or nft does not work at all: the second try tells.
    const fresh = await script(renderFreshRuleset(options) + renderProbeFirst());
    if (!fresh.ok) return fresh;
  }
  const again = await script(renderProbeSecond());
  if (!again.ok) return again;
  const listed = nftSuccess(await run(nftListTable()));
  if (!listed.ok) return listed;
  const listing = parseTableListing(listed.value, now());
  if (!listing.ok) return refused(listing.error);
  const removed = await script(renderProbeRemoval());
  if (!removed.ok) return removed;
  const addExtends = (listing.value.probeExpiresSeconds ?? 0) > PROBE_EXTENDED_ABOVE_SECONDS;
  return ok({ listing: listing.value, addExtends });
}
