// Which connections an HTTP listener keeps at all: from its own network, and so many from one machine.

import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import { IpAddress } from '../base/ip-address.ts';
import type { IpPrefix } from '../base/ip-prefix.ts';

/** A packet to a LAN address can come in by the WAN interface, too; whoever sent it learns nothing. */
export function dropStrangers(server: Server, onlyFrom: IpPrefix): void {
  server.on('connection', (socket: Socket) => {
    const peer = IpAddress.parse(socket.remoteAddress ?? '');
    if (peer === undefined || !onlyFrom.contains(peer)) socket.resetAndDestroy();
  });
}

/**
 * A peer has at most `ofOne` connections. When as many are open as the server may have (`maxConnections`), a newcomer gets the
 * place of the oldest connection of the peer that has most: nobody can take every place, not even with several addresses.
 */
export function limitConnectionsPerPeer(server: Server, ofOne: number): void {
  const ofAll = server.maxConnections;
  const byPeer = new Map<string, Set<Socket>>();
  let count = 0;
  // Room for newcomers until those who made way for them are gone.
  server.maxConnections = ofAll + ofOne;
  server.on('connection', (socket: Socket) => {
    const peer = socket.remoteAddress;
    if (peer === undefined) return;
    const own = byPeer.get(peer) ?? new Set();
    if (own.size >= ofOne || (count >= ofAll && !makeRoom(own.size))) {
      socket.destroy();
      return;
    }
    count += 1;
    byPeer.set(peer, own.add(socket));
    socket.once('close', () => forget(peer, socket));
  });

  /** Only somebody who has more than the newcomer makes way. */
  function makeRoom(ownCount: number): boolean {
    const [peer, sockets] = [...byPeer].reduce((most, one) => (one[1].size > most[1].size ? one : most));
    const [oldest] = sockets;
    if (oldest === undefined || sockets.size <= ownCount + 1) return false;
    forget(peer, oldest);
    oldest.destroy();
    return true;
  }

  function forget(peer: string, socket: Socket): void {
    const sockets = byPeer.get(peer);
    if (sockets?.delete(socket) !== true) return;
    count -= 1;
    if (sockets.size === 0) byPeer.delete(peer);
  }
}

// Reads a request's body as UTF-8 text: so many octets and no more, nothing inflated (no decompression bombs), whatever the
// content type says, as control points send odd ones or none. How long it may take, the server's timeouts say.

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
