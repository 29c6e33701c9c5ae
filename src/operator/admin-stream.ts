// /api/events as server-sent events: "happened" carries an event, "changed" says that a fresh look is worth it.

import type { CancelWake, Clock } from '../base/host.ts';
import type { HttpResponse } from '../base/http.ts';
import { after, type Duration, seconds } from '../base/time.ts';
import type { OperatorSource } from './operator-source.ts';
import { eventJson } from './status-json.ts';

/** Each holds a connection; a household has fewer open pages. */
const MAX_STREAMS = 32;
/** One browser with many pages must leave places for others. */
const MAX_STREAMS_OF_PEER = 8;
/** A burst of hundreds of mappings is one look, not hundreds. */
const CHANGES_AT_MOST_EVERY = seconds(1);
/** So that a browser notices a connection that died silently. */
const PING_EVERY = seconds(25);

export class AdminStreams {
  readonly #source: OperatorSource;
  readonly #clock: Clock;
  /** By peer; every stream is counted here. */
  readonly #open = new Map<string, number>();

  constructor(source: OperatorSource, clock: Clock) {
    this.#source = source;
    this.#clock = clock;
  }

  /** Undefined: too many are open. */
  respond(peer: string): HttpResponse | undefined {
    const all = [...this.#open.values()].reduce((sum, count) => sum + count, 0);
    if (all >= MAX_STREAMS || this.#openOf(peer) >= MAX_STREAMS_OF_PEER) return undefined;
    return {
      status: 200,
      headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' },
      stream: (write) => this.#start(peer, write),
    };
  }

  #openOf(peer: string): number {
    return this.#open.get(peer) ?? 0;
  }

  #start(peer: string, write: (chunk: string) => void): () => void {
    this.#open.set(peer, this.#openOf(peer) + 1);
    const ping = this.#repeat(PING_EVERY, () => write(': still here\n\n'));
    let pendingChange: CancelWake | undefined;
    const stopListening = this.#source.listen({
      happened: (event) => write(`event: happened\ndata: ${JSON.stringify(eventJson(event))}\n\n`),
      changed: () => {
        pendingChange ??= this.#clock.wakeAt(after(this.#clock.now(), CHANGES_AT_MOST_EVERY), () => {
          pendingChange = undefined;
          write('event: changed\ndata: {}\n\n');
        });
      },
    });
    write('retry: 3000\n\n');
    let isOpen = true;
    return () => {
      if (!isOpen) return;
      isOpen = false;
      const left = this.#openOf(peer) - 1;
      if (left > 0) this.#open.set(peer, left);
      else this.#open.delete(peer);
      stopListening();
      ping();
      pendingChange?.();
    };
  }

  #repeat(every: Duration, act: () => void): CancelWake {
    let cancel: CancelWake = () => undefined;
    const arm = (): void => {
      cancel = this.#clock.wakeAt(after(this.#clock.now(), every), () => {
        act();
        arm();
      });
    };
    arm();
    return () => cancel();
  }
}
