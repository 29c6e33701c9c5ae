// What all fuzz tests share: how long they run, what they start from, how it is damaged. In `npm test` each takes part
// of a second with a fixed seed; `npm run fuzz` gives each minutes and new seeds, and prints the seed of what it finds.
// What once broke something is kept as one more file of the corpus, and is always tried as it is.

import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';

const IS_LONG = process.env['IGD2PCP_FUZZ'] === 'long';
const LONG_RUN_MS = 120_000;
const SHORT_RUN_MS = 2000;
const CORPUS = new URL('../fixtures/fuzz/', import.meta.url);

/** For `it`: a long run ends itself. */
export const FUZZ_TIMEOUT_MS = IS_LONG ? LONG_RUN_MS + 60_000 : 30_000;

/** `runs`: how many in `npm test`. `always`: tried first, as they are. */
export async function fuzz<T>(
  inputs: fc.Arbitrary<T>,
  runs: number,
  holds: (input: T) => Promise<void> | void,
  always: readonly T[] = [],
): Promise<void> {
  const property = fc.asyncProperty(inputs, async (input) => {
    await holds(input);
  });
  await fc.assert(property, {
    numRuns: IS_LONG ? Number.MAX_SAFE_INTEGER : runs + always.length,
    examples: always.map((input): [T] => [input]),
    interruptAfterTimeLimit: IS_LONG ? LONG_RUN_MS : SHORT_RUN_MS,
    // Running out of time is how a fuzz run ends.
    markInterruptAsFailure: false,
    ...(IS_LONG ? {} : { seed: 6970 }),
  });
}

/** Every file of the folder, as text in which each character is one octet. */
export function corpus(folder: string): readonly string[] {
  const at = new URL(`${folder}/`, CORPUS);
  return readdirSync(at)
    .sort()
    .map((name) => readFileSync(new URL(name, at), 'latin1'));
}

interface Damage {
  readonly kind: 'octet' | 'cut' | 'drop' | 'repeat' | 'insert' | 'swap';
  readonly at: number;
  readonly length: number;
  readonly text: string;
}

/** Strings that have broken parsers before. */
const NOTORIOUS = [
  ...[
    '',
    '0',
    '-1',
    '65536',
    '4294967296',
    '99999999999999999999',
    '1e9',
    '0x10',
    'NaN',
    ' ',
    '\t',
    '\0',
    '\r\n',
    '\n',
  ],
  ...['\r\n\r\n', '"', "'", '<', '>', '&', ']]>', '<![CDATA[', '<!DOCTYPE a [<!ENTITY b "c">]>', '&#0;', '&#xD800;'],
  ...['__proto__', 'constructor', '../', '%00', '%0d%0a', '\u00ff', 'urn:', '::', '[::]', '0.0.0.0', '255.255.255.255'],
];

const damage: fc.Arbitrary<Damage> = fc.record({
  kind: fc.constantFrom('octet', 'cut', 'drop', 'repeat', 'insert', 'swap'),
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  length: fc.nat(40),
  text: fc.oneof(fc.constantFrom(...NOTORIOUS), fc.string({ maxLength: 20 })),
});

/** One of the corpus, whole or with up to four injuries. */
export const damaged = (originals: readonly string[]): fc.Arbitrary<string> =>
  fc
    .tuple(fc.constantFrom(...originals), fc.array(damage, { maxLength: 4 }))
    .map(([original, injuries]) => injuries.reduce(injure, original));

export const damagedBytes = (originals: readonly string[]): fc.Arbitrary<Uint8Array> =>
  damaged(originals).map((text) => Uint8Array.from(text, (character) => character.charCodeAt(0) & 0xff));

function injure(text: string, { kind, at, length, text: other }: Damage): string {
  const from = Math.floor(at * text.length);
  const [before, part, rest] = [text.slice(0, from), text.slice(from, from + length), text.slice(from + length)];
  switch (kind) {
    case 'octet':
      return `${before}${String.fromCharCode((length * 7) % 256)}${text.slice(from + 1)}`;
    case 'cut':
      return before;
    case 'drop':
      return before + rest;
    case 'repeat':
      return before + part.repeat(length % 9) + rest;
    case 'insert':
      return before + other + part + rest;
    case 'swap':
      return before + other + rest;
    default:
      return kind satisfies never;
  }
}
