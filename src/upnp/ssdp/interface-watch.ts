// When to look whether a LAN address is there: rarely while we are attached to it, often while we wait for it to come back.

import type { Machine, Wake } from '../../base/machine.ts';
import { after, type Instant, seconds } from '../../base/time.ts';

export interface InterfaceWatchOutput {
  readonly kind: 'look';
}

/** A socket that fails says so at once; this is for interfaces that vanish without a word. */
const LOOK_WHILE_ATTACHED = seconds(10);
const LOOK_WHILE_WAITING = seconds(5);

export class InterfaceWatch implements Machine<InterfaceWatchOutput> {
  #wake: Wake | undefined;

  handleStart(_now: Instant): readonly InterfaceWatchOutput[] {
    return [{ kind: 'look' }];
  }

  /** What the look found and led to. */
  handleLooked(isAttached: boolean, now: Instant): readonly InterfaceWatchOutput[] {
    this.#wake = isAttached
      ? { at: after(now, LOOK_WHILE_ATTACHED), why: 'see that the LAN address is still there' }
      : { at: after(now, LOOK_WHILE_WAITING), why: 'see whether the LAN address is back' };
    return [];
  }

  nextWake(): Wake | undefined {
    return this.#wake;
  }

  handleTimeout(now: Instant): readonly InterfaceWatchOutput[] {
    if (this.#wake === undefined || this.#wake.at > now) return [];
    this.#wake = undefined;
    return [{ kind: 'look' }];
  }
}
