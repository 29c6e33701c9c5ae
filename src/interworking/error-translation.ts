// PCP results as UPnP error codes: the table of RFC 6970 §4.3, by version of the service and by action.
// The only place where one becomes the other; a new result code without a row fails the build.

import type { MapOutcome, Refused, ReleaseOutcome } from '../pcp/map-outcome.ts';
import { isKnownResultCode, type KnownResultCode, type ResultCode } from '../pcp/result-code.ts';
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
const PORT_IN_USE: Row = { igd1: 718, igd2: 718 };

const ROWS: Readonly<Record<KnownResultCode, Row>> = {
  // Success is no error; a success that cannot be used is.
  0: ACTION_FAILED,
  1: ACTION_FAILED,
  2: NOT_ALLOWED,
  3: ACTION_FAILED,
  4: ACTION_FAILED,
  5: ACTION_FAILED,
  6: ACTION_FAILED,
  7: ACTION_FAILED,
  8: NO_PORTS,
  9: ACTION_FAILED,
  10: NO_PORTS,
  11: PORT_IN_USE,
  12: ACTION_FAILED,
  13: ACTION_FAILED,
  14: ACTION_FAILED,
  // RFC 7652 came later than RFC 6970: who may not, may not.
  15: { igd1: 501, igd2: 606 },
  16: { igd1: 501, igd2: 606 },
  17: ACTION_FAILED,
  18: { igd1: 501, igd2: 606 },
  19: ACTION_FAILED,
  20: ACTION_FAILED,
  21: ACTION_FAILED,
  22: ACTION_FAILED,
  23: ACTION_FAILED,
  24: ACTION_FAILED,
  25: ACTION_FAILED,
  26: ACTION_FAILED,
};

/** CANNOT_PROVIDE_EXTERNAL where 718 is no answer of the action (RFC 6970 §4.3 names 714 beside it). */
const PORT_IN_USE_BY_ACTION: Readonly<Record<MappingAction, UpnpErrorCode>> = {
  AddPortMapping: 718,
  AddAnyPortMapping: 728,
  GetSpecificPortMappingEntry: 714,
  DeletePortMapping: 714,
  DeletePortMappingRange: 730,
};

export function upnpErrorOf(code: ResultCode, action: MappingAction, igd: 1 | 2): UpnpErrorCode {
  if (!isKnownResultCode(code)) return 501;
  if (code === 11) return PORT_IN_USE_BY_ACTION[action];
  const row = ROWS[code];
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
  hold: 0 as Refused['hold'],
  by: 'client',
});
