// The two protocols a server may speak: PCP, and NAT-PMP (RFC 6886) for gateways that speak nothing newer. Here is what
// differs between them: words on the wire, pace of retransmission, and how the server's clock is judged. Everything else is
// the same for both.

import { ANY_IPV4, ANY_IPV6, type IpAddress } from '../../base/ip-address.ts';
import { ANY_PORT, type PortNumber } from '../../base/port-number.ts';
import { cutToOctets } from '../../base/texts.ts';
import { type Duration, milliseconds, scale, seconds, shorter } from '../../base/time.ts';
import { PROTOCOL_NUMBER, type TransportProtocol, transportProtocolOf } from '../../base/transport-protocol.ts';
import { type Decoded, message } from '../wire/common-header.ts';
import { encodeNatPmpRequest } from '../wire/nat-pmp-request.ts';
import { decodeNatPmpResponse, NAT_PMP_RESULT } from '../wire/nat-pmp-response.ts';
import type { Option } from '../wire/option.ts';
import { encodeRequest } from '../wire/pcp-request.ts';
import { decodeResponse, type MapResponse } from '../wire/pcp-response.ts';
import type { ProtocolName } from './client-output.ts';
import { type EpochRule, isEpochPlausible, isNatPmpEpochPlausible } from './epoch.ts';
import type { MapKey, MapRequest } from './map-request.ts';
import type { MappingNonce } from './mapping-nonce.ts';
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

/** Which options a MAP is written with, where there is a choice. */
export interface MapForm {
  /** With PREFER_FAILURE; without, an exact port is emulated: whatever else comes is released again. */
  readonly preferFailure: boolean;
  /** With a FILTER that removes the ones set before (RFC 6887 §13.3). */
  readonly resetFilters: boolean;
}

export interface MapReply {
  readonly kind: 'map';
  readonly protocol: TransportProtocol;
  readonly internalPort: PortNumber;
  readonly thirdParty: IpAddress | undefined;
  /** Undefined in NAT-PMP, which has none. */
  readonly nonce: MappingNonce | undefined;
  readonly code: ResultCode;
  readonly lifetimeSeconds: number;
  readonly epoch: number;
  readonly assignedPort: PortNumber;
  /** Undefined in NAT-PMP, which tells it separately. */
  readonly assignedAddress: IpAddress | undefined;
}

/** ANNOUNCE, or NAT-PMP's external address. */
export interface AliveReply {
  readonly kind: 'alive';
  readonly code: ResultCode;
  readonly epoch: number;
  readonly externalAddress: IpAddress | undefined;
}

export interface VersionReply {
  readonly kind: 'version refused';
  readonly version: number;
  readonly lifetimeSeconds: number;
}

/** Readable, but this client never asks for it. */
export interface OtherReply {
  readonly kind: 'other';
}

export type Reply = MapReply | AliveReply | VersionReply | OtherReply;

/** One protocol: its words on the wire, its pace, and its rule for the server's clock. */
export interface Dialect {
  readonly name: ProtocolName;
  readonly retransmission: RetransmissionRule;
  /** One question at a time (RFC 6886 §3.1). */
  readonly isSerial: boolean;
  readonly isEpochPlausible: EpochRule;
  readonly canNameThirdParty: boolean;
  readonly canFilter: boolean;
  readonly hasPreferFailure: boolean;
  encodeMap(request: MapRequest, form: MapForm, source: IpAddress): Uint8Array;
  encodeRelease(key: MapKey, source: IpAddress): Uint8Array;
  encodeProbe(source: IpAddress): Uint8Array;
  decode(bytes: Uint8Array): Decoded<Reply>;
}

/** How long to wait for an answer before asking again (RFC 6887 §8.1.1, RFC 6886 §3.1). */
export interface RetransmissionRule {
  /** IRT. */
  readonly initial: Duration;
  /** MRT. */
  readonly most: Duration;
  /** Half the width of RAND, which is uniform around 0. */
  readonly jitter: number;
  /** MRC: packets to one address of a server before it counts as silent (RFC 7488 §3). */
  readonly tries: number;
}

/** `previous` is undefined for the first packet; `unit` is drawn anew for each (RFC 6887 §8.1.1). */
export function timeoutAfter(rule: RetransmissionRule, previous: Duration | undefined, unit: number): Duration {
  const rand = (2 * unit - 1) * rule.jitter;
  const base = previous === undefined ? rule.initial : shorter(scale(previous, 2), rule.most);
  return scale(base, 1 + rand);
}

export const PCP_RETRANSMISSION: RetransmissionRule = {
  initial: seconds(3),
  most: seconds(1024),
  jitter: 0.1,
  tries: 4,
};

