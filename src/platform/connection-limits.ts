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

/** `maxConnections` is for all together: without this one silent machine could take every place. */
export function limitConnectionsPerPeer(server: Server, most: number): void {
  const open = new Map<string, number>();
  server.on('connection', (socket: Socket) => {
    const peer = socket.remoteAddress;
    if (peer === undefined) return;
    const count = (open.get(peer) ?? 0) + 1;
    if (count > most) {
      socket.destroy();
      return;
    }
    open.set(peer, count);
    socket.once('close', () => {
      const left = (open.get(peer) ?? 1) - 1;
      if (left === 0) open.delete(peer);
      else open.set(peer, left);
    });
  });
}
