// The server's table: mappings by internal key, who owns which external port, and the ports that rest after a release
// (RFC 6887 §15, RFC 6888 REQ-8). Expiry is looked up when somebody asks; no clock of its own. No rule about requests.

import type { Endpoint, IpAddress } from '../base/ip-address.ts';
import type { PortNumber } from '../base/port-number.ts';
import { after, type Duration, type Instant, milliseconds } from '../base/time.ts';
import type { TransportProtocol } from '../base/transport-protocol.ts';
import type { MappingNonce } from '../pcp/asking/mapping-nonce.ts';

interface RestingPort {
  readonly until: Instant;
  readonly lastOwner: string;
}

/** Why a port cannot be had, and for how long that will be so at least. */
interface PortTaken {
  readonly remaining: Duration;
}

export class MappingStore {
  readonly #holdBack: Duration;
  readonly #byInternalKey = new Map<string, SimulatedMapping>();
  readonly #byExternalKey = new Map<string, SimulatedMapping>();
  readonly #resting = new Map<string, RestingPort>();
  readonly #countByAddress = new Map<string, number>();
  readonly #pairedAddress = new Map<string, IpAddress>();
  /** No mapping and no rest ends before this: spares looking through everything at each datagram. */
  #nothingEndsBefore: Instant | undefined;

  constructor(holdBack: Duration) {
    this.#holdBack = holdBack;
  }

  get size(): number {
    return this.#byInternalKey.size;
  }

  find(key: InternalKey): SimulatedMapping | undefined {
    return this.#byInternalKey.get(internalKeyText(key));
  }

