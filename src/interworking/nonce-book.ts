// Remembers which nonce went with which internal port at which server, also after the mapping is gone: a request whose
// answer got lost, or a port held back after a delete, is given to the same nonce only (RFC 6887 §11.1.1, §15).

import type { IpAddress } from '../base/ip-address.ts';
import type { PortNumber } from '../base/port-number.ts';
import { keyText } from '../base/texts.ts';
import type { TransportProtocol } from '../base/transport-protocol.ts';
import type { Upstream } from '../mapping/mapping.ts';
import type { MapKey } from '../pcp/asking/map-request.ts';
import { type MappingNonce, NONCE_BYTES, nonceFromBytes, parseNonce } from '../pcp/asking/mapping-nonce.ts';

/** Twice the largest table anybody has asked for would still be small; past it the oldest is forgotten. */
const MOST_NONCES = 8192;

interface NonceOwner {
  readonly server: string;
  readonly thirdParty: IpAddress | undefined;
  readonly protocol: TransportProtocol;
  readonly internalPort: PortNumber;
}

/** At least as many bytes as a nonce has; the same owner may get the same again, even after a crash. */
export type DrawNonce = (owner: string) => Uint8Array;

export class NonceBook {
  readonly #draw: DrawNonce;
  readonly #nonces = new Map<string, MappingNonce>();

  constructor(draw: DrawNonce) {
    this.#draw = draw;
  }

  /** RFC 6887 §11.1: different for every server and, by our choice, for every mapping. */
  nonceFor(owner: NonceOwner): MappingNonce {
    const known = this.#nonces.get(ownerText(owner));
    const nonce = known ?? nonceFromBytes(this.#draw(ownerText(owner)).subarray(0, NONCE_BYTES));
    this.note(owner, nonce);
    return nonce;
  }

  note(owner: NonceOwner, nonce: MappingNonce): void {
    const text = ownerText(owner);
    this.#nonces.delete(text);
    this.#nonces.set(text, nonce);
    for (const oldest of this.#nonces.keys()) {
      if (this.#nonces.size <= MOST_NONCES) break;
      this.#nonces.delete(oldest);
    }
  }
}

const ownerText = (owner: NonceOwner): string =>
  keyText(owner.server, owner.thirdParty?.text ?? '-', owner.protocol, owner.internalPort);

// How a mapping is named to the PCP server that granted it (RFC 6887 §11.3).

/** Undefined when the nonce is none: such a mapping cannot be ours. */
export function mapKeyOf(upstream: Upstream, protocol: TransportProtocol): MapKey | undefined {
  const nonce = parseNonce(upstream.nonce);
  if (nonce === undefined) return undefined;
  const thirdParty = upstream.isThirdParty ? upstream.internalAddress : undefined;
  return { protocol, internalPort: upstream.internalPort, thirdParty, nonce };
}
