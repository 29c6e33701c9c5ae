// Reads big-endian fields one after another. Callers check `remaining` first: reading past the end is our own bug and
// throws, so a decoder that forgot a length check is found by the first truncated datagram of its tests.

import { IpAddress } from './ip-address.ts';
import { type PortNumber, portNumber } from './port-number.ts';

export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#advance(2));
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4));
  }

  port(): PortNumber {
    return portNumber(this.u16());
  }

  /** A copy: the datagram's buffer may be used again by whoever lent it. */
  take(count: number): Uint8Array {
    const start = this.#advance(count);
    return this.#bytes.slice(start, start + count);
  }

  skip(count: number): void {
    this.#advance(count);
  }

  /** Sixteen octets, IPv4 as ::ffff:a.b.c.d (RFC 6887 §5). */
  address(): IpAddress {
    return IpAddress.fromBytes(this.take(16));
  }

  ipv4Address(): IpAddress {
    return IpAddress.fromIPv4Bytes(this.take(4));
  }

  #advance(count: number): number {
    const start = this.#at;
    if (count > this.remaining) throw new RangeError(`${count} octets wanted, ${this.remaining} left`);
    this.#at += count;
    return start;
  }
}
