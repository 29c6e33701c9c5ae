import { describe, expect, it } from 'vitest';
import { instant } from '../../../src/base/time.ts';
import { EpochWatch, isEpochPlausible, isNatPmpEpochPlausible } from '../../../src/pcp/asking/epoch.ts';
import { epochCases } from '../wire/vectors.ts';

const sample = (serverSeconds: number, atSeconds: number) => ({ serverSeconds, receivedAt: instant(atSeconds * 1000) });

describe('P-52: whether a server kept its state (RFC 6887 §8.5)', () => {
  it.each(epochCases)('$prevServer then $currServer after $clientDelta s: $valid', (example) => {
    const { prevServer, currServer, clientDelta, valid } = example;
    expect(isEpochPlausible(sample(prevServer, 50), sample(currServer, 50 + clientDelta))).toBe(valid);
  });

  it('there are seventeen cases', () => {
    expect(epochCases).toHaveLength(17);
  });

  it('the first reading is always believed', () => {
    expect(isEpochPlausible(undefined, sample(0, 0))).toBe(true);
    expect(isNatPmpEpochPlausible(undefined, sample(0, 0))).toBe(true);
  });
});

describe('the same for NAT-PMP (RFC 6886 §3.6)', () => {
  it.each([
    [1000, 1870, 1000, false],
    [1000, 1873, 1000, true],
    [1000, 1000, 2, true],
    [1000, 0, 5, false],
    [1000, 9999, 5, true],
  ])('%i then %i after %i s: %s', (previous, current, delta, valid) => {
    expect(isNatPmpEpochPlausible(sample(previous, 0), sample(current, delta))).toBe(valid);
  });
});

describe('what is believed alone', () => {
  const watchAt = (serverSeconds: number): EpochWatch => {
    const watch = new EpochWatch();
    watch.judge(isEpochPlausible, serverSeconds, instant(0), 'answer');
    return watch;
  };

  it('P-56 Q-25: an unasked reading only raises a suspicion, and is not kept', () => {
    const watch = watchAt(5000);
    expect(watch.judge(isEpochPlausible, 0, instant(1000), 'unasked')).toBe('suspect');
    expect(watch.last?.serverSeconds).toBe(5000);
    expect(watch.isSuspected).toBe(true);
  });

  it('answers that overtook each other raise a suspicion too; a big step back does not need one', () => {
    expect(watchAt(5000).judge(isEpochPlausible, 4995, instant(1000), 'answer')).toBe('suspect');
    expect(watchAt(5000).judge(isEpochPlausible, 4000, instant(1000), 'answer')).toBe('lost');
  });

  it('the answer to the question itself is believed, whatever it says', () => {
    expect(watchAt(5000).judge(isEpochPlausible, 4995, instant(1000), 'confirmation')).toBe('lost');
    const innocent = watchAt(5000);
    innocent.judge(isEpochPlausible, 0, instant(1000), 'unasked');
    expect(innocent.judge(isEpochPlausible, 5002, instant(2000), 'confirmation')).toBe('plausible');
    expect(innocent.isSuspected).toBe(false);
  });
});
