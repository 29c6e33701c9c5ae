// The PCP result codes (RFC 6887 §7.4, RFC 7652 §10, RFC 7843 §6) and how long a refusal is believed.

import { type Duration, longer, milliseconds, minutes, seconds, shorter } from '../../base/time.ts';

export const RESULT_NAMES = {
  0: 'SUCCESS',
  1: 'UNSUPP_VERSION',
  2: 'NOT_AUTHORIZED',
  3: 'MALFORMED_REQUEST',
  4: 'UNSUPP_OPCODE',
  5: 'UNSUPP_OPTION',
  6: 'MALFORMED_OPTION',
  7: 'NETWORK_FAILURE',
  8: 'NO_RESOURCES',
  9: 'UNSUPP_PROTOCOL',
  10: 'USER_EX_QUOTA',
  11: 'CANNOT_PROVIDE_EXTERNAL',
  12: 'ADDRESS_MISMATCH',
  13: 'EXCESSIVE_REMOTE_PEERS',
  14: 'INITIATION',
  15: 'AUTHENTICATION_REQUIRED',
  16: 'AUTHENTICATION_FAILED',
  17: 'AUTHENTICATION_SUCCEEDED',
  18: 'AUTHORIZATION_FAILED',
  19: 'SESSION_TERMINATED',
  20: 'UNKNOWN_SESSION_ID',
  21: 'DOWNGRADE_ATTACK_DETECTED',
  22: 'AUTHENTICATION_REQUEST',
  23: 'AUTHENTICATION_REPLY',
  24: 'THIRD_PARTY_ID_UNKNOWN',
  25: 'THIRD_PARTY_MISSING_OPTION',
  26: 'UNSUPP_THIRD_PARTY_ID_LENGTH',
} as const;

export type KnownResultCode = keyof typeof RESULT_NAMES;
export type ResultName = (typeof RESULT_NAMES)[KnownResultCode];
/** One octet from the wire. Servers may send codes that nobody has registered. */
export type ResultCode = number;

export const SUCCESS = 0;
export const UNSUPP_VERSION = 1;
export const NOT_AUTHORIZED = 2;
export const MALFORMED_REQUEST = 3;
export const UNSUPP_OPCODE = 4;
export const UNSUPP_OPTION = 5;
export const MALFORMED_OPTION = 6;
export const NETWORK_FAILURE = 7;
export const NO_RESOURCES = 8;
export const UNSUPP_PROTOCOL = 9;
export const USER_EX_QUOTA = 10;
export const CANNOT_PROVIDE_EXTERNAL = 11;
export const ADDRESS_MISMATCH = 12;
export const EXCESSIVE_REMOTE_PEERS = 13;

export function isKnownResultCode(code: number): code is KnownResultCode {
  return Object.hasOwn(RESULT_NAMES, code);
}

export const resultName = (code: ResultCode): string =>
  isKnownResultCode(code) ? RESULT_NAMES[code] : `result ${code}`;

// RFC 6887 §7.4 recommends 30 s for short and 30 min for long lifetime errors. Servers in the field send 0 (no hint) or
// absurd values, so both ends are clamped.
const SHORT_HOLD = seconds(30);
const LONG_HOLD = minutes(30);
const SHORT_LIFETIME_CODES: ReadonlySet<ResultCode> = new Set([NETWORK_FAILURE, NO_RESOURCES, USER_EX_QUOTA]);

export const isShortLifetimeError = (code: ResultCode): boolean => SHORT_LIFETIME_CODES.has(code);

/** How long the same request is not repeated (RFC 6887 §7.4, §8.3). */
export function holdOf(code: ResultCode, lifetimeSeconds: number): Duration {
  if (lifetimeSeconds === 0) return isShortLifetimeError(code) ? SHORT_HOLD : LONG_HOLD;
  return shorter(longer(seconds(lifetimeSeconds), milliseconds(1000)), LONG_HOLD);
}

// RFC 6970 §5.6.2: a CANNOT_PROVIDE_EXTERNAL with at most this lifetime may be over soon. With a longer one it is final.
const SHORT_CONFLICT_SECONDS = 60;

export const isShortConflict = (lifetimeSeconds: number): boolean =>
  lifetimeSeconds > 0 && lifetimeSeconds <= SHORT_CONFLICT_SECONDS;
