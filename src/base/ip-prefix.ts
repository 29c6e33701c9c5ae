// An address prefix such as 192.168.1.0/24, and what kind of network an address belongs to.

import { IpAddress } from './ip-address.ts';

export class IpPrefix {
  readonly address: IpAddress;
  /** Bits of the 16-byte form: an IPv4 /24 is 120 here (RFC 6887 §13.3 counts the same way). */
  readonly bits: number;

  private constructor(address: IpAddress, bits: number) {
    this.address = address;
    this.bits = bits;
  }

  /** `length` as people write it: 0–32 for IPv4, 0–128 for IPv6. */
  static of(address: IpAddress, length: number): IpPrefix {
    const most = address.isIPv4 ? 32 : 128;
    if (!Number.isInteger(length) || length < 0 || length > most)
      throw new RangeError(`not a prefix length: ${length}`);
    return new IpPrefix(address, address.isIPv4 ? 96 + length : length);
  }

  /** "192.168.1.0/24", or a single address. */
  static parse(text: string): IpPrefix | undefined {
    const [addressText = '', lengthText, ...rest] = text.trim().split('/');
    const address = IpAddress.parse(addressText);
    if (address === undefined || rest.length > 0) return undefined;
    const most = address.isIPv4 ? 32 : 128;
    if (lengthText === undefined) return IpPrefix.of(address, most);
    if (!/^\d{1,3}$/.test(lengthText) || Number(lengthText) > most) return undefined;
    return IpPrefix.of(address, Number(lengthText));
  }

  get length(): number {
    return this.address.isIPv4 ? this.bits - 96 : this.bits;
  }

  contains(other: IpAddress): boolean {
    if (other.isIPv4 !== this.address.isIPv4) return false;
    const whole = this.bits >> 3;
    for (let i = 0; i < whole; i += 1) if (other.bytes[i] !== this.address.bytes[i]) return false;
    const rest = this.bits & 7;
    if (rest === 0) return true;
    const mask = (0xff << (8 - rest)) & 0xff;
    return ((other.bytes[whole] ?? 0) & mask) === ((this.address.bytes[whole] ?? 0) & mask);
  }

  /** The address every host of this network listens to. A link of two or one has none (RFC 3021). */
  isBroadcast(address: IpAddress): boolean {
    return this.#hostBits(address) === 2 ** (32 - this.length) - 1;
  }

  /** Inside, and neither the network's own address nor its broadcast address. */
  isHost(address: IpAddress): boolean {
    return this.contains(address) && this.#hostBits(address) !== 0 && !this.isBroadcast(address);
  }

  /** What distinguishes the hosts of an IPv4 network; undefined where no address has a special meaning. */
  #hostBits(address: IpAddress): number | undefined {
    if (!address.isIPv4 || !this.address.isIPv4 || this.length >= 31) return undefined;
    return address.bytes.subarray(12).reduce((value, byte) => value * 256 + byte, 0) % 2 ** (32 - this.length);
  }

  toString(): string {
    return `${this.address.text}/${this.length}`;
  }
}

const prefixes = (...texts: readonly string[]): readonly IpPrefix[] =>
  texts.map((text) => {
    const prefix = IpPrefix.parse(text);
    if (prefix === undefined) throw new RangeError(`not a prefix: ${text}`);
    return prefix;
  });

// IANA special-purpose registry (RFC 6890 and its updates): a client treats an external address in here as "no Internet".
const NOT_PUBLIC_IPV4 = prefixes(
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
);

/** Whether a stranger on the Internet could reach this IPv4 address; miniupnpc calls a gateway valid by this rule. */
export function isPublicIPv4(address: IpAddress): boolean {
  return address.isIPv4 && !NOT_PUBLIC_IPV4.some((prefix) => prefix.contains(address));
}
