// A description as it is sent (RFC 7220 §3): whole characters, no more octets than a server keeps, and so many of them
// that no padding is needed.

import { cutToOctets } from '../../base/cut-to-octets.ts';
import type { Option } from '../wire/option.ts';

/** RFC 7220 §3 lets a server keep 128 octets; what it would cut off is not sent. */
const MOST_OCTETS = 128;
/** miniupnpd 2.3.1 takes the padding of RFC 6887 §7.3 for a malformed option; blanks at the end hurt nobody. */
const OCTETS_PER_WORD = 4;

export function descriptionOption(text: string): Option {
  const kept = cutToOctets(text, MOST_OCTETS);
  const octets = new TextEncoder().encode(kept).length;
  const filled = Math.ceil(octets / OCTETS_PER_WORD) * OCTETS_PER_WORD;
  return { kind: 'description', text: kept + ' '.repeat(filled - octets) };
}
