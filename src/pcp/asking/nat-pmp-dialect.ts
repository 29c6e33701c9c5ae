// The same conversation in NAT-PMP (RFC 6886), for gateways that speak nothing newer: no nonce, no third party, no
// filter, no PREFER_FAILURE, the external address asked for apart.

import { ANY_PORT } from '../../base/port-number.ts';
import { type Decoded, message } from '../wire/decoded.ts';
import { encodeNatPmpRequest } from '../wire/nat-pmp-request.ts';
import { decodeNatPmpResponse, NAT_PMP_RESULT } from '../wire/nat-pmp-response.ts';
import type { Dialect, Reply } from './dialect.ts';
import { isNatPmpEpochPlausible } from './epoch.ts';
import {
  MALFORMED_REQUEST,
  NETWORK_FAILURE,
  NO_RESOURCES,
  NOT_AUTHORIZED,
  type ResultCode,
  SUCCESS,
  UNSUPP_OPCODE,
  UNSUPP_VERSION,
} from './result-code.ts';
import { NAT_PMP_RETRANSMISSION } from './retransmission.ts';

export const NAT_PMP_DIALECT: Dialect = {
  name: 'NAT-PMP',
  retransmission: NAT_PMP_RETRANSMISSION,
  isSerial: true,
  isEpochPlausible: isNatPmpEpochPlausible,
  canNameThirdParty: false,
  canFilter: false,
  hasPreferFailure: false,
  encodeMap: ({ protocol, internalPort, suggestedPort, lifetimeSeconds }) =>
    encodeNatPmpRequest({ kind: 'map', protocol, internalPort, suggestedPort, lifetimeSeconds }),
  encodeRelease: ({ protocol, internalPort }) =>
    encodeNatPmpRequest({ kind: 'map', protocol, internalPort, suggestedPort: ANY_PORT, lifetimeSeconds: 0 }),
  encodeProbe: () => encodeNatPmpRequest({ kind: 'external address' }),
  decode,
};

/** RFC 6886 §3.5's codes in PCP's words. */
const RESULT: Readonly<Record<number, ResultCode>> = {
  [NAT_PMP_RESULT.success]: SUCCESS,
  [NAT_PMP_RESULT.unsupportedVersion]: UNSUPP_VERSION,
  [NAT_PMP_RESULT.notAuthorized]: NOT_AUTHORIZED,
  [NAT_PMP_RESULT.networkFailure]: NETWORK_FAILURE,
  [NAT_PMP_RESULT.outOfResources]: NO_RESOURCES,
  [NAT_PMP_RESULT.unsupportedOpcode]: UNSUPP_OPCODE,
};

// RFC 6886 §3.5: a code nobody knows is a fatal error; in PCP's words, our request did not please.
const resultOf = (code: number): ResultCode => RESULT[code] ?? MALFORMED_REQUEST;

function decode(bytes: Uint8Array): Decoded<Reply> {
  const decoded = decodeNatPmpResponse(bytes);
  if (decoded.kind === 'ignored') return decoded;
  const response = decoded.message;
  switch (response.kind) {
    case 'external address':
      return message({
        kind: 'alive',
        code: resultOf(response.code),
        epoch: response.epoch,
        externalAddress: response.address,
      });
    case 'map': {
      const { protocol, internalPort, epoch, mappedPort } = response;
      const code = resultOf(response.code);
      // The lifetime of a refusal means nothing here: 0 lets the hold be the usual one.
      const lifetimeSeconds = code === SUCCESS ? response.lifetimeSeconds : 0;
      const absent = { thirdParty: undefined, nonce: undefined, assignedAddress: undefined };
      const fields = { protocol, internalPort, epoch, code, lifetimeSeconds, assignedPort: mappedPort };
      return message({ kind: 'map', ...fields, ...absent });
    }
    default:
      return message({ kind: 'other' });
  }
}
