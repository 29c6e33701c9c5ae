// A MAP request written by hand (RFC 6887 §11.1), for the other subscriber of the carrier, who has no igd2pcp.

const PROTOCOL = { TCP: 6, UDP: 17 };
const SUGGEST_ANY_IPV4 = '00000000000000000000ffff00000000';

export function mapRequestHex(fromAddress, protocol, internalPort, externalPort, lifetimeSeconds) {
  const packet = Buffer.alloc(60);
  packet[0] = 2;
  packet[1] = 1;
  packet.writeUInt32BE(lifetimeSeconds, 4);
  Buffer.from('00000000000000000000ffff', 'hex').copy(packet, 8);
  Buffer.from(fromAddress.split('.').map(Number)).copy(packet, 20);
  Buffer.from('0123456789abcdef01234567', 'hex').copy(packet, 24);
  packet[36] = PROTOCOL[protocol];
  packet.writeUInt16BE(internalPort, 40);
  packet.writeUInt16BE(externalPort, 42);
  Buffer.from(SUGGEST_ANY_IPV4, 'hex').copy(packet, 44);
  return packet.toString('hex');
}

export function mapAnswer(hex) {
  const packet = Buffer.from(hex, 'hex');
  return { code: packet[3], externalPort: packet.length >= 44 ? packet.readUInt16BE(42) : undefined };
}
