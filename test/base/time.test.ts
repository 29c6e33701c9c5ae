import { describe, expect, it } from 'vitest';
import {
  after,
  before,
  between,
  days,
  durationInWords,
  hours,
  inSeconds,
  instant,
  minutes,
  seconds,
} from '../../src/base/time.ts';

describe('time', () => {
  it('adds and subtracts spans', () => {
    const start = instant(1000);
    expect(after(start, seconds(2))).toBe(3000);
    expect(before(start, seconds(1))).toBe(0);
    expect(inSeconds(between(start, after(start, minutes(3))))).toBe(180);
    expect(between(after(start, seconds(5)), start)).toBe(-5000);
  });

  it.each([
    [seconds(0), '0 s'],
    [seconds(-5), '0 s'],
    [seconds(90), '90 s'],
    [seconds(119.6), '2 min'],
    [minutes(29), '29 min'],
    [minutes(119), '119 min'],
    [minutes(125), '2 h 5 min'],
    [hours(47), '47 h'],
    [hours(49), '2 d 1 h'],
    [days(7), '7 d'],
  ])('says %d ms as "%s"', (span, words) => {
    expect(durationInWords(span)).toBe(words);
  });
});
