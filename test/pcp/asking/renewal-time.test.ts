import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Duration, instant, milliseconds, seconds } from '../../../src/base/time.ts';
import { firstRenewal, nextRenewal } from '../../../src/pcp/asking/renewal-time.ts';

/** All windows of one lifetime as [opens, closes] in seconds: the renewals with the least and the greatest draw. */
function windowsOf(lifetime: Duration): readonly (readonly [number, number])[] {
  const windows: [number, number][] = [];
  const earliest = (previous: { window: number; sentAt: number } | undefined, unit: number) =>
    previous === undefined
      ? firstRenewal(instant(0), lifetime, unit)
      : nextRenewal(instant(0), lifetime, { ...previous, sentAt: instant(previous.sentAt) }, unit);
  let previous: { window: number; sentAt: number } | undefined;
  for (;;) {
    const low = earliest(previous, 0);
    const high = earliest(previous, 1);
    if (low === undefined || high === undefined) return windows;
    windows.push([low.renewAt / 1000, high.renewAt / 1000]);
    previous = { window: low.window, sentAt: high.renewAt };
  }
}

describe('P-38 P-40: when to renew (RFC 6887 §11.2.1)', () => {
  it('120 s: 60-75, 90-97.5, 105-108.75', () => {
    expect(windowsOf(seconds(120))).toEqual([
      [60, 75],
      [90, 97.5],
      [105, 108.75],
    ]);
  });

  it('3600 s: eight windows, the last 3585.9-3589.5', () => {
    const windows = windowsOf(seconds(3600));
    expect(windows).toHaveLength(8);
    expect(windows.slice(0, 4)).toEqual([
      [1800, 2250],
      [2700, 2925],
      [3150, 3262.5],
      [3375, 3431.25],
    ]);
    expect(windows.at(-1)?.map((at) => Math.round(at * 10) / 10)).toEqual([3585.9, 3589.5]);
  });

  it('counts from the grant, not from the clock’s zero', () => {
    expect(firstRenewal(instant(5_000_000), seconds(100), 0)).toEqual({ renewAt: 5_050_000, window: 1 });
  });

  it('P-42: skips windows that went by while the packet waited for its turn', () => {
    const late = nextRenewal(instant(0), seconds(3600), { window: 1, sentAt: instant(3_000_000) }, 0);
    expect(late).toEqual({ renewAt: 3_150_000, window: 3 });
  });

  it('a lifetime of four seconds or less has no window', () => {
    expect(firstRenewal(instant(0), seconds(4), 0.5)).toBeUndefined();
    expect(firstRenewal(instant(0), seconds(8), 0.5)).toEqual({ renewAt: 4500, window: 1 });
  });

  it('a lifetime between 4 and 8 s is renewed once, as soon as the least gap allows', () => {
    for (const lifetime of [4.5, 5, 6, 6.3]) {
      expect(firstRenewal(instant(0), seconds(lifetime), 0.5)).toEqual({ renewAt: 4000, window: 1 });
    }
  });

  it('whatever the lifetime and the draws: inside the lifetime, in order, never closer than 4 s', () => {
    const draws = fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), {
      minLength: 40,
      maxLength: 40,
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 172_800_000 }), draws, (lifetime, units) => {
        let used = firstRenewal(instant(0), milliseconds(lifetime), units[0] ?? 0);
        let previousAt = 0;
        for (let i = 1; used !== undefined; i += 1) {
          expect(used.renewAt - previousAt).toBeGreaterThanOrEqual(4000);
          expect(used.renewAt).toBeLessThan(lifetime);
          previousAt = used.renewAt;
          const sent = { window: used.window, sentAt: used.renewAt };
          used = nextRenewal(instant(0), milliseconds(lifetime), sent, units[i] ?? 0);
        }
      }),
      { seed: 6887, numRuns: 300 },
    );
  });
});
