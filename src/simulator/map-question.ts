// From a decoded MAP request to the question it asks of the table, or the result code it has to be refused with:
// the checks of RFC 6887 §11.1, §11.3 and of each option (§13) that need no table.

import type { Endpoint } from '../base/ip-address.ts';
import { ANY_PORT } from '../base/port-number.ts';
import { ok, type Result, refused } from '../base/result.ts';
import { transportProtocolOf } from '../base/transport-protocol.ts';
import {
  MALFORMED_OPTION,
  MALFORMED_REQUEST,
  type ResultCode,
  UNSUPP_OPTION,
  UNSUPP_PROTOCOL,
} from '../pcp/asking/result-code.ts';
import { codeOf, isMandatoryOption, OPTION_CODE, type Option } from '../pcp/wire/option.ts';
import type { MapWireRequest } from '../pcp/wire/pcp-request.ts';
import type { DeleteQuestion, MapQuestion, ServerState } from './answer-map.ts';
import type { RemotePeerFilter } from './served-mappings.ts';

export type MapIntent =
  | { readonly kind: 'map'; readonly question: MapQuestion }
  | { readonly kind: 'delete'; readonly question: DeleteQuestion };

export interface ReadMapRequest {
  readonly intent: MapIntent;
  /** The options that were acted on: a success repeats them and no others (RFC 6887 §7.3). */
  readonly processed: readonly Option[];
}

export function readMapRequest(
  request: MapWireRequest,
  from: Endpoint,
  state: ServerState,
): Result<ReadMapRequest, ResultCode> {
  const processed: Option[] = [];
  for (const option of request.options) {
    const verdict = judgeOption(option, request, from, processed, state);
    if (verdict === 'process') processed.push(option);
    else if (verdict !== 'skip') return refused(verdict);
  }
  // RFC 6887 §11.1: "all protocols" goes with "all ports" only.
  if (request.protocol === 0 && request.internalPort !== ANY_PORT) return refused(MALFORMED_REQUEST);
  const intent =
    request.lifetimeSeconds === 0 ? readDelete(request, from, processed) : readMap(request, from, processed);
  return intent.ok ? ok({ intent: intent.value, processed }) : intent;
}

type OptionVerdict = 'process' | 'skip' | ResultCode;

function judgeOption(
  option: Option,
  request: MapWireRequest,
  from: Endpoint,
  earlier: readonly Option[],
  { options, faults }: ServerState,
): OptionVerdict {
  const code = codeOf(option);
  const unsupported: OptionVerdict = isMandatoryOption(code) ? UNSUPP_OPTION : 'skip';
  if (faults.refusesPadding && isPadded(option)) return MALFORMED_OPTION;
  if (faults.missingOptions.has(code)) return unsupported;
  // RFC 6887 §7.3: an option more often than its definition allows is malformed; FILTER may be repeated.
  if (code !== OPTION_CODE.filter && earlier.some((other) => codeOf(other) === code)) return MALFORMED_OPTION;
  switch (option.kind) {
    case 'third party':
      if (!options.allowThirdParty) return UNSUPP_OPTION;
      // RFC 6887 §13.1: it must not name the sender itself.
      return option.internalAddress.equals(from.address) ? MALFORMED_REQUEST : 'process';
    case 'prefer failure':
      // RFC 6887 §13.2: a port has to be named, and there is nothing to prefer about a deletion.
      return request.lifetimeSeconds === 0 || request.externalPort === ANY_PORT ? MALFORMED_OPTION : 'process';
    case 'filter':
      // RFC 6887 §13.3.
      return request.lifetimeSeconds === 0 || !isFilterInOneFamily(option) ? MALFORMED_OPTION : 'process';
    case 'description':
      return request.lifetimeSeconds === 0 ? 'skip' : 'process';
    default:
      return unsupported;
  }
}

/** Options are filled up to four octets on the wire (RFC 6887 §7.3); most lengths need no filling. */
function isPadded(option: Option): boolean {
  switch (option.kind) {
    case 'description':
      return new TextEncoder().encode(option.text).length % 4 !== 0;
    case 'third party id':
      return option.id.length % 4 !== 0;
    case 'unknown':
      return option.data.length % 4 !== 0;
    default:
      return option.kind === 'port set';
  }
}

/** An IPv4 prefix starts after the 96 bits that say "IPv4"; length 0 clears and has no family. */
const isFilterInOneFamily = (filter: Extract<Option, { kind: 'filter' }>): boolean =>
  filter.prefixBits === 0 || !filter.remoteAddress.isIPv4 || filter.prefixBits >= 96;

function readMap(request: MapWireRequest, from: Endpoint, processed: readonly Option[]): Result<MapIntent, ResultCode> {
  const protocol = transportProtocolOf(request.protocol);
  // RFC 6887 §11.1: "all ports" and protocols without ports cannot be mapped here.
  if (protocol === undefined || request.internalPort === ANY_PORT) return refused(UNSUPP_PROTOCOL);
  const thirdParty = findOption(processed, 'third party');
  return ok({
    kind: 'map',
    question: {
      client: from,
      internal: {
        internalAddress: thirdParty?.internalAddress ?? from.address,
        protocol,
        internalPort: request.internalPort,
      },
      isThirdParty: thirdParty !== undefined,
      nonce: request.nonce,
      lifetimeSeconds: request.lifetimeSeconds,
      suggestedPort: request.externalPort,
      suggestedAddress: request.externalAddress,
      exactPort: findOption(processed, 'prefer failure') !== undefined,
      filters: filtersOf(processed),
      description: truncated(findOption(processed, 'description')?.text),
    },
  });
}

function readDelete(
  request: MapWireRequest,
  from: Endpoint,
  processed: readonly Option[],
): Result<MapIntent, ResultCode> {
  const protocol = transportProtocolOf(request.protocol);
  if (protocol === undefined && request.protocol !== 0) return refused(UNSUPP_PROTOCOL);
  const internalAddress = findOption(processed, 'third party')?.internalAddress ?? from.address;
  // RFC 6887 §15: protocol 0 and port 0 stand for all of them.
  const internalPort = request.internalPort === ANY_PORT ? undefined : request.internalPort;
  return ok({
    kind: 'delete',
    question: { internal: { internalAddress }, protocol, internalPort, nonce: request.nonce },
  });
}

function findOption<Kind extends Option['kind']>(
  options: readonly Option[],
  kind: Kind,
): Extract<Option, { kind: Kind }> | undefined {
  return options.find((option): option is Extract<Option, { kind: Kind }> => option.kind === kind);
}

const filtersOf = (options: readonly Option[]): readonly RemotePeerFilter[] =>
  options.flatMap((option) =>
    option.kind === 'filter'
      ? [{ address: option.remoteAddress, prefixBits: option.prefixBits, port: option.remotePort }]
      : [],
  );

// RFC 7220 §3: at least 128 octets are kept. Counted in characters here, of which none is shorter than an octet.
const DESCRIPTION_KEPT = 128;

const truncated = (text: string | undefined): string | undefined =>
  text === undefined ? undefined : [...text].slice(0, DESCRIPTION_KEPT).join('');
