// Drives the machines: hands them inputs with the time, performs their outputs, and keeps the one timer of the daemon
// set to the earliest wake any of them asked for. Rules live in the machines; nothing is decided here.

import type { CancelWake, Clock } from './host.ts';
import type { Machine, Wake } from './machine.ts';
import type { Instant } from './time.ts';

/** A machine under the driver's care. */
export interface Driven<M, Output> {
  readonly machine: M;
  /** `step` calls one handler of the machine; what it returns is performed before `run` returns. */
  run(step: (machine: M, now: Instant) => readonly Output[]): void;
  /** No more wakes; outputs of later steps are still performed. */
  remove(): void;
}

interface Part {
  readonly name: string;
  wake(): Wake | undefined;
  timeout(now: Instant): void;
}

/** A machine that keeps asking for the present would spin; after so many rounds at one instant it waits for the next tick. */
const MAX_ROUNDS_AT_ONCE = 100;

export class Driver {
  readonly #clock: Clock;
  readonly #parts = new Set<Part>();
  #cancelTimer: CancelWake | undefined;
  #timerAt: Instant | undefined;
  #depth = 0;
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add<M extends Machine<Output>, Output>(
    name: string,
    machine: M & Machine<Output>,
    perform: (output: Output) => void,
  ): Driven<M, Output> {
    const performAll = (outputs: readonly Output[]): void => {
      for (const output of outputs) perform(output);
    };
    const part: Part = {
      name,
      wake: () => machine.nextWake(),
      timeout: (now) => performAll(machine.handleTimeout(now)),
    };
    this.#parts.add(part);
    this.#reschedule();
    return {
      machine,
      run: (step) => this.#enter(() => performAll(step(machine, this.#clock.now()))),
      remove: () => {
        this.#parts.delete(part);
        this.#reschedule();
      },
    };
  }

  /** Everything anybody waits for, earliest first: for the log and the status page. */
  wakes(): readonly { readonly who: string; readonly wake: Wake }[] {
    const all: { who: string; wake: Wake }[] = [];
    for (const part of this.#parts) {
      const wake = part.wake();
      if (wake !== undefined) all.push({ who: part.name, wake });
    }
    return all.sort((a, b) => a.wake.at - b.wake.at);
  }

  close(): void {
    this.#closed = true;
    this.#parts.clear();
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#timerAt = undefined;
  }

  #enter(work: () => void): void {
    this.#depth += 1;
    try {
      work();
    } finally {
      this.#depth -= 1;
      if (this.#depth === 0) this.#reschedule();
    }
  }

  #reschedule(): void {
    if (this.#closed || this.#depth > 0) return;
    let earliest: Instant | undefined;
    for (const part of this.#parts) {
      const at = part.wake()?.at;
      if (at !== undefined && (earliest === undefined || at < earliest)) earliest = at;
    }
    if (earliest === this.#timerAt) return;
    this.#cancelTimer?.();
    this.#timerAt = earliest;
    this.#cancelTimer = earliest === undefined ? undefined : this.#clock.wakeAt(earliest, () => this.#timeOut());
  }

  #timeOut(): void {
    this.#cancelTimer = undefined;
    this.#timerAt = undefined;
    this.#enter(() => {
      for (let round = 0; round < MAX_ROUNDS_AT_ONCE; round += 1) {
        const now = this.#clock.now();
        const due = [...this.#parts].filter((part) => {
          const at = part.wake()?.at;
          return at !== undefined && at <= now;
        });
        if (due.length === 0) return;
        for (const part of due) part.timeout(now);
      }
    });
  }
}
