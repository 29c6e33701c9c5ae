// Writes big-endian fields one after another into a buffer that grows as needed. A value that does not fit its field is
// our own bug and throws: a lifetime of 2^32 cut to 32 bits would read as 0, which deletes the mapping.

import type { IpAddress } from './ip-address.ts';

const FIRST_CAPACITY = 128;

export class ByteWriter {
  #bytes = new Uint8Array(FIRST_CAPACITY);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    const at = this.#reserve(1);
    this.#view.setUint8(at, fitting(value, 0xff));
    return this;
  }

  u16(value: number): this {
    const at = this.#reserve(2);
    this.#view.setUint16(at, fitting(value, 0xffff));
    return this;
  }

  u32(value: number): this {
    const at = this.#reserve(4);
    this.#view.setUint32(at, fitting(value, 0xffff_ffff));
    return this;
  }

  raw(bytes: Uint8Array): this {
    const at = this.#reserve(bytes.length);
    this.#bytes.set(bytes, at);
    return this;
  }

  zeros(count: number): this {
    this.#reserve(count);
    return this;
  }

  /** Sixteen octets, IPv4 as ::ffff:a.b.c.d (RFC 6887 §5). */
  address(address: IpAddress): this {
    return this.raw(address.bytes);
  }

  ipv4Address(address: IpAddress): this {
    if (!address.isIPv4) throw new RangeError(`not an IPv4 address: ${address.text}`);
    return this.raw(address.bytes.subarray(12));
  }

  /** A copy of what was written so far. */
  bytes(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  /** May replace the buffer: call it before touching `#bytes` or `#view`. */
  #reserve(count: number): number {
    const start = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2));
      grown.set(this.#bytes.subarray(0, start));
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    return start;
  }
}

function fitting(value: number, most: number): number {
  if (!Number.isInteger(value) || value < 0 || value > most) throw new RangeError(`${value} is not within 0..${most}`);
  return value;
}
