import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PriorityQueue } from '../../src/base/priority-queue.ts';

const drain = (queue: PriorityQueue<string>): string[] => {
  const keys: string[] = [];
  for (let entry = queue.shift(); entry !== undefined; entry = queue.shift()) keys.push(entry.key);
  return keys;
};

describe('PriorityQueue', () => {
  it('gives the smallest rank first', () => {
    const queue = new PriorityQueue<string>();
    for (const [key, rank] of [
      ['c', 3],
      ['a', 1],
      ['b', 2],
    ] as const)
      queue.set(key, rank);
    expect(queue.first()).toEqual({ key: 'a', rank: 1 });
    expect(drain(queue)).toEqual(['a', 'b', 'c']);
  });

  it('moves a key whose rank changes, in both directions', () => {
    const queue = new PriorityQueue<string>();
    for (const [key, rank] of [
      ['a', 1],
      ['b', 2],
      ['c', 3],
    ] as const)
      queue.set(key, rank);
    queue.set('c', 0);
    queue.set('a', 9);
    expect(queue.size).toBe(3);
    expect(queue.rankOf('a')).toBe(9);
    expect(drain(queue)).toEqual(['c', 'b', 'a']);
  });

  it('forgets a deleted key and says whether it was there', () => {
    const queue = new PriorityQueue<string>();
    queue.set('a', 1);
    expect([queue.delete('a'), queue.delete('a')]).toEqual([true, false]);
    expect(queue.first()).toBeUndefined();
  });

  it('agrees with sorting after any sequence of changes', () => {
    const step = fc.record({ key: fc.integer({ min: 0, max: 20 }), rank: fc.option(fc.integer({ min: 0, max: 99 })) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const queue = new PriorityQueue<number>();
        const model = new Map<number, number>();
        for (const { key, rank } of steps) {
          if (rank === null) expect(queue.delete(key)).toBe(model.delete(key));
          else {
            queue.set(key, rank);
            model.set(key, rank);
          }
        }
        const ranks: number[] = [];
        for (let entry = queue.shift(); entry !== undefined; entry = queue.shift()) {
          expect(entry.rank).toBe(model.get(entry.key));
          ranks.push(entry.rank);
        }
        expect(ranks).toEqual([...model.values()].sort((a, b) => a - b));
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  it('refuses a rank that compares with nothing', () => {
    expect(() => new PriorityQueue<string>().set('a', Number.NaN)).toThrow(RangeError);
  });
});
