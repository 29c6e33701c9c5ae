// The clock and the only timer of the daemon. The monotonic clock feeds the rules, the wall clock people and the disk.

import type { CancelWake, Clock } from '../base/host.ts';
import { type Instant, instant, type WallTime, wallTime } from '../base/time.ts';

// setTimeout fires at once for anything longer than 2^31 - 1 ms; a long wait is slept in pieces.
const LONGEST_TIMEOUT = 2 ** 31 - 1;

export class NodeClock implements Clock {
  now(): Instant {
    return instant(performance.now());
  }

  wallTime(): WallTime {
    return wallTime(Date.now());
  }

  wakeAt(at: Instant, wake: () => void): CancelWake {
    // A timeout of nothing lasts a millisecond; what is due has no reason to wait that long.
    if (at <= performance.now()) {
      const soon = setImmediate(wake);
      return () => clearImmediate(soon);
    }
    let timer: NodeJS.Timeout | undefined;
    const sleep = (): void => {
      const left = Math.ceil(at - performance.now());
      timer = setTimeout(left > LONGEST_TIMEOUT ? sleep : wake, Math.max(0, Math.min(left, LONGEST_TIMEOUT)));
    };
    sleep();
    return () => clearTimeout(timer);
  }
}
