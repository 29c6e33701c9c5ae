// What the server says without being asked (RFC 6887 §14): the restart announcement, and the Mapping Update that tells a
// client its mapping has another address or port now, or is gone.

import type { IpAddress } from '../base/ip-address.ts';
import { type Instant, inSeconds } from '../base/time.ts';
import { PROTOCOL_NUMBER } from '../base/transport-protocol.ts';
import { CANNOT_PROVIDE_EXTERNAL, SUCCESS } from '../pcp/asking/result-code.ts';
import { encodeNatPmpResponse } from '../pcp/wire/nat-pmp-response.ts';
import type { Option } from '../pcp/wire/option.ts';
import { encodeResponse } from '../pcp/wire/pcp-response.ts';
import { SHORT_ERROR_SECONDS } from './answer-map.ts';
import { remainingOf } from './served-mappings.ts';
import type { SimulatedMapping } from './simulated-mapping.ts';
import type { SpokenProtocol } from './simulator-faults.ts';

/** RFC 6887 §14.1.1; a NAT-PMP gateway sends its external address instead (RFC 6886 §3.2.1). */
export function restartAnnouncement(speaks: SpokenProtocol, address: IpAddress | undefined, epoch: number): Uint8Array {
  return speaks === 'NAT-PMP'
    ? encodeNatPmpResponse({ kind: 'external address', code: SUCCESS, epoch, address })
    : encodeResponse({ kind: 'announce', code: SUCCESS, lifetimeSeconds: 0, epoch, options: [] });
}

/** RFC 6887 §14.2. Undefined for mappings without a nonce: nobody could tell that it is about theirs. */
export function mappingUpdate(
  mapping: SimulatedMapping,
  isRevoked: boolean,
  epoch: number,
  now: Instant,
): Uint8Array | undefined {
  if (mapping.nonce === undefined) return undefined;
  return encodeResponse({
    kind: 'map',
    code: isRevoked ? CANNOT_PROVIDE_EXTERNAL : SUCCESS,
    lifetimeSeconds: isRevoked ? SHORT_ERROR_SECONDS : Math.floor(inSeconds(remainingOf(mapping, now))),
    epoch,
    nonce: mapping.nonce,
    protocol: PROTOCOL_NUMBER[mapping.protocol],
    internalPort: mapping.internalPort,
    externalPort: mapping.externalPort,
    externalAddress: mapping.externalAddress,
    options: optionsOf(mapping),
  });
}

/** RFC 6887 §14.2: THIRD_PARTY and FILTER come back if they were in the request. */
function optionsOf(mapping: SimulatedMapping): readonly Option[] {
  const filters = mapping.filters.map(
    (filter): Option => ({
      kind: 'filter',
      prefixBits: filter.prefixBits,
      remotePort: filter.port,
      remoteAddress: filter.address,
    }),
  );
  return mapping.isThirdParty
    ? [{ kind: 'third party', internalAddress: mapping.internalAddress }, ...filters]
    : filters;
}
