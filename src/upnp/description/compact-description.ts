// The indentation of a description is for whoever edits the file; on the wire it is a third of the bytes.

/** Only between tags: no element of a description mixes text and children (UDA 1.1 §2.3, §2.5). */
export function compactDescription(text: string): string {
  return text.trim().replace(/>\s+</g, '><');
}
