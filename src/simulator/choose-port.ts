// Which external address and port a new mapping gets (RFC 6887 §11.3): the suggestion where it can be had,
// otherwise another one, or a refusal when the client would take no other (PREFER_FAILURE, §13.2).

import type { RandomSource } from '../base/host.ts';
import type { IpAddress } from '../base/ip-address.ts';
import { ANY_PORT, isInPortRange, type PortNumber, type PortRange, portNumber } from '../base/port-number.ts';
import { ok, type Result, refused } from '../base/result.ts';
import { type Duration, type Instant, minutes } from '../base/time.ts';
import type { MappingNonce } from '../pcp/asking/mapping-nonce.ts';
import type { ExternalKey, InternalKey, MappingStore } from './served-mappings.ts';
import type { SimulatorOptions } from './simulator-options.ts';

export interface PortWish {
  readonly internal: InternalKey;
  readonly nonce: MappingNonce | undefined;
  readonly suggestedPort: PortNumber;
  readonly suggestedAddress: IpAddress;
  readonly exactPort: boolean;
}

export type NoPort =
  /** The one port wished for cannot be had, for this long at least. */
  { readonly kind: 'conflict'; readonly remaining: Duration } | { readonly kind: 'pool empty' };

// What can never be had is refused for long (RFC 6887 §7.4).
const NEVER_TO_BE_HAD = minutes(30);

export function choosePort(
  wish: PortWish,
  store: MappingStore,
  options: SimulatorOptions,
  random: Pick<RandomSource, 'unit'>,
  now: Instant,
): Result<ExternalKey, NoPort> {
  const { protocol } = wish.internal;
  const at = (externalAddress: IpAddress, externalPort: PortNumber): ExternalKey => ({
    externalAddress,
    protocol,
    externalPort,
  });
  const obstacle = (port: ExternalKey) => store.obstacleTo(port, wish.internal, wish.nonce, now);
  const address = chooseAddress(wish, store, options, random);

  // RFC 6887 §13.2: both the address (unless all zero) and the port have to be met.
  if (wish.exactPort) {
    const addressFits = wish.suggestedAddress.isUnspecified || wish.suggestedAddress.equals(address);
    if (!addressFits || !isInPortRange(wish.suggestedPort, options.externalPorts)) {
      return refused({ kind: 'conflict', remaining: NEVER_TO_BE_HAD });
    }
    const wished = at(address, wish.suggestedPort);
    const taken = obstacle(wished);
    return taken === undefined ? ok(wished) : refused({ kind: 'conflict', remaining: taken.remaining });
  }
  for (const port of portsInOrder(wish, options, random)) {
    const candidate = at(address, port);
    if (obstacle(candidate) === undefined) return ok(candidate);
  }
  return refused({ kind: 'pool empty' });
}

/** Paired with the one in use (RFC 6887 §11.3), else the suggested one, else any of the pool. */
function chooseAddress(
  wish: PortWish,
  store: MappingStore,
  { externalAddresses }: SimulatorOptions,
  random: Pick<RandomSource, 'unit'>,
): IpAddress {
  const paired = store.pairedAddress(wish.internal.internalAddress);
  if (paired !== undefined) return paired;
  const suggested = externalAddresses.find((address) => address.equals(wish.suggestedAddress));
  const drawn = externalAddresses[Math.floor(random.unit() * externalAddresses.length)];
  const address = suggested ?? drawn;
  if (address === undefined) throw new RangeError('the simulator needs at least one external address');
  return address;
}

function* portsInOrder(
  wish: PortWish,
  { externalPorts, portChoice }: SimulatorOptions,
  random: Pick<RandomSource, 'unit'>,
): Generator<PortNumber> {
  const size = externalPorts.last - externalPorts.first + 1;
  const preferred = wish.suggestedPort === ANY_PORT ? wish.internal.internalPort : wish.suggestedPort;
  const start =
    portChoice === 'preserve' && isInPortRange(preferred, externalPorts)
      ? preferred
      : portNumber(externalPorts.first + Math.floor(random.unit() * size));
  yield* upwardsFrom(start, externalPorts);
}

/** Every port of the range once, wrapping at its end. */
function* upwardsFrom(start: PortNumber, range: PortRange): Generator<PortNumber> {
  for (let port: number = start; port <= range.last; port += 1) yield portNumber(port);
  for (let port: number = range.first; port < start; port += 1) yield portNumber(port);
}
