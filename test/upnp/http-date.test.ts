import fc from 'fast-check';
import { expect, it } from 'vitest';
import { wallTime } from '../../src/base/time.ts';
import { httpDate } from '../../src/upnp/upnp-headers.ts';

it('writes the example of RFC 9110 §5.6.7', () => {
  expect(httpDate(wallTime(784_111_777_000))).toBe('Sun, 06 Nov 1994 08:49:37 GMT');
});

it.each(['1970-01-01T00:00:00Z', '2000-02-29T23:59:59.999Z', '2100-03-01T00:00:00Z', '1969-12-31T23:59:59Z'])(
  'agrees with the calendar on %s',
  (text) => {
    expect(httpDate(wallTime(Date.parse(text)))).toBe(new Date(text).toUTCString());
  },
);

it('agrees with the calendar on every day of four centuries', () => {
  fc.assert(
    fc.property(fc.integer({ min: Date.UTC(1900, 0, 1), max: Date.UTC(2300, 0, 1) }), (at) => {
      expect(httpDate(wallTime(at))).toBe(new Date(at).toUTCString());
    }),
    { numRuns: 2000 },
  );
});
