// Whether a server still has its table, by its epoch clock (RFC 6887 §8.5; for NAT-PMP RFC 6886 §3.6).
// Both functions are pure; who keeps the last sample and what follows from a loss is the conversation's business.

import { between, type Instant } from '../../base/time.ts';

export interface EpochSample {
  readonly serverSeconds: number;
  readonly receivedAt: Instant;
}

export type EpochRule = (previous: EpochSample | undefined, current: EpochSample) => boolean;

const wholeSecondsBetween = (previous: EpochSample, current: EpochSample): number =>
  Math.floor(between(previous.receivedAt, current.receivedAt) / 1000);

export const isEpochPlausible: EpochRule = (previous, current) => {
  if (previous === undefined) return true;
  // RFC 6887 §8.5: one second backwards is reordering, more is a restart. Plain signed numbers: the difference may be -1.
  if (current.serverSeconds < previous.serverSeconds - 1) return false;
  const clientDelta = wholeSecondsBetween(previous, current);
  const serverDelta = current.serverSeconds - previous.serverSeconds;
  const serverRanAhead = clientDelta + 2 < serverDelta - Math.trunc(serverDelta / 16);
  const serverFellBehind = serverDelta + 2 < clientDelta - Math.trunc(clientDelta / 16);
  return !serverRanAhead && !serverFellBehind;
};

/** RFC 6886 §3.6: at least 7/8 of the time that went by, with two seconds to spare. A clock that runs fast is no sign. */
export const isNatPmpEpochPlausible: EpochRule = (previous, current) => {
  if (previous === undefined) return true;
  const expected = previous.serverSeconds + (7 * wholeSecondsBetween(previous, current)) / 8;
  return current.serverSeconds >= expected - 2;
};

// An answer that was long under way, or was overtaken, looks like a clock set back by as much. A real restart shows it
// again when asked.
const MOST_SECONDS_UNDER_WAY = 10;

export function mayBeLate(previous: EpochSample | undefined, current: EpochSample): boolean {
  if (previous === undefined) return false;
  const clientDelta = wholeSecondsBetween(previous, current);
  const behind = previous.serverSeconds + clientDelta - current.serverSeconds;
  return behind > 0 && behind <= MOST_SECONDS_UNDER_WAY + Math.trunc(clientDelta / 16);
}
