import { describe, expect, it } from 'vitest';
import { nodeRandom, seededRandom } from '../../src/platform/node-random.ts';

describe('randomness', () => {
  it('never hands out the same octets twice, across the edge of what is drawn at once', () => {
    const seen = new Set<string>();
    for (let index = 0; index < 2000; index += 1) {
      const bytes = nodeRandom.bytes(12);
      expect(bytes).toHaveLength(12);
      seen.add(bytes.join());
    }
    expect(seen.size).toBe(2000);
  });

  it('gives as many octets as are asked for, more than are drawn at once, too', () => {
    const bytes = nodeRandom.bytes(5000);
    expect(bytes).toHaveLength(5000);
    // The last hundred would be zeros were they not drawn.
    expect(new Set(bytes.subarray(4900)).size).toBeGreaterThan(20);
  });

  it('what was handed out does not change when the holder of an earlier piece writes into it', () => {
    const first = nodeRandom.bytes(8);
    const second = nodeRandom.bytes(8);
    const before = [...second];
    first.fill(0);
    expect([...second]).toEqual(before);
  });

  it('a unit is at least 0 and below 1, all over the range', () => {
    const units = Array.from({ length: 2000 }, () => nodeRandom.unit());
    expect(Math.min(...units)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...units)).toBeLessThan(1);
    expect(units.filter((unit) => unit < 0.5).length).toBeGreaterThan(800);
    expect(units.filter((unit) => unit >= 0.5).length).toBeGreaterThan(800);
  });

  it('the same seed gives the same stream, another seed another', () => {
    const draw = (seed: string) => [...seededRandom(seed).bytes(40)];
    expect(draw('a')).toEqual(draw('a'));
    expect(draw('a')).not.toEqual(draw('b'));
  });
});
