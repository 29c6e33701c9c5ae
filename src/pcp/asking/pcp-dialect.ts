// A MAP request as PCP writes it: which options, in which order (RFC 6887 §11.1, §13), and what its responses say.

import { ANY_IPV4, ANY_IPV6, type IpAddress } from '../../base/ip-address.ts';
import { ANY_PORT } from '../../base/port-number.ts';
import { PROTOCOL_NUMBER, transportProtocolOf } from '../../base/transport-protocol.ts';
import { type Decoded, message } from '../wire/decoded.ts';
import type { Option } from '../wire/option.ts';
import { encodeRequest } from '../wire/pcp-request.ts';
import { decodeResponse, type MapResponse } from '../wire/pcp-response.ts';
import { descriptionOption } from './description-option.ts';
import type { Dialect, MapForm, Reply } from './dialect.ts';
import { isEpochPlausible } from './epoch.ts';
import type { MapKey, MapRequest } from './map-request.ts';
import { PCP_RETRANSMISSION } from './retransmission.ts';

export const PCP_DIALECT: Dialect = {
  name: 'PCP',
  retransmission: PCP_RETRANSMISSION,
  isSerial: false,
  isEpochPlausible,
  canNameThirdParty: true,
  canFilter: true,
  hasPreferFailure: true,
  encodeMap,
  encodeRelease,
  encodeProbe: (source) => encodeRequest({ kind: 'announce', clientAddress: source, lifetimeSeconds: 0, options: [] }),
  decode,
};

/** RFC 6887 §13.3 counts IPv4 addresses in their 16-octet form too. */
const WHOLE_ADDRESS_BITS = 128;

function encodeMap(request: MapRequest, form: MapForm, source: IpAddress): Uint8Array {
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
function encodeRelease(key: MapKey, source: IpAddress): Uint8Array {
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

function decode(bytes: Uint8Array): Decoded<Reply> {
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
