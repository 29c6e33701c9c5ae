// Reads a request's body as UTF-8 text: so many octets and no more, nothing inflated (no decompression bombs), whatever the
// content type says, as control points send odd ones or none. How long it may take, the server's timeouts say.

import type { IncomingMessage } from 'node:http';

export type RequestBody =
  | { readonly kind: 'whole'; readonly text: string }
  /** Read to its end and thrown away, so that the peer hears the answer. */
  | { readonly kind: 'too long' }
  /** In a content coding that we do not undo. */
  | { readonly kind: 'encoded' };

const NONE: RequestBody = { kind: 'whole', text: '' };
/** Takes a byte order mark off, and puts a replacement character where the octets are no UTF-8. */
const UTF_8 = new TextDecoder();

/** `take` is not called when the peer goes away before the end of its body. */
export function readBody(incoming: IncomingMessage, most: number, take: (body: RequestBody) => void): void {
  const { headers } = incoming;
  // RFC 9112 §6.3: neither field, no body.
  if (headers['content-length'] === undefined && headers['transfer-encoding'] === undefined) {
    take(NONE);
    return;
  }
  // RFC 9110 §8.4: said in the head, so answered at once.
  if ((headers['content-encoding'] ?? 'identity').toLowerCase() !== 'identity') {
    incoming.resume();
    take({ kind: 'encoded' });
    return;
  }
  let chunks: Buffer[] = [];
  let octets = 0;
  incoming.on('data', (chunk: Buffer) => {
    octets += chunk.length;
    if (octets > most) chunks = [];
    else chunks.push(chunk);
  });
  incoming.once('end', () => {
    if (octets > most) take({ kind: 'too long' });
    else take({ kind: 'whole', text: UTF_8.decode(inOne(chunks)) });
  });
}

/** Nearly always there is one already. */
const inOne = (chunks: readonly Buffer[]): Buffer =>
  (chunks.length === 1 ? chunks[0] : undefined) ?? Buffer.concat(chunks);
