// The same table behind NAT-PMP (RFC 6886 §3): no nonce, no options, TCP and UDP of the sender only.

import { ANY_IPV4, type Endpoint } from '../base/ip-address.ts';
import { ANY_PORT } from '../base/port-number.ts';
import { type Instant, inSeconds } from '../base/time.ts';
import {
  NO_RESOURCES,
  NOT_AUTHORIZED,
  type ResultCode,
  SUCCESS,
  UNSUPP_VERSION,
  USER_EX_QUOTA,
} from '../pcp/asking/result-code.ts';
import { RESPONSE_BIT } from '../pcp/wire/common-header.ts';
import { decodeNatPmpRequest, type NatPmpRequest } from '../pcp/wire/nat-pmp-request.ts';
import { encodeNatPmpOpcodeRefusal, encodeNatPmpResponse, NAT_PMP_RESULT } from '../pcp/wire/nat-pmp-response.ts';
import { answerDelete, answerMap, type ServerState } from './answer-map.ts';
import type { PcpDatagram } from './answer-pcp.ts';
import { remainingOf } from './served-mappings.ts';
import { type Reply, silence } from './served-request.ts';

type MapRequest = Extract<NatPmpRequest, { kind: 'map' }>;

export function answerNatPmp({ bytes, from }: PcpDatagram, state: ServerState, epoch: number, now: Instant): Reply {
  const decoded = decodeNatPmpRequest(bytes);
  switch (decoded.kind) {
    case 'ignored':
      return silence(from, decoded.why);
    case 'unknown version': {
      const secondOctet = state.faults.refusalRepeatsOpcode ? RESPONSE_BIT | decoded.opcode : 0;
      return {
        bytes: encodeNatPmpResponse({ kind: 'version refused', secondOctet, epoch }),
        served: { from, question: 'PCP request', answer: 'NAT-PMP only', code: UNSUPP_VERSION },
      };
    }
    case 'unknown opcode': {
      const question = `NAT-PMP opcode ${decoded.opcode}`;
      const code = NAT_PMP_RESULT.unsupportedOpcode;
      return { bytes: encodeNatPmpOpcodeRefusal(bytes), served: { from, question, answer: 'unknown', code } };
    }
    case 'request':
      return decoded.request.kind === 'map'
        ? mapReply(decoded.request, from, state, epoch, now)
        : addressReply(from, state, epoch);
  }
}

function addressReply(from: Endpoint, { options }: ServerState, epoch: number): Reply {
  const address = options.externalAddresses[0];
  return {
    bytes: encodeNatPmpResponse({ kind: 'external address', code: SUCCESS, epoch, address }),
    served: { from, question: 'NAT-PMP external address', answer: address?.text ?? 'none', code: SUCCESS },
  };
}

function mapReply(request: MapRequest, from: Endpoint, state: ServerState, epoch: number, now: Instant): Reply {
  const { protocol, internalPort } = request;
  const question = `NAT-PMP map ${protocol} ${from.address.text}:${internalPort} for ${request.lifetimeSeconds} s`;
  const answer = (code: ResultCode, mappedPort = ANY_PORT, lifetimeSeconds = 0): Reply => ({
    bytes: encodeNatPmpResponse({ kind: 'map', code, epoch, protocol, internalPort, mappedPort, lifetimeSeconds }),
    served: { from, question, answer: `result ${code}, port ${mappedPort} for ${lifetimeSeconds} s`, code },
  });
  const { refuseWith } = state.faults;
  if (refuseWith !== undefined) return answer(natPmpResultOf(refuseWith.code));

  if (request.lifetimeSeconds === 0) {
    // RFC 6886 §3.4: internal port 0 deletes all of the protocol; an absent mapping is a success.
    const port = internalPort === ANY_PORT ? undefined : internalPort;
    const internal = { internalAddress: from.address };
    const deleted = answerDelete({ internal, protocol, internalPort: port, nonce: undefined }, state, now);
    return answer(deleted.ok ? SUCCESS : natPmpResultOf(deleted.error.code));
  }
  if (internalPort === ANY_PORT) return answer(NAT_PMP_RESULT.notAuthorized);
  const granted = answerMap(
    {
      client: from,
      internal: { internalAddress: from.address, protocol, internalPort },
      isThirdParty: false,
      nonce: undefined,
      lifetimeSeconds: request.lifetimeSeconds,
      suggestedPort: request.suggestedPort,
      suggestedAddress: ANY_IPV4,
      exactPort: false,
      filters: [],
      description: undefined,
    },
    state,
    now,
  );
  if (!granted.ok) return answer(natPmpResultOf(granted.error.code));
  return answer(SUCCESS, granted.value.externalPort, Math.floor(inSeconds(remainingOf(granted.value, now))));
}

function natPmpResultOf(code: ResultCode): number {
  if (code === NOT_AUTHORIZED) return NAT_PMP_RESULT.notAuthorized;
  const isShortage = code === NO_RESOURCES || code === USER_EX_QUOTA;
  return isShortage ? NAT_PMP_RESULT.outOfResources : NAT_PMP_RESULT.networkFailure;
}
