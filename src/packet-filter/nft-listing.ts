// Reads what `nft -j list table inet igd2pcp` printed: which elements are there, and a print of the rules to compare by.
// nft's words come from a program, not from a peer, but a changed version must not take the daemon down: a Result.

import { ok, type Result, refused } from '../base/result.ts';
import { after, type Instant, seconds } from '../base/time.ts';
import { concatenation, nftElement } from './nat1-elements.ts';
import { NFT_MAP_NAMES, PROBE_MAP } from './nft-ruleset.ts';
import type { TimedElement } from './nft-transaction.ts';

export interface TableListing {
  readonly elements: ReadonlyMap<string, TimedElement>;
  /** Equal for equal maps, chains and rules; handles and elements left out. */
  readonly rulesPrint: string;
  /** Seconds left to the throw-away element; undefined when there is none. */
  readonly probeExpiresSeconds: number | undefined;
}

type JsonObject = Readonly<Record<string, unknown>>;

export function parseTableListing(json: string, now: Instant): Result<TableListing, string> {
  const objects = nftObjects(json);
  if (objects === undefined) return refused('nft printed something that is not its JSON');
  const elements = new Map<string, TimedElement>();
  const parts: string[] = [];
  let probeExpiresSeconds: number | undefined;
  for (const object of objects) {
    const map = asObject(object['map']);
    if (map?.['name'] === PROBE_MAP) {
      probeExpiresSeconds = listedElements(map)[0]?.expiresSeconds;
      continue;
    }
    if (map !== undefined) collectElements(map, now, elements);
    if (object['metainfo'] === undefined) parts.push(JSON.stringify(withoutVolatile(object)));
  }
  return ok({ elements, rulesPrint: parts.join('\n'), probeExpiresSeconds });
}

/** The list behind "nftables" of any `nft -j` output. */
export function nftObjects(json: string): readonly JsonObject[] | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch {
    return undefined;
  }
  const list = asObject(parsed)?.['nftables'];
  return Array.isArray(list) ? list.map(asObject).filter((object) => object !== undefined) : undefined;
}

export const asObject = (value: unknown): JsonObject | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;

function collectElements(map: JsonObject, now: Instant, elements: Map<string, TimedElement>): void {
  const name = NFT_MAP_NAMES.find((known) => known === map['name']);
  if (name === undefined) return;
  for (const listed of listedElements(map)) {
    const element = nftElement(name, listed.key, listed.value);
    // nft cuts the rest of a second off, so this is the latest it can be. Without a timeout somebody else put it there.
    const until = after(now, seconds((listed.expiresSeconds ?? Number.POSITIVE_INFINITY) + 1));
    elements.set(element.id, { element, until });
  }
}

interface ListedElement {
  readonly key: string;
  readonly value: string;
  readonly expiresSeconds: number | undefined;
}

function listedElements(map: JsonObject): readonly ListedElement[] {
  const pairs = map['elem'];
  if (!Array.isArray(pairs)) return [];
  return pairs.flatMap((pair: unknown) => {
    if (!Array.isArray(pair)) return [];
    const [left, right] = pair as readonly unknown[];
    const timed = asObject(asObject(left)?.['elem']);
    const key = keyOf(timed === undefined ? left : timed['val']);
    const value = partsText(right);
    if (key === undefined || value === undefined) return [];
    const expires = timed?.['expires'];
    return [{ key, value, expiresSeconds: typeof expires === 'number' ? expires : undefined }];
  });
}

/** Where /etc/protocols is missing, nft knows protocols by their numbers only. They stand before the port. */
const PROTOCOL_NAMES: Readonly<Record<string, string>> = { '6': 'tcp', '17': 'udp' };

function keyOf(value: unknown): string | undefined {
  const parts = asObject(value)?.['concat'];
  if (!Array.isArray(parts)) return partsText(value);
  const before = parts.length - 2;
  return concatenation(...parts.map(String).map((part, i) => (i === before ? (PROTOCOL_NAMES[part] ?? part) : part)));
}

/** {"concat": ["100.64.0.2", "tcp", 6881]} or a single word. */
function partsText(value: unknown): string | undefined {
  if (typeof value === 'string' || typeof value === 'number') return String(value);
  const parts = asObject(value)?.['concat'];
  return Array.isArray(parts) ? concatenation(...parts.map(String)) : undefined;
}

/** The kernel gives out handles anew each time; elements are compared apart. */
function withoutVolatile(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutVolatile);
  const object = asObject(value);
  if (object === undefined) return value;
  return Object.fromEntries(
    Object.entries(object)
      .filter(([key]) => key !== 'handle' && key !== 'elem')
      .map(([key, inner]) => [key, withoutVolatile(inner)]),
  );
}
