// Spans as people type them in a configuration file or on a command line: "4s", "1h", "1h30m", "250ms".

import { type Duration, milliseconds } from './time.ts';

const UNITS: ReadonlyMap<string, number> = new Map([
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
]);

/** Undefined unless it is whole numbers with units, each unit once, large before small; "0" needs no unit. */
export function parseDuration(text: string): Duration | undefined {
  const trimmed = text.trim();
  if (trimmed === '0') return milliseconds(0);
  if (!/^(?:\d{1,9}(?:ms|[dhms]))+$/.test(trimmed)) return undefined;
  let total = 0;
  let last = Number.POSITIVE_INFINITY;
  for (const [, count = '', unit = ''] of trimmed.matchAll(/(\d+)(ms|[dhms])/g)) {
    const size = UNITS.get(unit) ?? 0;
    if (size >= last) return undefined;
    last = size;
    total += Number(count) * size;
  }
  return milliseconds(total);
}

/** The shortest text that `parseDuration` reads back. */
export function durationText(span: Duration): string {
  let rest = Math.max(0, Math.round(span));
  let text = '';
  for (const [unit, size] of UNITS) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) text += `${count}${unit}`;
  }
  return text === '' ? '0' : text;
}
