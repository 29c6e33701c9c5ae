import fc from 'fast-check';
import { expect, it } from 'vitest';
import { calendarTime } from '../../src/base/calendar.ts';
import { wallTime } from '../../src/base/time.ts';

it('agrees with the calendar of JavaScript, before 1970 too', () => {
  const range = { min: Date.UTC(1600, 0, 1), max: Date.UTC(2400, 0, 1) };
  fc.assert(
    fc.property(fc.integer(range), (at) => {
      const date = new Date(at);
      expect(calendarTime(wallTime(at))).toEqual({
        year: date.getUTCFullYear(),
        month: date.getUTCMonth() + 1,
        day: date.getUTCDate(),
        weekday: date.getUTCDay(),
        hour: date.getUTCHours(),
        minute: date.getUTCMinutes(),
        second: date.getUTCSeconds(),
      });
    }),
    { numRuns: 2000 },
  );
});
