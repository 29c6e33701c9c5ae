// Text cut to what a field of so many octets holds in UTF-8, never inside a character.

export function cutToOctets(text: string, most: number): string {
  // No character has more octets than three for each UTF-16 unit.
  if (text.length * 3 <= most) return text;
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= most) return text;
  let end = most;
  while (end > 0 && isInsideCharacter(bytes[end] ?? 0)) end -= 1;
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(0, end));
}

const isInsideCharacter = (octet: number): boolean => (octet & 0xc0) === 0x80;
