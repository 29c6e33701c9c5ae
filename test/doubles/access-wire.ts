// The line between a box and its carrier: what the box asked of PCP servers over it, read from the packets, and what goes
// wrong on the way.

import type { IpAddress } from '../../src/base/ip-address.ts';
import { portNumber } from '../../src/base/port-number.ts';
import { type Duration, type Instant, milliseconds, scale } from '../../src/base/time.ts';
import { transportProtocolOf } from '../../src/base/transport-protocol.ts';
import type { MapKey, MapRequest } from '../../src/pcp/asking/map-request.ts';
import { decodeNatPmpRequest } from '../../src/pcp/wire/nat-pmp-request.ts';
import { decodeRequest, type MapWireRequest } from '../../src/pcp/wire/pcp-request.ts';
import type { SimulatedHost, SimulatedWorld } from './simulated-host.ts';
import { FAIR_WEATHER, type SentDatagram } from './simulated-network.ts';

export type SentRequest =
  | { readonly kind: 'map'; readonly at: Instant; readonly request: MapRequest }
  | { readonly kind: 'release'; readonly at: Instant; readonly key: MapKey }
  /** For a mapping, or for its end. */
  | { readonly kind: 'NAT-PMP map'; readonly at: Instant };

const PCP_PORT = 5351;
const DISCARD_PORT = 9;
const USUAL_ROUND_TRIP = milliseconds(20);

export class AccessWire {
  readonly #simulated: SimulatedWorld;
  readonly #box: SimulatedHost;
  /** Every MAP that the box sent, repetitions too; what became of it is another matter. */
  readonly packets: SentRequest[] = [];
  /** Nothing comes through, either way. */
  isSilent = false;
  /** The carrier hears and acts; its next answers are lost. */
  answersToLose = 0;

  /** From now on; what happened on the wire before is forgotten. */
  constructor(simulated: SimulatedWorld, box: SimulatedHost) {
    this.#simulated = simulated;
    this.#box = box;
    const { network } = simulated;
    const { watch } = network;
    network.watch = (datagram) => {
      watch(datagram);
      if (this.#isOfTheBox(datagram.from.address) && datagram.to.port === PCP_PORT) this.#note(datagram);
    };
    network.blackHole = (_to, from) => this.isSilent || this.#isLostAnswer(from);
    this.roundTrip = USUAL_ROUND_TRIP;
  }

  set roundTrip(span: Duration) {
    this.#simulated.network.weather = { ...FAIR_WEATHER, delay: scale(span, 0.5) };
  }

  /** What left since the last look. */
  takePackets(): readonly SentRequest[] {
    return this.packets.splice(0);
  }

  get maps(): readonly MapRequest[] {
    return this.packets.flatMap((packet) => (packet.kind === 'map' ? [packet.request] : []));
  }

  get releases(): readonly MapKey[] {
    return this.packets.flatMap((packet) => (packet.kind === 'release' ? [packet.key] : []));
  }

  #isOfTheBox(address: IpAddress): boolean {
    return this.#box.network.interfaces().some((row) => row.address.equals(address));
  }

  #isLostAnswer(from: SentDatagram['from']): boolean {
    if (this.answersToLose === 0 || from.port !== PCP_PORT || this.#isOfTheBox(from.address)) return false;
    this.answersToLose -= 1;
    return true;
  }

  #note({ bytes }: SentDatagram): void {
    const at = this.#simulated.clock.now();
    const natPmp = decodeNatPmpRequest(bytes);
    if (natPmp.kind === 'request' && natPmp.request.kind === 'map') this.packets.push({ kind: 'NAT-PMP map', at });
    const decoded = decodeRequest(bytes);
    if (decoded.kind !== 'request' || decoded.request.kind !== 'map') return;
    const { request } = decoded;
    // The question under a nonce: the deletion of nothing, which is about no mapping.
    if (request.lifetimeSeconds === 0 && request.internalPort === DISCARD_PORT) return;
    const key = keyOf(request);
    if (request.lifetimeSeconds === 0) this.packets.push({ kind: 'release', at, key });
    else this.packets.push({ kind: 'map', at, request: { ...key, ...wishOf(request) } });
  }
}

function keyOf(request: MapWireRequest): MapKey {
  const protocol = transportProtocolOf(request.protocol);
  if (protocol === undefined) throw new Error(`the box asked for protocol ${request.protocol}`);
  const thirdParty = request.options.find((option) => option.kind === 'third party');
  return {
    protocol,
    internalPort: portNumber(request.internalPort),
    thirdParty: thirdParty?.internalAddress,
    nonce: request.nonce,
  };
}

function wishOf({ externalPort, externalAddress, lifetimeSeconds, options }: MapWireRequest) {
  const description = options.find((option) => option.kind === 'description');
  return {
    suggestedPort: portNumber(externalPort),
    suggestedAddress: externalAddress,
    exactPort: options.some((option) => option.kind === 'prefer failure'),
    // Prefix length 0 names nobody: it clears what was there before (RFC 6887 §13.3).
    remotePeers: options.flatMap((option) =>
      option.kind === 'filter' && option.prefixBits > 0 ? [option.remoteAddress] : [],
    ),
    lifetimeSeconds,
    ...(description === undefined ? {} : { description: description.text }),
  };
}
