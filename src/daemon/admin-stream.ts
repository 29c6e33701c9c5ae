// /api/events as server-sent events: "happened" carries an event, "changed" says that a fresh look is worth it.

import type { CancelWake, Clock } from '../base/host.ts';
import type { HttpResponse } from '../base/http.ts';
import { after, type Duration, seconds } from '../base/time.ts';
import type { OperatorSource } from '../operator/operator-source.ts';
import { eventJson } from '../operator/status-json.ts';

/** Each holds a connection; a household has fewer open pages. */
const MAX_STREAMS = 16;
/** A burst of hundreds of mappings is one look, not hundreds. */
const CHANGES_AT_MOST_EVERY = seconds(1);
/** So that a browser notices a connection that died silently. */
const PING_EVERY = seconds(25);

export class AdminStreams {
  readonly #source: OperatorSource;
  readonly #clock: Clock;
  #open = 0;

  constructor(source: OperatorSource, clock: Clock) {
    this.#source = source;
    this.#clock = clock;
  }

  /** Undefined: too many are open. */
  respond(): HttpResponse | undefined {
    if (this.#open >= MAX_STREAMS) return undefined;
    return {
      status: 200,
      headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' },
      stream: (write) => this.#start(write),
    };
  }

  #start(write: (chunk: string) => void): () => void {
    this.#open += 1;
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
      this.#open -= 1;
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
