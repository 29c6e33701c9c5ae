// Both clocks read at one moment, to turn monotonic time into wall time for the disk and back (RFC 6887 §8.5).

import { after, between, type Instant, type WallTime, wallTimeAfter, wallTimeBetween } from '../base/time.ts';

export interface ClockReading {
  readonly now: Instant;
  readonly wall: WallTime;
}

export const wallTimeOf = (at: Instant, reading: ClockReading): WallTime =>
  wallTimeAfter(reading.wall, between(reading.now, at));

export const instantOf = (at: WallTime, reading: ClockReading): Instant =>
  after(reading.now, wallTimeBetween(reading.wall, at));
