// One batch of changes as one script for `nft -f -`: the kernel takes all of it or nothing.
// Adds rather than delete + add where the kernel allows: a delete makes nft read the whole map first.

import type { Duration, Instant } from '../base/time.ts';
import { after, between, inSeconds, seconds } from '../base/time.ts';
import { elementKey, type NftElement } from './nat1-elements.ts';
import { NFT_TABLE, timeoutText } from './nft-ruleset.ts';

/** An element and until when it is, or shall be, in the kernel. */
export interface TimedElement {
  readonly element: NftElement;
  readonly until: Instant;
}

export type ElementChange =
  | { readonly kind: 'add'; readonly timed: TimedElement }
  /** Same key and value, another timeout. */
  | { readonly kind: 'extend'; readonly timed: TimedElement }
  | { readonly kind: 'replace'; readonly timed: TimedElement }
  | { readonly kind: 'remove'; readonly timed: TimedElement };

/** Whole seconds up when written, whole seconds down when listed: an element that lives this much longer was not changed. */
const SAME_TIMEOUT_WITHIN = seconds(2);

/** The kernel's timeout is in whole seconds, up: an element may still be there this long after its end. */
const LINGERS = seconds(2);

/** Its end has come, and with certainty the kernel has dropped it. */
export const isGone = ({ until }: TimedElement, now: Instant): boolean => after(until, LINGERS) <= now;

/** What turns `held` into `wished` for one key; undefined when nothing is to do. */
export function changeFor(
  held: TimedElement | undefined,
  wished: TimedElement | undefined,
  now: Instant,
): ElementChange | undefined {
  if (wished === undefined)
    return held === undefined || held.until <= now ? undefined : { kind: 'remove', timed: held };
  // One that lingers is no free place: old kernels would leave it as it is when it is added again.
  if (held === undefined || isGone(held, now)) return { kind: 'add', timed: wished };
  if (held.element.value !== wished.element.value) return { kind: 'replace', timed: wished };
  const surplus = between(wished.until, held.until);
  if (surplus >= 0 && surplus < SAME_TIMEOUT_WITHIN) return undefined;
  return { kind: 'extend', timed: wished };
}

/** `addExtends`: this kernel gives an element added again its new timeout. */
export function renderTransaction(changes: readonly ElementChange[], now: Instant, addExtends: boolean): string {
  const removals: NftElement[] = [];
  const additions: TimedElement[] = [];
  for (const change of changes) {
    const mustGoFirst =
      change.kind === 'remove' || change.kind === 'replace' || (change.kind === 'extend' && !addExtends);
    if (mustGoFirst) removals.push(change.timed.element);
    if (change.kind !== 'remove') additions.push(change.timed);
  }
  return [
    ...removals.map((element) => `delete element ${NFT_TABLE} ${element.map} { ${elementKey(element)} }\n`),
    ...additions.map(
      ({ element, until }) =>
        `add element ${NFT_TABLE} ${element.map} ` +
        `{ ${elementKey(element)} ${timeoutText(timeoutSeconds(between(now, until)), addExtends)} : ${element.value} }\n`,
    ),
  ].join('');
}

// RFC 6970 §5.5: never shorter than what was granted, so parts of a second count as a whole one.
const timeoutSeconds = (left: Duration): number => Math.max(1, Math.ceil(inSeconds(left)));

/** Makes `held` what the kernel holds after it took `changes`. In place: a copy of 50,000 elements costs as much as nft. */
export function applyChanges(held: Map<string, TimedElement>, changes: readonly ElementChange[]): void {
  for (const change of changes) {
    const { id } = change.timed.element;
    if (change.kind === 'remove') held.delete(id);
    else held.set(id, change.timed);
  }
}