  all(): readonly SimulatedMapping[] {
    return [...this.#byInternalKey.values()];
  }

  countOf(internalAddress: IpAddress): number {
    return this.#countByAddress.get(internalAddress.text) ?? 0;
  }

  /** The external address this internal one already uses (RFC 6887 §11.3: stay with it). */
  pairedAddress(internalAddress: IpAddress): IpAddress | undefined {
    return this.#pairedAddress.get(internalAddress.text);
  }

  /** Undefined: `asker` can have it. */
  obstacleTo(
    port: ExternalKey,
    asker: InternalKey,
    nonce: MappingNonce | undefined,
    now: Instant,
  ): PortTaken | undefined {
    const text = externalKeyText(port);
    const holder = this.#byExternalKey.get(text);
    if (holder !== undefined && internalKeyText(holder) !== internalKeyText(asker)) {
      return { remaining: remainingOf(holder, now) };
    }
    const rest = this.#resting.get(text);
    // RFC 6887 §15: the same internal address, port and nonce may have it back at once.
    if (rest === undefined || rest.lastOwner === ownerText(asker, nonce)) return undefined;
    return { remaining: milliseconds(rest.until - now) };
  }

  put(mapping: SimulatedMapping, now: Instant): void {
    const before = this.find(mapping);
    if (before === undefined) {
      this.#countByAddress.set(mapping.internalAddress.text, this.countOf(mapping.internalAddress) + 1);
    } else if (externalKeyText(before) !== externalKeyText(mapping)) {
      this.#byExternalKey.delete(externalKeyText(before));
      this.#rest(before, now);
    }
    this.#byInternalKey.set(internalKeyText(mapping), mapping);
    this.#byExternalKey.set(externalKeyText(mapping), mapping);
    this.#resting.delete(externalKeyText(mapping));
    this.#pairedAddress.set(mapping.internalAddress.text, mapping.externalAddress);
    if (mapping.expiresAt !== undefined) this.#noteEnd(mapping.expiresAt);
  }

  remove(mapping: SimulatedMapping, now: Instant): void {
    if (!this.#byInternalKey.delete(internalKeyText(mapping))) return;
    this.#byExternalKey.delete(externalKeyText(mapping));
    const left = this.countOf(mapping.internalAddress) - 1;
    if (left > 0) this.#countByAddress.set(mapping.internalAddress.text, left);
    else {
      this.#countByAddress.delete(mapping.internalAddress.text);
      this.#pairedAddress.delete(mapping.internalAddress.text);
    }
    this.#rest(mapping, now);
  }

  /** As after a power cut: static mappings are configuration and stay. */
  forgetEverything(now: Instant): void {
    const configured = this.all().filter((mapping) => mapping.expiresAt === undefined);
    for (const map of [
      this.#byInternalKey,
      this.#byExternalKey,
      this.#resting,
      this.#countByAddress,
      this.#pairedAddress,
    ])
      map.clear();
    this.#nothingEndsBefore = undefined;
    for (const mapping of configured) this.put(mapping, now);
  }

  /** Removes what is over and returns it. */
  expire(now: Instant): readonly SimulatedMapping[] {
    if (this.#nothingEndsBefore === undefined || this.#nothingEndsBefore > now) return [];
    const over = this.all().filter(({ expiresAt }) => expiresAt !== undefined && expiresAt <= now);
    for (const mapping of over) this.remove(mapping, now);
    for (const [port, rest] of this.#resting) if (rest.until <= now) this.#resting.delete(port);
    this.#nothingEndsBefore = undefined;
    for (const { expiresAt } of this.#byInternalKey.values()) if (expiresAt !== undefined) this.#noteEnd(expiresAt);
    for (const { until } of this.#resting.values()) this.#noteEnd(until);
    return over;
  }

  nextEnd(): Instant | undefined {
    return this.#nothingEndsBefore;
  }

  #rest(mapping: SimulatedMapping, now: Instant): void {
    if (this.#holdBack <= 0) return;
    const until = after(now, this.#holdBack);
    this.#resting.set(externalKeyText(mapping), { until, lastOwner: ownerText(mapping, mapping.nonce) });
    this.#noteEnd(until);
  }

  #noteEnd(at: Instant): void {
    if (this.#nothingEndsBefore === undefined || at < this.#nothingEndsBefore) this.#nothingEndsBefore = at;
  }
}

const NEVER_ENDING_SECONDS = 0xffff_ffff;

export const remainingOf = (mapping: SimulatedMapping, now: Instant): Duration =>
  milliseconds(mapping.expiresAt === undefined ? NEVER_ENDING_SECONDS * 1000 : Math.max(0, mapping.expiresAt - now));

const ownerText = (key: InternalKey, nonce: MappingNonce | undefined): string =>
  `${internalKeyText(key)} ${nonce ?? ''}`;

// One mapping as the PCP server holds it, and the key it is found by (RFC 6887 §11.3): internal address, protocol, port.

export interface InternalKey {
  readonly internalAddress: IpAddress;
  readonly protocol: TransportProtocol;
  readonly internalPort: PortNumber;
}

export interface ExternalKey {
  readonly externalAddress: IpAddress;
  readonly protocol: TransportProtocol;
  readonly externalPort: PortNumber;
}

/** Who may send to a mapping (RFC 6887 §13.3). Prefix lengths count bits of the 16-byte form; port 0 is every port. */
export interface RemotePeerFilter {
  readonly address: IpAddress;
  readonly prefixBits: number;
  readonly port: PortNumber;
}

export interface SimulatedMapping extends InternalKey, ExternalKey {
  /** Undefined for static mappings and for NAT-PMP's, which know no nonce. */
  readonly nonce: MappingNonce | undefined;
  /** Undefined for static mappings: they stay. */
  readonly expiresAt: Instant | undefined;
  /** Empty: everybody may connect. */
  readonly filters: readonly RemotePeerFilter[];
  readonly description: string | undefined;
  /** Whether the last request asked for this port or nothing (decides what a Mapping Update says, RFC 6887 §14.2). */
  readonly exactPort: boolean;
  readonly isThirdParty: boolean;
  /** Where the last request came from: Mapping Updates go there (RFC 6887 §14.2). Undefined for static mappings. */
  readonly client: Endpoint | undefined;
}

export const internalKeyText = (key: InternalKey): string =>
  `${key.protocol} ${key.internalAddress.text} ${key.internalPort}`;

export const externalKeyText = (key: ExternalKey): string =>
  `${key.protocol} ${key.externalAddress.text} ${key.externalPort}`;
