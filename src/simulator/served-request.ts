// What the simulator tells the person who watches it: one datagram and what became of it, in words.

import type { Endpoint } from '../base/ip-address.ts';
import { type ResultCode, resultName, SUCCESS } from '../pcp/asking/result-code.ts';
import type { SimulatedMapping } from './served-mappings.ts';

export interface ServedRequest {
  readonly from: Endpoint;
  /** "MAP TCP 192.168.1.10:6881, any port, for 3600 s". */
  readonly question: string;
  /** "1.2.3.4:6881 for 3600 s", "CANNOT_PROVIDE_EXTERNAL, 30 s". */
  readonly answer: string;
  /** Undefined when there is no answer. */
  readonly code: ResultCode | undefined;
}

/** Bytes to send back, if any, and the words for it. */
export interface Reply {
  readonly bytes: Uint8Array | undefined;
  readonly served: ServedRequest;
}

export const silence = (from: Endpoint, why: string): Reply => ({
  bytes: undefined,
  served: { from, question: `a datagram that is ${why}`, answer: 'ignored', code: undefined },
});

export const grantInWords = (mapping: SimulatedMapping, lifetimeSeconds: number): string =>
  `${mapping.externalAddress.text}:${mapping.externalPort} for ${lifetimeSeconds} s`;

export const codeInWords = (code: ResultCode, lifetimeSeconds: number): string =>
  code === SUCCESS ? 'SUCCESS' : `${resultName(code)}, ${lifetimeSeconds} s`;
