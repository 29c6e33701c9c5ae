// What a refusal of the core is in UPnP: one table by action and by version of the service. The whole of RFC 6970 §4.3
// stands here, and nowhere else does a refusal become a UPnP error number.

import type { Refusal, RefusalReason } from '../../interworking/refusal.ts';
import { isKnownResultCode, RESULT_NAMES, type ResultName } from '../../pcp/asking/result-code.ts';
import type { UpnpErrorCode } from '../../upnp/upnp-error.ts';
import type { IgdVersion } from './igd-context.ts';

export type MappingAction =
  | 'AddPortMapping'
  | 'AddAnyPortMapping'
  | 'GetGenericPortMappingEntry'
  | 'GetSpecificPortMappingEntry'
  | 'GetListOfPortMappings'
  | 'DeletePortMapping'
  | 'DeletePortMappingRange';

interface Codes {
  readonly igd1: UpnpErrorCode;
  readonly igd2: UpnpErrorCode;
}

type Row = Codes | Readonly<Record<MappingAction, UpnpErrorCode>>;

const both = (code: UpnpErrorCode): Codes => ({ igd1: code, igd2: code });

const FAILED = both(501);
/** IGD:1 does not know 728. */
const NO_PORTS: Codes = { igd1: 501, igd2: 728 };
/** IGD:1 does not know 606; its control points take 718 for "not this one". */
const NOT_ALLOWED: Codes = { igd1: 718, igd2: 606 };
/** RFC 7652 came later than RFC 6970: who may not, may not. */
const NOT_AUTHENTICATED: Codes = { igd1: 501, igd2: 606 };
/** RFC 6970 §4.3: 718 where the action has it, else the action's own "no". */
const TAKEN: Row = {
  AddPortMapping: 718,
  AddAnyPortMapping: 728,
  GetGenericPortMappingEntry: 713,
  GetSpecificPortMappingEntry: 714,
  GetListOfPortMappings: 730,
  DeletePortMapping: 714,
  DeletePortMappingRange: 730,
};
/** The numbers for "no such entry" are those of a taken port, except where an entry is made: there it cannot happen. */
const NO_SUCH_ENTRY: Row = { ...TAKEN, AddPortMapping: 501, AddAnyPortMapping: 501 };

const BY_REASON: Readonly<Record<Exclude<RefusalReason, 'upstream refused'>, Row>> = {
  'cannot be mapped': FAILED,
  'wildcard client': both(715),
  'wildcard internal port': { igd1: 402, igd2: 732 },
  'wildcard external port': both(716),
  'not allowed': NOT_ALLOWED,
  // IGD:1 has no word for "not yours": an entry that may not be touched is none.
  'not yours': { igd1: 714, igd2: 606 },
  'used by this box': { igd1: 718, igd2: 729 },
  'no host of ours': { igd1: 402, igd2: 600 },
  'too many requests': NO_PORTS,
  'over quota': NO_PORTS,
  taken: TAKEN,
  'no port left': NO_PORTS,
  'no such entry': NO_SUCH_ENTRY,
  ambiguous: { igd1: 402, igd2: 601 },
  // RFC 6970 §5.1: a server that cannot be reached is 501.
  unanswered: FAILED,
  'not carried': FAILED,
  'not kept': FAILED,
  overtaken: FAILED,
};

/** RFC 6970 §4.3, and the codes that were registered later. */
const BY_RESULT: Readonly<Record<ResultName, Row>> = {
  // Success is no error; a success that cannot be used is.
  SUCCESS: FAILED,
  UNSUPP_VERSION: FAILED,
  NOT_AUTHORIZED: NOT_ALLOWED,
  MALFORMED_REQUEST: FAILED,
  UNSUPP_OPCODE: FAILED,
  UNSUPP_OPTION: FAILED,
  MALFORMED_OPTION: FAILED,
  NETWORK_FAILURE: FAILED,
  // The control point cannot tell a full server from a used-up quota.
  NO_RESOURCES: NO_PORTS,
  UNSUPP_PROTOCOL: FAILED,
  USER_EX_QUOTA: NO_PORTS,
  CANNOT_PROVIDE_EXTERNAL: TAKEN,
  ADDRESS_MISMATCH: FAILED,
  EXCESSIVE_REMOTE_PEERS: FAILED,
  INITIATION: FAILED,
  AUTHENTICATION_REQUIRED: NOT_AUTHENTICATED,
  AUTHENTICATION_FAILED: NOT_AUTHENTICATED,
  AUTHENTICATION_SUCCEEDED: FAILED,
  AUTHORIZATION_FAILED: NOT_AUTHENTICATED,
  SESSION_TERMINATED: FAILED,
  UNKNOWN_SESSION_ID: FAILED,
  DOWNGRADE_ATTACK_DETECTED: FAILED,
  AUTHENTICATION_REQUEST: FAILED,
  AUTHENTICATION_REPLY: FAILED,
  THIRD_PARTY_ID_UNKNOWN: FAILED,
  THIRD_PARTY_MISSING_OPTION: FAILED,
  UNSUPP_THIRD_PARTY_ID_LENGTH: FAILED,
};

export function upnpErrorOf(refusal: Refusal, action: MappingAction, igd: IgdVersion): UpnpErrorCode {
  const row = rowOf(refusal);
  if ('igd1' in row) return igd === 1 ? row.igd1 : row.igd2;
  return row[action];
}

function rowOf(refusal: Refusal): Row {
  if (refusal.reason !== 'upstream refused') return BY_REASON[refusal.reason];
  return isKnownResultCode(refusal.code) ? BY_RESULT[RESULT_NAMES[refusal.code]] : FAILED;
}
