// PCP results as UPnP error codes: the table of RFC 6970 §4.3, by version of the service and by action.
// The only place where one becomes the other; a new result code without a row fails the build.

import { milliseconds } from '../base/time.ts';
import type { MapOutcome, Refused, ReleaseOutcome } from '../pcp/asking/map-outcome.ts';
import {
  CANNOT_PROVIDE_EXTERNAL,
  isKnownResultCode,
  RESULT_NAMES,
  type ResultCode,
  type ResultName,
} from '../pcp/asking/result-code.ts';
import type { UpnpErrorCode } from '../upnp/upnp-error.ts';

export type MappingAction =
  | 'AddPortMapping'
  | 'AddAnyPortMapping'
  | 'GetSpecificPortMappingEntry'
  | 'DeletePortMapping'
  | 'DeletePortMappingRange';

interface Row {
  readonly igd1: UpnpErrorCode;
  readonly igd2: UpnpErrorCode;
}

const ACTION_FAILED: Row = { igd1: 501, igd2: 501 };
/** 606 is unknown to IGD:1, whose control points take 718 for "not this one". */
const NOT_ALLOWED: Row = { igd1: 718, igd2: 606 };
/** The control point cannot tell a full server from a used-up quota. */
const NO_PORTS: Row = { igd1: 501, igd2: 728 };
/** RFC 7652 came later than RFC 6970: who may not, may not. */
const NOT_AUTHENTICATED: Row = { igd1: 501, igd2: 606 };

const ROWS: Readonly<Record<Exclude<ResultName, 'CANNOT_PROVIDE_EXTERNAL'>, Row>> = {
  // Success is no error; a success that cannot be used is.
  SUCCESS: ACTION_FAILED,
  UNSUPP_VERSION: ACTION_FAILED,
  NOT_AUTHORIZED: NOT_ALLOWED,
  MALFORMED_REQUEST: ACTION_FAILED,
  UNSUPP_OPCODE: ACTION_FAILED,
  UNSUPP_OPTION: ACTION_FAILED,
  MALFORMED_OPTION: ACTION_FAILED,
  NETWORK_FAILURE: ACTION_FAILED,
  NO_RESOURCES: NO_PORTS,
  UNSUPP_PROTOCOL: ACTION_FAILED,
  USER_EX_QUOTA: NO_PORTS,
  ADDRESS_MISMATCH: ACTION_FAILED,
  EXCESSIVE_REMOTE_PEERS: ACTION_FAILED,
  INITIATION: ACTION_FAILED,
  AUTHENTICATION_REQUIRED: NOT_AUTHENTICATED,
  AUTHENTICATION_FAILED: NOT_AUTHENTICATED,
  AUTHENTICATION_SUCCEEDED: ACTION_FAILED,
  AUTHORIZATION_FAILED: NOT_AUTHENTICATED,
  SESSION_TERMINATED: ACTION_FAILED,
  UNKNOWN_SESSION_ID: ACTION_FAILED,
  DOWNGRADE_ATTACK_DETECTED: ACTION_FAILED,
  AUTHENTICATION_REQUEST: ACTION_FAILED,
  AUTHENTICATION_REPLY: ACTION_FAILED,
  THIRD_PARTY_ID_UNKNOWN: ACTION_FAILED,
  THIRD_PARTY_MISSING_OPTION: ACTION_FAILED,
  UNSUPP_THIRD_PARTY_ID_LENGTH: ACTION_FAILED,
};

/** CANNOT_PROVIDE_EXTERNAL is 718 where the action has it (RFC 6970 §4.3 names 714 beside it). */
const PORT_IN_USE_BY_ACTION: Readonly<Record<MappingAction, UpnpErrorCode>> = {
  AddPortMapping: 718,
  AddAnyPortMapping: 728,
  GetSpecificPortMappingEntry: 714,
  DeletePortMapping: 714,
  DeletePortMappingRange: 730,
};

export function upnpErrorOf(code: ResultCode, action: MappingAction, igd: 1 | 2): UpnpErrorCode {
  if (!isKnownResultCode(code)) return 501;
  if (code === CANNOT_PROVIDE_EXTERNAL) return PORT_IN_USE_BY_ACTION[action];
  const row = ROWS[RESULT_NAMES[code]];
  return igd === 1 ? row.igd1 : row.igd2;
}

/** Of an outcome that is not a success: RFC 6970 §5.1 makes an unreachable server 501. */
export function upnpErrorOfOutcome(
  outcome: Exclude<MapOutcome | ReleaseOutcome, { kind: 'granted' } | { kind: 'released' }>,
  action: MappingAction,
  igd: 1 | 2,
): UpnpErrorCode {
  return outcome.kind === 'refused' ? upnpErrorOf(outcome.code, action, igd) : 501;
}

/** A refusal we found out ourselves, in the form a server would have sent it. */
export const ownRefusal = (from: Refused | { readonly server: Refused['server'] }, code: ResultCode): Refused => ({
  kind: 'refused',
  server: from.server,
  code,
  lifetimeSeconds: 0,
  hold: milliseconds(0),
  by: 'client',
});
