// Where log lines go. A disk that is full, or a reader that is slow or gone, costs lines, never the daemon: a few wait, the
// others are counted, and their number is said once when lines can be written again.

import { writeSync } from 'node:fs';

const MOST_WAITING_OCTETS = 16 * 1024;
const NOTHING: Buffer = Buffer.alloc(0);

export class LogOutput {
  readonly #descriptor: number;
  readonly #sayDropped: (lines: number, why: string) => void;
  /** Begins with the rest of a line of which a part was written. */
  #waiting = NOTHING;
  #dropped = 0;
  #unsaid = 0;
  #why = '';

  /** `sayDropped` may write through this output. */
  constructor(descriptor: number, sayDropped: (lines: number, why: string) => void) {
    this.#descriptor = descriptor;
    this.#sayDropped = sayDropped;
  }

  get dropped(): number {
    return this.#dropped;
  }

  write(line: string): void {
    const octets = Buffer.from(line);
    this.#writeWaiting();
    if (this.#waiting.length > 0 && this.#waiting.length + octets.length > MOST_WAITING_OCTETS) {
      this.#dropped += 1;
      this.#unsaid += 1;
      return;
    }
    this.#waiting = this.#waiting.length === 0 ? octets : Buffer.concat([this.#waiting, octets]);
    this.#writeWaiting();
    if (this.#waiting.length > 0 || this.#unsaid === 0) return;
    const lines = this.#unsaid;
    this.#unsaid = 0;
    this.#sayDropped(lines, this.#why);
  }

  #writeWaiting(): void {
    try {
      // A disk that is nearly full takes a part first.
      while (this.#waiting.length > 0)
        this.#waiting = this.#waiting.subarray(writeSync(this.#descriptor, this.#waiting));
    } catch (error) {
      this.#why = (error as Error).message;
    }
  }
}
