// IPv4 packets as bytes, with whatever source the sender likes. RFC 791, 768, 792; what is in them: RFC 6887 and 6886.

const UDP = 17;
const ICMP = 1;
const PORT_UNREACHABLE = [3, 3];
const RESPONSE = 0x80;
const UNSUPP_VERSION = 1;
const ADDRESS_MISMATCH = 12;

export const ADDRESS_MISMATCH_TO_ANNOUNCE = pcpHeader(ADDRESS_MISMATCH);
export const RESTARTED = pcpHeader(0);
export const VERSION_2_IS_UNKNOWN = Buffer.concat([Buffer.from([1]), pcpHeader(UNSUPP_VERSION).subarray(1)]);
/** RFC 6886 §3.5: what a NAT-PMP server says to a PCP client. */
export const I_SPEAK_NAT_PMP = Buffer.from([0, RESPONSE, 0, UNSUPP_VERSION, 0, 0, 0, 1]);

/** An ANNOUNCE response without a nonce, from a server that has lived for a second (RFC 6887 §7.2, §14.1). */
function pcpHeader(result) {
  const header = Buffer.alloc(24);
  header.set([2, RESPONSE, 0, result]);
  header.writeUInt32BE(1, 8);
  return header;
}

/** `from`, `to`: { address, port }. */
export function udpPacket(from, to, payload) {
  const udp = Buffer.alloc(8);
  udp.writeUInt16BE(from.port, 0);
  udp.writeUInt16BE(to.port, 2);
  udp.writeUInt16BE(8 + payload.length, 4);
  // RFC 768: a checksum of zero is none.
  return ipPacket(from.address, to.address, UDP, Buffer.concat([udp, payload]));
}

/** "Nobody listens there", about a datagram that `sender` is said to have sent to `server`. */
export function portUnreachable(reporter, sender, server) {
  const quoted = udpPacket(sender, server, Buffer.alloc(0));
  const message = Buffer.concat([Buffer.from([...PORT_UNREACHABLE, 0, 0, 0, 0, 0, 0]), quoted]);
  message.writeUInt16BE(checksum(message), 2);
  return ipPacket(reporter, sender.address, ICMP, message);
}

function ipPacket(source, destination, protocol, payload) {
  const header = Buffer.alloc(20);
  header[0] = 0x45;
  header.writeUInt16BE(20 + payload.length, 2);
  header[8] = 64;
  header[9] = protocol;
  header.set(source.split('.').map(Number), 12);
  header.set(destination.split('.').map(Number), 16);
  header.writeUInt16BE(checksum(header), 10);
  return Buffer.concat([header, payload]);
}

/** RFC 1071. */
function checksum(bytes) {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += (bytes[at] << 8) | (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
