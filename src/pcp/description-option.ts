// A description as it is sent (RFC 7220 §3): whole characters, no more octets than a server keeps, and so many of them
// that no padding is needed.

import type { Option } from './wire/option.ts';

/** RFC 7220 §3 lets a server keep 128 octets; what it would cut off is not sent. */
const MOST_OCTETS = 128;
/** miniupnpd 2.3.1 takes the padding of RFC 6887 §7.3 for a malformed option; blanks at the end hurt nobody. */
const OCTETS_PER_WORD = 4;

export function descriptionOption(text: string): Option {
  const whole = firstOctets(new TextEncoder().encode(text), MOST_OCTETS);
  const filled = Math.ceil(whole.length / OCTETS_PER_WORD) * OCTETS_PER_WORD;
  const kept = new TextDecoder('utf-8', { ignoreBOM: true }).decode(whole);
  return { kind: 'description', text: kept + ' '.repeat(filled - whole.length) };
}

/** As many whole characters as fit. */
function firstOctets(bytes: Uint8Array, most: number): Uint8Array {
  if (bytes.length <= most) return bytes;
  let end = most;
  while (end > 0 && isInsideCharacter(bytes[end] ?? 0)) end -= 1;
  return bytes.subarray(0, end);
}

const isInsideCharacter = (octet: number): boolean => (octet & 0xc0) === 0x80;
