// Characters that move a cursor, begin a line or turn the order of what follows. Peers choose descriptions, names and user
// agents; none of these may reach a log, a terminal or a page as they are.

/** Control and format characters (bidi marks among them), and Unicode's own line and paragraph ends. */
export const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
