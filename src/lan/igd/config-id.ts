// The configuration number of the descriptions (CONFIGID.UPNP.ORG, UDA 1.1 §1.2.2): another number whenever a text
// changes, the same one after a restart. A short hash does both.

// UDA 1.1 §1.2.2: 0 to 2^24 - 1 are free for devices to choose from.
const BITS = 24;

/** FNV-1a, folded to 24 bits. */
export function configIdOf(texts: readonly string[]): number {
  let hash = 0x811c_9dc5;
  for (const text of texts) {
    for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x0100_0193);
    // A separator no text contains, so that moving a character from one text to the next is a change, too.
    hash = Math.imul(hash ^ 0x1_0000, 0x0100_0193);
  }
  return ((hash >>> BITS) ^ hash) & (2 ** BITS - 1);
}
