// Names of PCP servers outlive the name server: what one resolved to last stands until it resolves to something else.

import type { NetworkView } from '../base/host.ts';
import type { IpAddress } from '../base/ip-address.ts';

export class RememberedNames {
  readonly #network: Pick<NetworkView, 'resolve'>;
  /** By name: as many as are configured. */
  readonly #last = new Map<string, readonly IpAddress[]>();

  constructor(network: Pick<NetworkView, 'resolve'>) {
    this.#network = network;
  }

  async resolve(name: string): Promise<readonly IpAddress[]> {
    const addresses = await this.#network.resolve(name);
    if (addresses.length > 0) this.#last.set(name, addresses);
    return this.#last.get(name) ?? [];
  }
}
