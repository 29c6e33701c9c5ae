// TCP and UDP: the only protocols UPnP IGD can map (RFC 6970 §4.1), with their IANA numbers.

export type TransportProtocol = 'TCP' | 'UDP';

export const PROTOCOL_NUMBER: Readonly<Record<TransportProtocol, number>> = { TCP: 6, UDP: 17 };

/** Any capitalisation: real control points send "tcp" as well. */
export function parseTransportProtocol(text: string): TransportProtocol | undefined {
  const upper = text.trim().toUpperCase();
  return upper === 'TCP' || upper === 'UDP' ? upper : undefined;
}

export function transportProtocolOf(number: number): TransportProtocol | undefined {
  if (number === PROTOCOL_NUMBER.TCP) return 'TCP';
  return number === PROTOCOL_NUMBER.UDP ? 'UDP' : undefined;
}
