// Which address the outside world sees (RFC 6970 §4.1, §4.2): of the asker's own mappings, else the latest known, else
// from a short MAP of our own. A carrier may have many addresses; control points give up on a gateway that knows none.

import { ANY_IPV4, type IpAddress } from '../base/ip-address.ts';
import { ANY_PORT, type PortNumber, portNumber } from '../base/port-number.ts';
import { after, between, type Instant, milliseconds, scale, seconds } from '../base/time.ts';
import type { TransportProtocol } from '../base/transport-protocol.ts';
import type { Mapping } from '../mapping/mapping.ts';
import type { MapKey, MapRequest } from '../pcp/asking/map-request.ts';
import { NOT_AUTHORIZED } from '../pcp/asking/result-code.ts';
import type { ExternalAddresses, Interworking } from './interworking.ts';

/**
 * RFC 6970 §4.2 suggests the discard port. But home routers' miniupnpd denies ports below 1024, and then tries all 65,000
 * others before it answers. So one above Linux' range for outgoing connections; nothing listens there.
 */
export const ADDRESS_PROBE_PORT: PortNumber = portNumber(61_009);
/** The least servers grant (RFC 6887 §15). */
const ASKED_SECONDS = 120;
/** A server that does not know now will not know within a burst of questions. */
const NO_ANSWER_HOLDS = seconds(5);

interface Known {
  readonly address: IpAddress;
  readonly until: Instant;
  /** It was so, and may be so still: good enough while nobody knows better. */
  readonly isDoubted: boolean;
}

export class ExternalAddress implements ExternalAddresses {
  #iw: Interworking | undefined;
  #latest: Known | undefined;
  #silentUntil: Instant | undefined;
  #asking: Promise<IpAddress | undefined> | undefined;
  #protocol: TransportProtocol = 'UDP';
  #internalPorts = new Map<TransportProtocol, Promise<PortNumber>>();
  /** What the server has, or will have when it hears the question that is under way. */
  #held: MapKey | undefined;
  #isClosed = false;
  readonly #changed: () => void;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** The parts know each other through `Interworking`, which is whole only after all are made. */
  attach(iw: Interworking): void {
    this.#iw = iw;
  }

  /** Without asking anybody. */
  known(now: Instant): IpAddress | undefined {
    return this.#latest !== undefined && this.#latest.until > now ? this.#latest.address : undefined;
  }

  /** Of the client's most recent grant. */
  ofClient(client: IpAddress): IpAddress | undefined {
    let latest: Mapping | undefined;
    for (const mapping of this.#iw?.table.ofClient(client) ?? [])
      if (isAlive(mapping) && (latest === undefined || mapping.upstream.grantedAt >= latest.upstream.grantedAt))
        latest = mapping;
    return latest?.upstream.assignedAddress;
  }

  note(address: IpAddress, until: Instant): void {
    const before = this.#latest;
    this.#latest = { address, until: this.#laterEnd(address, until), isDoubted: false };
    if (before === undefined || !before.address.equals(address)) this.#changed();
  }

  /** The server lost its state, or our place at it is another one: who asks next has it asked again. */
  doubt(): void {
    this.#silentUntil = undefined;
    if (this.#latest !== undefined) this.#latest = { ...this.#latest, isDoubted: true };
  }

  /** There is no outside any more. */
  forget(): void {
    this.doubt();
    if (this.#latest === undefined) return;
    this.#latest = undefined;
    this.#changed();
  }

  async ask(asker: IpAddress): Promise<IpAddress | undefined> {
    const iw = this.#iw;
    if (iw === undefined) return undefined;
    // Who asks for the address is about to ask for more.
    await iw.serverReturn.awaited();
    const own = this.ofClient(asker) ?? (this.#latest?.isDoubted === false ? this.known(iw.now()) : undefined);
    if (own !== undefined) return own;
    const isInPeace = this.#silentUntil !== undefined && iw.now() < this.#silentUntil;
    if (iw.options.externalAddress === 'off' || isInPeace) return this.known(iw.now());
    this.#asking ??= this.#askServer(iw).finally(() => {
      this.#asking = undefined;
    });
    return (await this.#asking) ?? this.known(iw.now());
  }

  /** Keeps one mapping of our own alive, so that the address is known before anybody asks and stays the same. */
  async keepAnchor(): Promise<void> {
    const iw = this.#iw;
    while (iw !== undefined) {
      const answer = await this.#askServer(iw);
      const left = answer === undefined ? seconds(30) : scale(between(iw.now(), this.#latest?.until ?? iw.now()), 0.5);
      const waited = await iw.alarms.until(after(iw.now(), atLeast(left)), 'renew the anchor mapping');
      if (waited === 'cancelled') return;
    }
  }

  /** Deletes the mapping of our own, if there is one. A question under way is given up, and deleted as well. */
  async close(until: Instant): Promise<void> {
    this.#isClosed = true;
    if (this.#held !== undefined) await this.#iw?.pcp.release(this.#held, until);
    this.#held = undefined;
  }

  async #askServer(iw: Interworking): Promise<IpAddress | undefined> {
    const request = await this.#request(iw);
    if (this.#isClosed) return undefined;
    const { protocol, internalPort, thirdParty, nonce } = request;
    this.#held = { protocol, internalPort, thirdParty, nonce };
    const patience = { kind: 'answer within', budget: iw.options.answerWithin } as const;
    const outcome = await iw.releases.asking(request, () => iw.pcp.map(request, patience));
    if (outcome.kind === 'granted') {
      this.note(outcome.assignedAddress, after(iw.now(), outcome.lifetime));
      return outcome.assignedAddress;
    }
    // A mapping of a former life of ours, whose nonce is lost: the other protocol is as good.
    if (outcome.kind === 'refused' && outcome.code === NOT_AUTHORIZED) {
      this.#held = undefined;
      this.#protocol = protocol === 'UDP' ? 'TCP' : 'UDP';
    }
    this.#silentUntil = after(iw.now(), NO_ANSWER_HOLDS);
    return undefined;
  }

  async #request(iw: Interworking): Promise<MapRequest> {
    const protocol = this.#protocol;
    const internalPort = await this.#internalPort(iw, protocol);
    const server = iw.pcp.currentServer() ?? '';
    return {
      protocol,
      internalPort,
      thirdParty: undefined,
      nonce: iw.nonces.nonceFor({ server, thirdParty: undefined, protocol, internalPort }),
      suggestedPort: ANY_PORT,
      suggestedAddress: ANY_IPV4,
      exactPort: false,
      remotePeers: [],
      lifetimeSeconds: ASKED_SECONDS,
    };
  }

  /** With NAT1 a port that leads nowhere, kept for good. */
  #internalPort(iw: Interworking, protocol: TransportProtocol): Promise<PortNumber> {
    const known = this.#internalPorts.get(protocol);
    if (known !== undefined) return known;
    const reserved = iw.localNat?.reserve(protocol, ADDRESS_PROBE_PORT).then((port) => port ?? ADDRESS_PROBE_PORT);
    const port = reserved ?? Promise.resolve(ADDRESS_PROBE_PORT);
    this.#internalPorts.set(protocol, port);
    return port;
  }

  #laterEnd(address: IpAddress, until: Instant): Instant {
    const before = this.#latest;
    return before?.address.equals(address) === true && before.until > until ? before.until : until;
  }
}

const isAlive = (mapping: Mapping): boolean => mapping.state === 'granted' || mapping.state === 'degraded';
const atLeast = (span: ReturnType<typeof seconds>): ReturnType<typeof seconds> =>
  span < 1000 ? milliseconds(1000) : span;
