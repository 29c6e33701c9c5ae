// CRC-32 (IEEE 802.3) of a text, as eight hexadecimal digits: tells a whole line from a torn or damaged one.

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb8_8320 : value >>> 1;
  return value;
});

const encoder = new TextEncoder();

export function checksum(text: string): string {
  let crc = 0xffff_ffff;
  for (const byte of encoder.encode(text)) crc = (crc >>> 8) ^ (TABLE[(crc ^ byte) & 0xff] ?? 0);
  return ((crc ^ 0xffff_ffff) >>> 0).toString(16).padStart(8, '0');
}
