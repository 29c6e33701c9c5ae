// One PCP datagram in, one reply out (RFC 6887 §8.2, §8.3): reading, the address check, the opcode, and the response
// around what `answer-map.ts` decided. Errors repeat the request, successes the options that were acted on.

import { type Endpoint, endpointText } from '../base/ip-address.ts';
import { ANY_PORT } from '../base/port-number.ts';
import { type Instant, inSeconds } from '../base/time.ts';
import {
  ADDRESS_MISMATCH,
  isShortLifetimeError,
  MALFORMED_OPTION,
  MALFORMED_REQUEST,
  type ResultCode,
  SUCCESS,
  UNSUPP_OPCODE,
  UNSUPP_OPTION,
} from '../pcp/asking/result-code.ts';
import { HEADER_OCTETS, PCP_VERSION } from '../pcp/wire/common-header.ts';
import { encodeErrorResponse } from '../pcp/wire/error-response.ts';
import { codeOf, isMandatoryOption, type Option } from '../pcp/wire/option.ts';
import { decodeRequest, type MapWireRequest, type PcpRequest } from '../pcp/wire/pcp-request.ts';
import { encodeResponse } from '../pcp/wire/pcp-response.ts';
import {
  answerDelete,
  answerMap,
  LONG_ERROR_SECONDS,
  type Refusal,
  type ServerState,
  SHORT_ERROR_SECONDS,
} from './answer-map.ts';
import { readMapRequest } from './map-question.ts';
import { remainingOf, type SimulatedMapping } from './served-mappings.ts';
import { codeInWords, grantInWords, type Reply, silence } from './served-request.ts';

export interface PcpDatagram {
  readonly bytes: Uint8Array;
  readonly from: Endpoint;
}

export function answerPcp(datagram: PcpDatagram, state: ServerState, epoch: number, now: Instant): Reply {
  const { bytes, from } = datagram;
  const decoded = decodeRequest(bytes);
  if (decoded.kind === 'ignored') return silence(from, decoded.why);
  // RFC 6887 §8.2: what is shorter than the common header cannot be answered by repeating it.
  if (decoded.kind === 'unacceptable' && decoded.version === PCP_VERSION && bytes.length < HEADER_OCTETS) {
    return silence(from, 'too short');
  }
  if (decoded.kind === 'unacceptable') return refusal(datagram, 'unreadable request', decoded.code, epoch);
  const { request } = decoded;
  const question = questionInWords(request, from);
  // RFC 6887 §8.2: an address that differs from the packet's source betrays a NAT in between.
  if (!request.clientAddress.equals(from.address)) return refusal(datagram, question, ADDRESS_MISMATCH, epoch);
  switch (request.kind) {
    case 'announce':
      if (request.options.some((option) => isMandatoryOption(codeOf(option)))) {
        return refusal(datagram, question, UNSUPP_OPTION, epoch);
      }
      return {
        bytes: encodeResponse({ kind: 'announce', code: SUCCESS, lifetimeSeconds: 0, epoch, options: [] }),
        served: { from, question, answer: `SUCCESS, epoch ${epoch}`, code: SUCCESS },
      };
    case 'map':
      return answerMapRequest(datagram, request, question, state, epoch, now);
    case 'peer':
      // The interworking function never asks for one; a server may do without (RFC 6887 §12).
      return refusal(datagram, question, UNSUPP_OPCODE, epoch);
  }
}

function answerMapRequest(
  datagram: PcpDatagram,
  request: MapWireRequest,
  question: string,
  state: ServerState,
  epoch: number,
  now: Instant,
): Reply {
  const { refuseWith } = state.faults;
  if (refuseWith !== undefined) {
    return refusal(datagram, question, refuseWith.code, epoch, refuseWith.lifetimeSeconds);
  }
  const read = readMapRequest(request, datagram.from, state);
  if (!read.ok) return refusal(datagram, question, read.error, epoch);
  const { intent, processed } = read.value;
  const refuse = ({ code, lifetimeSeconds }: Refusal): Reply =>
    refusal(datagram, question, code, epoch, lifetimeSeconds);

  if (intent.kind === 'delete') {
    const busy = answerDelete(intent.question, state, now);
    if (!busy.ok) return refuse(busy.error);
    const lifetimeSeconds = Math.ceil(inSeconds(busy.value));
    return {
      bytes: encodeResponse({ ...request, code: SUCCESS, lifetimeSeconds, epoch, options: processed }),
      served: { from: datagram.from, question, answer: codeInWords(SUCCESS, 0), code: SUCCESS },
    };
  }
  const granted = answerMap(intent.question, state, now);
  if (!granted.ok) return refuse(granted.error);
  const lifetimeSeconds = Math.floor(inSeconds(remainingOf(granted.value, now)));
  return {
    bytes: encodeResponse({
      ...request,
      externalPort: granted.value.externalPort,
      externalAddress: granted.value.externalAddress,
      code: SUCCESS,
      lifetimeSeconds,
      epoch,
      options: processed.map((option) => asStored(option, granted.value)),
    }),
    served: { from: datagram.from, question, answer: grantInWords(granted.value, lifetimeSeconds), code: SUCCESS },
  };
}

/** RFC 7220 §3: the answer shows the text that was kept. */
const asStored = (option: Option, mapping: SimulatedMapping): Option =>
  option.kind === 'description' ? { kind: 'description', text: mapping.description ?? '' } : option;

function refusal(
  { bytes, from }: PcpDatagram,
  question: string,
  code: ResultCode,
  epoch: number,
  lifetimeSeconds = isShortLifetimeError(code) ? SHORT_ERROR_SECONDS : LONG_ERROR_SECONDS,
): Reply {
  const unreadable = code === MALFORMED_REQUEST || code === MALFORMED_OPTION;
  return {
    bytes: encodeErrorResponse(bytes, { code, lifetimeSeconds, epoch, unreadable }),
    served: { from, question, answer: codeInWords(code, lifetimeSeconds), code },
  };
}

const PROTOCOL_NAMES: Readonly<Record<number, string>> = { 0: 'all protocols', 6: 'TCP', 17: 'UDP' };

function questionInWords(request: PcpRequest, from: Endpoint): string {
  if (request.kind === 'announce') return 'ANNOUNCE';
  const thirdParty = request.options.find((option) => option.kind === 'third party');
  const address = thirdParty?.internalAddress ?? from.address;
  const what = `${PROTOCOL_NAMES[request.protocol] ?? `protocol ${request.protocol}`} ${endpointText({ address, port: request.internalPort })}`;
  if (request.kind === 'peer') return `PEER ${what}`;
  if (request.lifetimeSeconds === 0) return `MAP delete ${what}`;
  const isExact = request.options.some((option) => option.kind === 'prefer failure');
  const wish =
    request.externalPort === ANY_PORT ? 'any port' : `port ${request.externalPort}${isExact ? ' or none' : ''}`;
  return `MAP ${what}, ${wish}, for ${request.lifetimeSeconds} s`;
}
