// A bare PCP client for tests of the simulator: sends one request into the machine and reads what comes back.
// It keeps no state and no rule; that is the point.

import { ANY_IPV4, type Endpoint, IpAddress } from '../../src/base/ip-address.ts';
import { ANY_PORT, portNumber } from '../../src/base/port-number.ts';
import type { Instant } from '../../src/base/time.ts';
import { PROTOCOL_NUMBER, type TransportProtocol } from '../../src/base/transport-protocol.ts';
import { type MappingNonce, nonceFromBytes } from '../../src/pcp/asking/mapping-nonce.ts';
import type { Option } from '../../src/pcp/wire/option.ts';
import { encodeRequest } from '../../src/pcp/wire/pcp-request.ts';
import { decodeResponse, type MapResponse, type PcpResponse } from '../../src/pcp/wire/pcp-response.ts';
import type { Simulator, SimulatorOutput } from '../../src/simulator/simulator.ts';

export const nonce = (seed: number): MappingNonce => nonceFromBytes(new Uint8Array(12).fill(seed));

export interface Asking {
  readonly from?: string;
  readonly claimedAddress?: string;
  readonly protocol?: TransportProtocol | number;
  readonly internalPort?: number;
  readonly suggestedPort?: number;
  readonly suggestedAddress?: string;
  readonly lifetime?: number;
  readonly nonce?: MappingNonce;
  readonly options?: readonly Option[];
}

export const endpoint = (address: string, port = 40_000): Endpoint => ({ address: IpAddress.of(address), port });

export function mapRequestBytes(asking: Asking): Uint8Array {
  const { protocol = 'TCP', internalPort = 8080, suggestedPort = ANY_PORT, lifetime = 3600 } = asking;
  return encodeRequest({
    kind: 'map',
    clientAddress: IpAddress.of(asking.claimedAddress ?? asking.from ?? '192.168.1.10'),
    lifetimeSeconds: lifetime,
    nonce: asking.nonce ?? nonce(1),
    protocol: typeof protocol === 'number' ? protocol : PROTOCOL_NUMBER[protocol],
    internalPort: portNumber(internalPort),
    externalPort: portNumber(suggestedPort),
    externalAddress: asking.suggestedAddress === undefined ? ANY_IPV4 : IpAddress.of(asking.suggestedAddress),
    options: asking.options ?? [],
  });
}

export const transmissionsOf = (
  outputs: readonly SimulatorOutput[],
): readonly Extract<SimulatorOutput, { kind: 'transmit' }>[] =>
  outputs.flatMap((output) => (output.kind === 'transmit' ? [output] : []));

export function responseIn(bytes: Uint8Array): PcpResponse {
  const decoded = decodeResponse(bytes);
  if (decoded.kind !== 'message' || decoded.message.kind === 'version refused') {
    throw new Error(`not a PCP response: ${JSON.stringify(decoded)}`);
  }
  return decoded.message;
}

export function mapResponseIn(bytes: Uint8Array): MapResponse {
  const response = responseIn(bytes);
  if (response.kind !== 'map') throw new Error(`not a MAP response: ${response.kind}`);
  return response;
}

/** Asks a simulator without delay or loss: exactly one answer is expected. */
export function ask(simulator: Simulator, now: Instant, asking: Asking = {}): MapResponse {
  const outputs = simulator.handleDatagram(mapRequestBytes(asking), endpoint(asking.from ?? '192.168.1.10'), now);
  const [only, ...more] = transmissionsOf(outputs);
  if (only === undefined || more.length > 0)
    throw new Error(`expected one answer, not ${more.length + (only ? 1 : 0)}`);
  return mapResponseIn(only.bytes);
}