export const PCP_DIALECT: Dialect = {
  name: 'PCP',
  retransmission: PCP_RETRANSMISSION,
  isSerial: false,
  isEpochPlausible,
  canNameThirdParty: true,
  canFilter: true,
  hasPreferFailure: true,
  encodeMap: encodePcpMap,
  encodeRelease: encodePcpRelease,
  encodeProbe: (source) => encodeRequest({ kind: 'announce', clientAddress: source, lifetimeSeconds: 0, options: [] }),
  decode: decodePcp,
};

/** RFC 6887 §13.3: the prefix counts bits of the 16-octet form, for IPv4 addresses too. */
const WHOLE_ADDRESS_BITS = 128;

function encodePcpMap(request: MapRequest, form: MapForm, source: IpAddress): Uint8Array {
  return encodeRequest({
    kind: 'map',
    clientAddress: source,
    lifetimeSeconds: request.lifetimeSeconds,
    nonce: request.nonce,
    protocol: PROTOCOL_NUMBER[request.protocol],
    internalPort: request.internalPort,
    externalPort: request.suggestedPort,
    externalAddress: request.suggestedAddress,
    options: [...thirdPartyOf(request), ...optionsOf(request, form)],
  });
}

/** RFC 6887 §15: nothing suggested, no PREFER_FAILURE, no FILTER, THIRD_PARTY as when it was made. */
function encodePcpRelease(key: MapKey, source: IpAddress): Uint8Array {
  return encodeRequest({
    kind: 'map',
    clientAddress: source,
    lifetimeSeconds: 0,
    nonce: key.nonce,
    protocol: PROTOCOL_NUMBER[key.protocol],
    internalPort: key.internalPort,
    externalPort: ANY_PORT,
    externalAddress: ANY_IPV4,
    options: thirdPartyOf(key),
  });
}

const thirdPartyOf = (key: MapKey): readonly Option[] =>
  key.thirdParty === undefined ? [] : [{ kind: 'third party', internalAddress: key.thirdParty }];

function optionsOf(request: MapRequest, form: MapForm): readonly Option[] {
  const options: Option[] = [];
  if (form.preferFailure) options.push({ kind: 'prefer failure' });
  // RFC 6887 §13.3: filters add up, so a renewal first removes what an earlier request set.
  if (request.remotePeers.length > 0 && form.resetFilters) {
    options.push({ kind: 'filter', prefixBits: 0, remotePort: ANY_PORT, remoteAddress: ANY_IPV6 });
  }
  for (const remoteAddress of request.remotePeers) {
    options.push({ kind: 'filter', prefixBits: WHOLE_ADDRESS_BITS, remotePort: ANY_PORT, remoteAddress });
  }
  if (request.description !== undefined) options.push(descriptionOption(request.description));
  return options;
}

function decodePcp(bytes: Uint8Array): Decoded<Reply> {
  const decoded = decodeResponse(bytes);
  if (decoded.kind === 'ignored') return decoded;
  const response = decoded.message;
  switch (response.kind) {
    case 'map':
      return message(mapReply(response));
    case 'announce':
      return message({ kind: 'alive', code: response.code, epoch: response.epoch, externalAddress: undefined });
    case 'version refused':
      return message(response);
    default:
      return message({ kind: 'other' });
  }
}

function mapReply(response: MapResponse): Reply {
  const protocol = transportProtocolOf(response.protocol);
  if (protocol === undefined) return { kind: 'other' };
  const thirdParty = response.options.find((option) => option.kind === 'third party');
  return {
    kind: 'map',
    protocol,
    internalPort: response.internalPort,
    thirdParty: thirdParty?.internalAddress,
    nonce: response.nonce,
    code: response.code,
    lifetimeSeconds: response.lifetimeSeconds,
    epoch: response.epoch,
    assignedPort: response.externalPort,
    assignedAddress: response.externalAddress,
  };
}

/** RFC 7220 §3: a server keeps 128 octets at least. We do not send what it may cut off. */
const MOST_OCTETS = 128;
/** miniupnpd 2.3.1 takes the padding of RFC 6887 §7.3 for a malformed option. Blanks at the end do no harm. */
const OCTETS_PER_WORD = 4;

/** A description as it is sent (RFC 7220 §3): whole characters, and so many octets that no padding is needed. */
export function descriptionOption(text: string): Option {
  const kept = cutToOctets(text, MOST_OCTETS);
  const octets = new TextEncoder().encode(kept).length;
  const filled = Math.ceil(octets / OCTETS_PER_WORD) * OCTETS_PER_WORD;
  return { kind: 'description', text: kept + ' '.repeat(filled - octets) };
}

/** RFC 6886 §3.1: 250 ms, doubling, nine packets, the last wait 64 s. */
export const NAT_PMP_RETRANSMISSION: RetransmissionRule = {
  initial: milliseconds(250),
  most: seconds(64),
  jitter: 0,
  tries: 9,
};

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
  decode: decodeNatPmp,
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

function decodeNatPmp(bytes: Uint8Array): Decoded<Reply> {
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
