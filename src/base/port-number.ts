// A transport port. 0 is a `PortNumber` too: on the wire it says "any" (RFC 6887 §11.1).

declare const portBrand: unique symbol;
export type PortNumber = number & { readonly [portBrand]: true };

export const ANY_PORT = 0 as PortNumber;

export function portNumber(value: number): PortNumber {
  if (!isPortNumber(value)) throw new RangeError(`not a port: ${value}`);
  return value;
}

export function isPortNumber(value: number): value is PortNumber {
  return Number.isInteger(value) && value >= 0 && value <= 0xffff;
}

export function parsePortNumber(text: string): PortNumber | undefined {
  if (!/^\s*\d{1,10}\s*$/.test(text)) return undefined;
  const value = Number(text);
  return isPortNumber(value) ? value : undefined;
}

/** Ports from `first` to `last`, both included. */
export interface PortRange {
  readonly first: PortNumber;
  readonly last: PortNumber;
}

export const isInPortRange = (port: PortNumber, range: PortRange): boolean => port >= range.first && port <= range.last;

/** "1024-65535" or "5000". */
export function parsePortRange(text: string): PortRange | undefined {
  const match = /^\s*(\d+)\s*(?:-\s*(\d+)\s*)?$/.exec(text);
  if (match === null) return undefined;
  const first = parsePortNumber(match[1] ?? '');
  const last = parsePortNumber(match[2] ?? match[1] ?? '');
  return first === undefined || last === undefined || first > last ? undefined : { first, last };
}
