// Characters that move a cursor, begin a line or turn the order of what follows. Peers choose descriptions, names and user
// agents; none of these may reach a log, a terminal or a page as they are.

/** Control and format characters (bidi marks among them), and Unicode's own line and paragraph ends. */
export const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

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

// Texts that are kept as keys. V8 keeps `${a} ${b}` as a tree of its pieces for as long as it lives; one that was joined is a
// single piece, a quarter of the memory.

export const keyText = (...parts: readonly (string | number)[]): string => parts.join(' ');
