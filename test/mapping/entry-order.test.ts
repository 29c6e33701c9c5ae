import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EntryOrder } from '../../src/mapping/entry-order.ts';

interface Step {
  readonly kind: string;
  readonly key: number;
  readonly next: number;
}

/** The same to both; the list is the plain way to do it. */
function takeStep(order: EntryOrder<number>, list: number[], { kind, key, next }: Step): void {
  const at = list.indexOf(key);
  if (kind === 'append') {
    order.append(key);
    if (at < 0) list.push(key);
  } else if (kind === 'remove') {
    order.remove(key);
    if (at >= 0) list.splice(at, 1);
  } else if (at >= 0 && !list.includes(next)) {
    order.rename(key, next);
    list[at] = next;
  }
}

describe('EntryOrder', () => {
  it('behaves like a plain list, whatever is added, renamed and removed (WANIPConnection:2 §2.5.13)', () => {
    const step = fc.record({ kind: fc.constantFrom('append', 'remove', 'rename'), key: fc.nat(40), next: fc.nat(40) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const order = new EntryOrder<number>();
        const list: number[] = [];
        for (const step of steps) takeStep(order, list, step);
        expect(order.size).toBe(list.length);
        expect([...order]).toEqual(list);
        expect(list.map((_, index) => order.at(index))).toEqual(list);
        expect([order.at(-1), order.at(list.length), order.at(0.5)]).toEqual([undefined, undefined, undefined]);
      }),
      { seed: 5, numRuns: 200 },
    );
  });

  it('squeezes empty slots together without losing the order', () => {
    const order = new EntryOrder<number>();
    for (let key = 0; key < 1000; key += 1) order.append(key);
    for (let key = 0; key < 1000; key += 1) if (key % 10 !== 3) order.remove(key);
    expect(order.size).toBe(100);
    expect(Array.from({ length: 100 }, (_, index) => order.at(index))).toEqual(
      Array.from({ length: 100 }, (_, index) => 10 * index + 3),
    );
    order.append(5000);
    expect(order.at(100)).toBe(5000);
  });
});
