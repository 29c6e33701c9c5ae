// Which connections an HTTP listener keeps at all: from its own network, and so many from one machine.

import type { Server } from 'node:http';
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
