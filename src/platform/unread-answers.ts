// Answers that wait in this process because their readers do not read. Bounded in time for each connection and in octets
// for all together: beyond that, connections are cut, first those of the peer for which most octets wait.

import type { Socket } from 'node:net';
import type { CancelWake, Clock } from '../base/host.ts';
import { after, type Duration, type Instant } from '../base/time.ts';

/** Answers have 1 to 10 KB, and the kernel takes the first megabytes of each: honest readers never come near. */
const MOST_OCTETS = 8 * 1024 * 1024;

export class UnreadAnswers {
  readonly #clock: Clock;
  /** When a reader has to be through, in the order in which they stopped reading; as many as there are connections. */
  readonly #due = new Map<Socket, Instant>();
  #cancelWake: CancelWake | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** To be called after something was written to `socket`, after it was taken, and when the connection is closed. */
  look(socket: Socket, takenWithin: Duration): void {
    if (socket.destroyed || socket.writableLength === 0) {
      if (this.#due.delete(socket)) this.#arm();
      return;
    }
    if (!this.#due.has(socket)) this.#due.set(socket, after(this.#clock.now(), takenWithin));
    while (this.#octets() > MOST_OCTETS && this.#due.size > 1) this.#cut(this.#heaviest());
    this.#arm();
  }

  #octets(): number {
    let octets = 0;
    for (const { writableLength } of this.#due.keys()) octets += writableLength;
    return octets;
  }

  /** The oldest connection of the peer that has most waiting: the one who reads must not pay for the one who does not. */
  #heaviest(): Socket | undefined {
    const byPeer = new Map<string, { oldest: Socket; octets: number }>();
    for (const socket of this.#due.keys()) {
      const peer = socket.remoteAddress ?? '';
      const sum = byPeer.get(peer) ?? { oldest: socket, octets: 0 };
      sum.octets += socket.writableLength;
      byPeer.set(peer, sum);
    }
    const [first] = [...byPeer.values()].sort((a, b) => b.octets - a.octets);
    return first?.oldest;
  }

  #cut(socket: Socket | undefined): void {
    if (socket === undefined) return;
    this.#due.delete(socket);
    // A reset frees what the kernel holds for this peer, too; a Unix socket knows none.
    if (socket.remoteAddress === undefined) socket.destroy();
    else socket.resetAndDestroy();
  }

  #arm(): void {
    this.#cancelWake?.();
    this.#cancelWake = undefined;
    if (this.#due.size === 0) return;
    const next = Math.min(...this.#due.values()) as Instant;
    this.#cancelWake = this.#clock.wakeAt(next, () => {
      const now = this.#clock.now();
      for (const [socket, due] of this.#due) if (due <= now) this.#cut(socket);
      this.#arm();
    });
  }
}
