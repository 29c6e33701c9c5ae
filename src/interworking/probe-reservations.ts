// The side effects of RFC 6970 §5.7's probe: it makes a real mapping. That mapping is kept for a minute as a reservation
// for the asker's AddPortMapping, under the same NAT1 port and nonce; then it is deleted.

import { ANY_IPV4, type IpAddress } from '../base/ip-address.ts';
import type { PortNumber } from '../base/port-number.ts';
import { keyText } from '../base/texts.ts';
import { after, type Instant, seconds } from '../base/time.ts';
import type { TransportProtocol } from '../base/transport-protocol.ts';
import type { MapRequest } from '../pcp/asking/map-request.ts';
import { patienceUntil } from './ask-for-mapping.ts';
import type { Asker, PortName, Wish } from './gateway.ts';
import type { Interworking, PortProbes } from './interworking.ts';
import { objectionToThirdParty, thirdPartyFor } from './upstream-request.ts';

/** RFC 6970 §5.7's example. */
const PROBE_SECONDS = 60;
/** Each is a mapping at the carrier that nobody uses; past it probes are not sent. */
const MOST_RESERVATIONS = 64;

interface Reservation {
  readonly client: IpAddress;
  readonly request: MapRequest;
  readonly nat1Port: PortNumber | undefined;
}

export class ProbeReservations implements PortProbes {
  readonly #held = new Map<string, Reservation>();
  readonly #giveBack: (reservation: Reservation) => Promise<void>;

  constructor(giveBack: (request: MapRequest, nat1Port: PortNumber | undefined) => Promise<void>) {
    this.#giveBack = (reservation) => giveBack(reservation.request, reservation.nat1Port);
  }

  /** Whether the port is free at the server; if so it is held for the asker. */
  async probe(
    iw: Interworking,
    asker: Asker,
    name: PortName,
    deadline: Instant,
  ): Promise<'free' | 'taken' | 'unanswered'> {
    const place = nameOf(name.protocol, name.externalPort);
    if (this.#held.has(place)) return 'free';
    if (this.#held.size >= MOST_RESERVATIONS) return 'taken';
    const spot = await this.#spot(iw, asker, name);
    if (spot === undefined) return 'taken';
    const request = probeRequest(iw, name, spot);
    const outcome = await iw.releases.asking(request, () =>
      iw.pcp.map(request, patienceUntil(deadline, iw.now(), asker.hungUp)),
    );
    if (outcome.kind !== 'granted') {
      if (spot.nat1Port !== undefined) iw.localNat?.unreserve(name.protocol, spot.nat1Port);
      return outcome.kind === 'refused' ? 'taken' : 'unanswered';
    }
    const reservation = { client: asker.address, request, nat1Port: spot.nat1Port };
    this.#held.set(place, reservation);
    void iw.alarms.until(after(iw.now(), seconds(PROBE_SECONDS)), `delete the probe of ${place}`).then(async () => {
      if (this.#held.get(place) !== reservation) return;
      this.#held.delete(place);
      await this.#giveBack(reservation);
    });
    return 'free';
  }

  /** For the request that follows: the same client continues with it, for others it is deleted first. */
  async takeFor(wish: Wish): Promise<{ readonly nat1Port: PortNumber | undefined } | undefined> {
    const place = nameOf(wish.protocol, wish.externalPort);
    const reservation = this.#held.get(place);
    if (reservation === undefined) return undefined;
    this.#held.delete(place);
    const fits =
      reservation.client.equals(wish.internalClient) &&
      (reservation.nat1Port !== undefined || reservation.request.internalPort === wish.internalPort);
    if (fits) return { nat1Port: reservation.nat1Port };
    await this.#giveBack(reservation);
    return undefined;
  }

  async close(): Promise<void> {
    const all = [...this.#held.values()];
    this.#held.clear();
    await Promise.all(all.map((reservation) => this.#giveBack(reservation)));
  }

  /** An internal port in use would make the server say "taken" of a port that is free (RFC 6887 §11.3). */
  async #spot(iw: Interworking, asker: Asker, name: PortName): Promise<Spot | undefined> {
    if (iw.localNat !== undefined) {
      const nat1Port = await iw.localNat.reserve(name.protocol, name.externalPort);
      return nat1Port === undefined ? undefined : { internalPort: nat1Port, nat1Port, thirdParty: undefined };
    }
    const thirdParty = thirdPartyFor(iw, asker.address);
    const inUse = iw.table.onInternalPort(asker.address, name.protocol, name.externalPort).length > 0;
    return inUse || objectionToThirdParty(iw, thirdParty) !== undefined
      ? undefined
      : { internalPort: name.externalPort, nat1Port: undefined, thirdParty };
  }
}

interface Spot {
  readonly internalPort: PortNumber;
  readonly nat1Port: PortNumber | undefined;
  readonly thirdParty: IpAddress | undefined;
}

function probeRequest(iw: Interworking, { protocol, externalPort }: PortName, spot: Spot): MapRequest {
  const { internalPort, thirdParty } = spot;
  const server = iw.pcp.currentServer() ?? '';
  return {
    protocol,
    internalPort,
    thirdParty,
    nonce: iw.nonces.nonceFor({ server, thirdParty, protocol, internalPort }),
    suggestedPort: externalPort,
    suggestedAddress: ANY_IPV4,
    exactPort: true,
    remotePeers: [],
    lifetimeSeconds: PROBE_SECONDS,
  };
}

const nameOf = (protocol: TransportProtocol, port: PortNumber): string => keyText(protocol, port);
