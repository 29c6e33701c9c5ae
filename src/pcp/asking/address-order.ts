// The addresses of one server (RFC 7488 §3): in which order they are tried, and which one is used. While it answers, it is
// kept; when it is silent or refuses, the next one is used. The order is the one given, but those addresses come first that
// we reach from an address of ours of the same kind (RFC 6724 §6). We do not prefer IPv6 (rule 6): the family decides which
// mappings a server can make, so whoever listed the addresses knows best.

import { type Endpoint, endpointText, IpAddress } from '../../base/ip-address.ts';
import { IpPrefix } from '../../base/ip-prefix.ts';

export interface ServerAddress {
  readonly endpoint: Endpoint;
  /** Our own address, from which packets to the server leave. Each request's header repeats it (RFC 6887 §8.1). */
  readonly source: IpAddress;
}

const UNIQUE_LOCAL = IpPrefix.of(IpAddress.of('fc00::'), 7);

export function inOrder(addresses: readonly ServerAddress[]): readonly ServerAddress[] {
  return [...addresses].sort((a, b) => distance(a) - distance(b));
}

/**
 * RFC 6724 §6: rule 2 prefers matching scope, rule 5 a matching label. Only a source that reaches less far than the server
 * counts against it: it is our own choice to use a global one towards a link-local router.
 */
function distance({ endpoint: { address }, source }: ServerAddress): number {
  if (address.isLinkLocal) return 0;
  if (source.isLinkLocal) return 2;
  return UNIQUE_LOCAL.contains(source) && !UNIQUE_LOCAL.contains(address) ? 1 : 0;
}

export class AddressChoice {
  readonly addresses: readonly ServerAddress[];
  #active: ServerAddress;
  #failed = 0;

  constructor(addresses: readonly ServerAddress[]) {
    const [first] = addresses;
    if (first === undefined) throw new RangeError('a server has at least one address');
    this.addresses = addresses;
    this.#active = first;
  }

  get active(): ServerAddress {
    return this.#active;
  }

  isActive(endpoint: Endpoint): boolean {
    return endpointText(this.#active.endpoint) === endpointText(endpoint);
  }

  includes(endpoint: Endpoint): boolean {
    return this.addresses.some((address) => endpointText(address.endpoint) === endpointText(endpoint));
  }

  answered(): void {
    this.#failed = 0;
  }

  /** Moves on to the next address, after the last one to the first. False when each of them has failed now. */
  next(): boolean {
    this.#failed += 1;
    const isRoundOver = this.#failed >= this.addresses.length;
    if (isRoundOver) this.#failed = 0;
    const place = isRoundOver ? 0 : (this.addresses.indexOf(this.#active) + 1) % this.addresses.length;
    this.#active = this.addresses[place] ?? this.#active;
    return !isRoundOver;
  }

  equals(addresses: readonly ServerAddress[]): boolean {
    return textOf(this.addresses) === textOf(addresses);
  }
}

const textOf = (addresses: readonly ServerAddress[]): string =>
  addresses.map(({ endpoint, source }) => `${endpointText(endpoint)} from ${source.text}`).join();
