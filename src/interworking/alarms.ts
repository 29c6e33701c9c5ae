// Waiting, for the stories told with `await`: a promise that settles at a point in time. The machine owns no timer;
// the driver wakes it like every other.

import type { Machine, Wake } from '../base/machine.ts';
import { PriorityQueue } from '../base/priority-queue.ts';
import type { Instant } from '../base/time.ts';

interface Alarm {
  readonly wake: Wake;
  readonly settle: (how: 'rang' | 'cancelled') => void;
}

export class Alarms implements Machine<never> {
  readonly #queue = new PriorityQueue<Alarm>();
  #wakeMoved: () => void = () => {};

  onWakeMoved(listener: () => void): void {
    this.#wakeMoved = listener;
  }

  /** Settles at `at`, or before when `signal` aborts or everything is cancelled. */
  until(at: Instant, why: string, signal?: AbortSignal): Promise<'rang' | 'cancelled'> {
    return new Promise((resolve) => {
      if (signal?.aborted === true) {
        resolve('cancelled');
        return;
      }
      const giveUp = (): void => {
        this.#queue.delete(alarm);
        alarm.settle('cancelled');
      };
      const settle = (how: 'rang' | 'cancelled'): void => {
        signal?.removeEventListener('abort', giveUp);
        resolve(how);
      };
      const alarm: Alarm = { wake: { at, why }, settle };
      this.#queue.set(alarm, at);
      signal?.addEventListener('abort', giveUp, { once: true });
      if (this.#queue.first()?.key === alarm) this.#wakeMoved();
    });
  }

  cancelAll(): void {
    for (let first = this.#queue.shift(); first !== undefined; first = this.#queue.shift())
      first.key.settle('cancelled');
  }

  nextWake(): Wake | undefined {
    return this.#queue.first()?.key.wake;
  }

  handleTimeout(now: Instant): readonly never[] {
    for (let first = this.#queue.first(); first !== undefined && first.rank <= now; first = this.#queue.first()) {
      this.#queue.shift();
      first.key.settle('rang');
    }
    return [];
  }
}
