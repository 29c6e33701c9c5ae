// What every PCP message has in common (RFC 6887 §7): version, R bit and opcode, the sizes, the ports.

export const PCP_VERSION = 2;
export const NAT_PMP_VERSION = 0;

// RFC 6887 §19.2 (IANA "PCP Protocol Numbers"): the server's port, and the clients' port for multicast announcements.
export const PCP_SERVER_PORT = 5351;
export const PCP_CLIENT_PORT = 5350;

export const OPCODE = { announce: 0, map: 1, peer: 2 } as const;

export const RESPONSE_BIT = 0x80;
export const HEADER_OCTETS = 24;
/** RFC 6887 §7: a request or response is never longer, so that no path fragments it. */
export const MAX_PCP_DATAGRAM = 1100;

export function checkedLength(bytes: Uint8Array): Uint8Array {
  if (bytes.length > MAX_PCP_DATAGRAM) throw new RangeError(`a PCP message of ${bytes.length} octets is too long`);
  return bytes;
}
