// What a PCP server's refusal means for the person at the box, and what can be done. carriers.md says more of each.

import { isKnownResultCode, type KnownResultCode, resultName } from '../pcp/asking/result-code.ts';

const WORDS: Readonly<Partial<Record<KnownResultCode, string>>> = {
  1: 'the server speaks another version of PCP',
  2: 'the carrier does not allow this: ask whether port opening is part of your contract',
  3: 'the server did not understand our request; please report this',
  4: 'the server cannot open ports (no MAP)',
  5: 'the server lacks an option this mapping needs',
  6: 'the server did not understand an option; please report this',
  7: "the carrier's network is in trouble; it is tried again by itself",
  8: 'the carrier has no free ports or resources at the moment',
  9: 'the carrier does not map this protocol',
  10: 'your share of ports at the carrier is used up: close some',
  11: 'the carrier cannot give this very port: another one may work',
  12: 'there is another NAT between this box and the carrier: PCP must be asked from that box',
  13: 'too many remote hosts for one mapping',
  15: 'the carrier wants PCP authentication, which is not supported',
};

/** "the carrier cannot give this very port: another one may work (CANNOT_PROVIDE_EXTERNAL)". */
export function refusalInWords(code: number): string {
  const words = isKnownResultCode(code) ? WORDS[code] : undefined;
  return words === undefined ? `the server refused (${resultName(code)})` : `${words} (${resultName(code)})`;
}
