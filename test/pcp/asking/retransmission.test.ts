import { describe, expect, it } from 'vitest';
import type { Duration } from '../../../src/base/time.ts';
import { NAT_PMP_RETRANSMISSION, PCP_RETRANSMISSION, timeoutAfter } from '../../../src/pcp/asking/dialect.ts';

function scheduleOf(rule: typeof PCP_RETRANSMISSION, unit: number, packets: number): readonly number[] {
  const times = [0];
  let timeout: Duration | undefined;
  for (let at = 0; times.length < packets; ) {
    timeout = timeoutAfter(rule, timeout, unit);
    at += timeout / 1000;
    times.push(at);
  }
  return times;
}

describe('P-35 P-36: RFC 6887 §8.1.1', () => {
  it('without jitter: 0, 3, 9, 21, 45, 93, 189, 381, 765, 1533, 2557, 3581 s', () => {
    expect(scheduleOf(PCP_RETRANSMISSION, 0.5, 12)).toEqual([0, 3, 9, 21, 45, 93, 189, 381, 765, 1533, 2557, 3581]);
  });

  it('the first timeout lies between 2.7 and 3.3 s', () => {
    expect(timeoutAfter(PCP_RETRANSMISSION, undefined, 0)).toBeCloseTo(2700);
    expect(timeoutAfter(PCP_RETRANSMISSION, undefined, 1)).toBeCloseTo(3300);
  });

  it('no timeout is longer than 1126.4 s', () => {
    expect(timeoutAfter(PCP_RETRANSMISSION, 1_126_400 as Duration, 1)).toBeCloseTo(1_126_400);
  });
});

it('NAT-PMP: nine packets from 250 ms on, doubling, the last wait 64 s (RFC 6886 §3.1)', () => {
  const schedule = scheduleOf(NAT_PMP_RETRANSMISSION, 0.9, 9);
  expect(schedule.slice(0, 5)).toEqual([0, 0.25, 0.75, 1.75, 3.75]);
  expect(schedule.at(-1)).toBe(63.75);
  expect(NAT_PMP_RETRANSMISSION.tries).toBe(9);
});
