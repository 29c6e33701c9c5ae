// A PCP server's rules without its wire (RFC 6887 §11.3, §13, §15): who has which port, under which nonce, until when.
// Used below the interworking tests; the whole daemon is tested against the simulator.

import { ANY_IPV4, IpAddress } from '../../src/base/ip-address.ts';
import { type PortNumber, portNumber } from '../../src/base/port-number.ts';
import { after, between, type Duration, type Instant, inSeconds, seconds } from '../../src/base/time.ts';
import type { TransportProtocol } from '../../src/base/transport-protocol.ts';
import type { MapKey, MapRequest } from '../../src/pcp/asking/map-request.ts';
import type { MappingNonce } from '../../src/pcp/asking/mapping-nonce.ts';

export interface ServerMapping {
  readonly protocol: TransportProtocol;
  readonly internalAddress: IpAddress;
  readonly internalPort: PortNumber;
  readonly nonce: MappingNonce;
  externalAddress: IpAddress;
  externalPort: PortNumber;
  expiresAt: Instant;
  remotePeers: readonly IpAddress[];
}

export type ServerAnswer =
  | { readonly kind: 'granted'; readonly mapping: ServerMapping; readonly lifetime: Duration }
  | { readonly kind: 'refused'; readonly code: number; readonly lifetimeSeconds: number };

export class FakePcpServer {
  readonly #now: () => Instant;
  readonly #mappings = new Map<string, ServerMapping>();
  externalAddress = IpAddress.of('198.51.100.7');
  minLifetime = 120;
  maxLifetime = 86_400;
  quota = Number.POSITIVE_INFINITY;
  allowsThirdParty = true;
  hasPreferFailure = true;
  hasFilter = true;
  /** Sent with CANNOT_PROVIDE_EXTERNAL. */
  conflictSeconds = 600;
  /** "TCP 80": held by other subscribers. */
  readonly foreign = new Set<string>();
  /** Answers to the next requests, whatever they are. */
  readonly refuseNext: { readonly code: number; readonly lifetimeSeconds: number }[] = [];
  /** Answers every MAP like this while it is set. */
  refuseAll: { readonly code: number; readonly lifetimeSeconds: number } | undefined;

  constructor(now: () => Instant) {
    this.#now = now;
  }

  mappings(): readonly ServerMapping[] {
    return [...this.#mappings.values()].filter((mapping) => mapping.expiresAt > this.#now());
  }

  find(protocol: TransportProtocol, externalPort: number): ServerMapping | undefined {
    return this.mappings().find((mapping) => mapping.protocol === protocol && mapping.externalPort === externalPort);
  }

  forgetAll(): void {
    this.#mappings.clear();
  }

  forget(mapping: ServerMapping): void {
    this.#mappings.delete(textOf(mapping.internalAddress, mapping));
  }

  map(request: MapRequest, source: IpAddress): ServerAnswer {
    const refusal = this.refuseNext.shift() ?? this.refuseAll ?? this.#objection(request, source);
    if (refusal !== undefined) return { kind: 'refused', ...refusal };
    const internalAddress = request.thirdParty ?? source;
    const existing = this.#alive(textOf(internalAddress, request));
    if (existing !== undefined) return this.#renew(existing, request);
    if (this.mappings().length >= this.quota) return refusedWith(10, 30);
    if (request.exactPort && !this.#isExactPossible(request)) return refusedWith(11, this.conflictSeconds);
    const externalPort = this.#portFor(request);
    const mapping: ServerMapping = {
      protocol: request.protocol,
      internalAddress,
      internalPort: request.internalPort,
      nonce: request.nonce,
      externalAddress: this.externalAddress,
      externalPort,
      expiresAt: this.#now(),
      remotePeers: request.remotePeers,
    };
    this.#mappings.set(textOf(internalAddress, request), mapping);
    return this.#grant(mapping, request);
  }

  /** RFC 6887 §15: what is not there is deleted successfully. */
  release(key: MapKey, source: IpAddress): 'released' | 'not authorized' {
    const text = textOf(key.thirdParty ?? source, key);
    const existing = this.#alive(text);
    if (existing !== undefined && existing.nonce !== key.nonce) return 'not authorized';
    this.#mappings.delete(text);
    return 'released';
  }

  #objection(request: MapRequest, source: IpAddress): { code: number; lifetimeSeconds: number } | undefined {
    // RFC 6887 §13.1: THIRD_PARTY naming the sender is malformed.
    if (request.thirdParty?.equals(source) === true) return { code: 3, lifetimeSeconds: 1800 };
    const lacks =
      (request.thirdParty !== undefined && !this.allowsThirdParty) ||
      (request.exactPort && !this.hasPreferFailure) ||
      (request.remotePeers.length > 0 && !this.hasFilter);
    if (lacks) return { code: 5, lifetimeSeconds: 1800 };
    // RFC 6887 §13.2: PREFER_FAILURE without a port is malformed.
    return request.exactPort && request.suggestedPort === 0 ? { code: 6, lifetimeSeconds: 1800 } : undefined;
  }

  #renew(existing: ServerMapping, request: MapRequest): ServerAnswer {
    if (existing.nonce !== request.nonce)
      return refusedWith(2, Math.ceil(inSeconds(between(this.#now(), existing.expiresAt))));
    const isOther = existing.externalPort !== request.suggestedPort || !isWished(request, existing.externalAddress);
    if (request.exactPort && isOther) return refusedWith(11, this.conflictSeconds);
    existing.remotePeers = request.remotePeers;
    return this.#grant(existing, request);
  }

  #grant(mapping: ServerMapping, request: MapRequest): ServerAnswer {
    const lifetime = seconds(Math.min(Math.max(request.lifetimeSeconds, this.minLifetime), this.maxLifetime));
    mapping.expiresAt = after(this.#now(), lifetime);
    return { kind: 'granted', mapping, lifetime };
  }

  #isExactPossible(request: MapRequest): boolean {
    return isWished(request, this.externalAddress) && this.#isFree(request.protocol, request.suggestedPort);
  }

  #portFor(request: MapRequest): PortNumber {
    if (request.suggestedPort !== 0 && this.#isFree(request.protocol, request.suggestedPort))
      return request.suggestedPort;
    for (let port = 40_000; port < 65_536; port += 1) if (this.#isFree(request.protocol, port)) return portNumber(port);
    throw new Error('the test used up all ports');
  }

  #isFree(protocol: TransportProtocol, port: number): boolean {
    return !this.foreign.has(`${protocol} ${port}`) && this.find(protocol, port) === undefined;
  }

  #alive(text: string): ServerMapping | undefined {
    const mapping = this.#mappings.get(text);
    return mapping !== undefined && mapping.expiresAt > this.#now() ? mapping : undefined;
  }
}

const isWished = (request: MapRequest, address: IpAddress): boolean =>
  request.suggestedAddress.equals(ANY_IPV4) || request.suggestedAddress.equals(address);

const refusedWith = (code: number, lifetimeSeconds: number): ServerAnswer => ({
  kind: 'refused',
  code,
  lifetimeSeconds,
});

const textOf = (address: IpAddress, key: { readonly protocol: string; readonly internalPort: number }): string =>
  `${address.text} ${key.protocol} ${key.internalPort}`;
