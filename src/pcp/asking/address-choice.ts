// One server's addresses and which of them is used (RFC 7488 §3): in order, the next one when the present one is silent
// or refuses, and no change while it answers.

import { type Endpoint, endpointText, type IpAddress } from '../../base/ip-address.ts';

export interface ServerAddress {
  readonly endpoint: Endpoint;
  /** Our own address as packets to it leave: repeated in each request's header (RFC 6887 §8.1). */
  readonly source: IpAddress;
}

export class AddressChoice {
  readonly addresses: readonly ServerAddress[];
  #active = 0;
  #failed = 0;

  constructor(addresses: readonly ServerAddress[]) {
    this.addresses = addresses;
  }

  get active(): ServerAddress | undefined {
    return this.addresses[this.#active];
  }

  isActive(endpoint: Endpoint): boolean {
    const active = this.active;
    return active !== undefined && endpointText(active.endpoint) === endpointText(endpoint);
  }

  includes(endpoint: Endpoint): boolean {
    return this.addresses.some((address) => endpointText(address.endpoint) === endpointText(endpoint));
  }

  answered(): void {
    this.#failed = 0;
  }

  /** Whether there is another one to try; when not, the round is over and the next one starts with the first again. */
  next(): boolean {
    this.#failed += 1;
    if (this.#failed >= this.addresses.length) {
      this.#active = 0;
      this.#failed = 0;
      return false;
    }
    this.#active = (this.#active + 1) % this.addresses.length;
    return true;
  }

  equals(addresses: readonly ServerAddress[]): boolean {
    return textOf(this.addresses) === textOf(addresses);
  }
}

const textOf = (addresses: readonly ServerAddress[]): string =>
  addresses.map(({ endpoint, source }) => `${endpointText(endpoint)} from ${source.text}`).join();
