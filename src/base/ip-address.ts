// IP addresses in the 16-byte form PCP uses everywhere (RFC 6887 §5): IPv4 as ::ffff:a.b.c.d.
// Parsing is strict: no leading zeros, no hexadecimal, no short forms ("127.1").

const IPV4_MAPPED_PREFIX = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff] as const;

/** A house has fewer; a stranger who names more costs a look at each again. */
const MOST_SHARED = 512;

export class IpAddress {
  /** Equal ones are the same object where that is cheap: every request and every mapping names some of very few. */
  static readonly #shared = new Map<string, IpAddress>();

  /** Always 16 bytes. Never written to after construction. */
  readonly bytes: Uint8Array;
  /** The canonical text: dotted quad for IPv4, RFC 5952 for IPv6. Equal addresses have equal texts: use it as a key. */
  readonly text: string;
  readonly isIPv4: boolean;

  private constructor(bytes: Uint8Array, text: string, isIPv4: boolean) {
    this.bytes = bytes;
    this.text = text;
    this.isIPv4 = isIPv4;
  }

  static fromBytes(bytes: Uint8Array): IpAddress {
    if (bytes.length !== 16) throw new RangeError(`an address has 16 bytes, not ${bytes.length}`);
    const isIPv4 = IPV4_MAPPED_PREFIX.every((byte, index) => bytes[index] === byte);
    const text = isIPv4 ? dottedQuad(bytes, 12) : formatIPv6(bytes);
    return IpAddress.#shared.get(text) ?? IpAddress.#share(new IpAddress(Uint8Array.from(bytes), text, isIPv4));
  }

  static fromIPv4Bytes(bytes: Uint8Array): IpAddress {
    if (bytes.length !== 4) throw new RangeError(`an IPv4 address has 4 bytes, not ${bytes.length}`);
    const text = dottedQuad(bytes, 0);
    const shared = IpAddress.#shared.get(text);
    if (shared !== undefined) return shared;
    const mapped = new Uint8Array(16);
    mapped.set(IPV4_MAPPED_PREFIX);
    mapped.set(bytes, 12);
    return IpAddress.#share(new IpAddress(mapped, text, true));
  }

  /** Undefined for anything that is not exactly one address literal. A zone ("%eth0") is dropped. */
  static parse(text: string): IpAddress | undefined {
    const shared = IpAddress.#shared.get(text);
    if (shared !== undefined) return shared;
    const ipv4 = parseIPv4(text);
    if (ipv4 !== undefined) return IpAddress.fromIPv4Bytes(ipv4);
    const ipv6 = parseIPv6(text);
    return ipv6 === undefined ? undefined : IpAddress.fromBytes(ipv6);
  }

  static #share(address: IpAddress): IpAddress {
    if (IpAddress.#shared.size >= MOST_SHARED) IpAddress.#shared.clear();
    IpAddress.#shared.set(address.text, address);
    return address;
  }

  /** For literals in our own source and tests. */
  static of(text: string): IpAddress {
    const address = IpAddress.parse(text);
    if (address === undefined) throw new RangeError(`not an IP address: ${text}`);
    return address;
  }

  get isUnspecified(): boolean {
    return (this.isIPv4 ? this.bytes.subarray(12) : this.bytes).every((byte) => byte === 0);
  }

  get isLoopback(): boolean {
    return this.isIPv4 ? this.bytes[12] === 127 : this.text === '::1';
  }

  get isMulticast(): boolean {
    return this.isIPv4 ? isBetween(this.bytes[12], 224, 239) : this.bytes[0] === 0xff;
  }

  get isLinkLocal(): boolean {
    const [a = 0, b = 0] = this.isIPv4 ? this.bytes.subarray(12) : this.bytes;
    return this.isIPv4 ? a === 169 && b === 254 : a === 0xfe && (b & 0xc0) === 0x80;
  }

  equals(other: IpAddress): boolean {
    return this.text === other.text;
  }

  toString(): string {
    return this.text;
  }

  toJSON(): string {
    return this.text;
  }
}

/** "Any IPv4" (::ffff:0:0): as a suggestion it asks for an IPv4 external address (RFC 6887 §5). */
export const ANY_IPV4 = IpAddress.of('0.0.0.0');
export const ANY_IPV6 = IpAddress.of('::');

/** An address and a port, as a socket sees a peer. */
export interface Endpoint {
  readonly address: IpAddress;
  readonly port: number;
}

export const endpointText = (endpoint: Endpoint): string =>
  endpoint.address.isIPv4 ? `${endpoint.address.text}:${endpoint.port}` : `[${endpoint.address.text}]:${endpoint.port}`;

function dottedQuad(bytes: Uint8Array, at: number): string {
  return [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]].join('.');
}

const isBetween = (value: number | undefined, low: number, high: number): boolean =>
  value !== undefined && value >= low && value <= high;

function parseIPv4(text: string): Uint8Array | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  const bytes = new Uint8Array(4);
  for (const [index, part] of parts.entries()) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    bytes[index] = Number(part);
  }
  return bytes;
}

function parseIPv6(textWithZone: string): Uint8Array | undefined {
  const text = textWithZone.replace(/%[\w.-]+$/, '');
  if (!text.includes(':') || /[^0-9a-fA-F:.]/.test(text)) return undefined;
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = groupsOf(halves[0] ?? '');
  const tail = halves.length === 2 ? groupsOf(halves[1] ?? '') : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...new Array<number>(missing).fill(0), ...tail];
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}

/** The 16-bit groups of one side of "::"; a dotted quad at the end counts as two. */
function groupsOf(side: string): number[] | undefined {
  if (side === '') return [];
  const groups: number[] = [];
  const parts = side.split(':');
  for (const [index, part] of parts.entries()) {
    const embedded = index === parts.length - 1 && part.includes('.') ? parseIPv4(part) : undefined;
    if (embedded !== undefined) {
      const [a = 0, b = 0, c = 0, d = 0] = embedded;
      groups.push((a << 8) | b, (c << 8) | d);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      groups.push(Number.parseInt(part, 16));
    } else {
      return undefined;
    }
  }
  return groups;
}

/** RFC 5952: lower case, no leading zeros, the longest run of two or more zero groups as "::". */
function formatIPv6(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0));
  let bestStart = -1;
  let bestLength = 1;
  for (let start = 0; start < 8; start += 1) {
    let length = 0;
    while (groups[start + length] === 0) length += 1;
    if (length > bestLength) {
      bestStart = start;
      bestLength = length;
    }
  }
  const hex = groups.map((group) => group.toString(16));
  if (bestStart < 0) return hex.join(':');
  return `${hex.slice(0, bestStart).join(':')}::${hex.slice(bestStart + bestLength).join(':')}`;
}
