import { describe, expect, it } from 'vitest';
import { after, type Instant, instant, minutes, seconds } from '../../../src/base/time.ts';
import { SearchWatchdog } from '../../../src/upnp/ssdp/search-watchdog.ts';

const T0 = instant(0);

const started = (): SearchWatchdog => {
  const watchdog = new SearchWatchdog();
  watchdog.handleStart(T0);
  return watchdog;
};
const wakeOf = (watchdog: SearchWatchdog): Instant => watchdog.nextWake()?.at ?? instant(-1);
const turn = (watchdog: SearchWatchdog): unknown => watchdog.handleTimeout(wakeOf(watchdog));

describe('SearchWatchdog', () => {
  it('sleeps until it is started', () => {
    const watchdog = new SearchWatchdog();
    expect(watchdog.nextWake()).toBeUndefined();
    expect(watchdog.handleTimeout(T0)).toEqual([]);
    expect(watchdog.handleAnswer(T0)).toEqual([]);
  });

  it('searches for us every two minutes and is content with an answer', () => {
    const watchdog = started();
    expect(wakeOf(watchdog)).toBe(after(T0, minutes(2)));
    expect(turn(watchdog)).toEqual([{ kind: 'ask' }]);
    expect(watchdog.handleAnswer(after(T0, minutes(2)))).toEqual([]);
    expect(wakeOf(watchdog)).toBe(after(T0, minutes(4)));
  });

  it('asks a second time before it worries, then joins the group again', () => {
    const watchdog = started();
    expect([turn(watchdog), turn(watchdog), turn(watchdog)]).toEqual([
      [{ kind: 'ask' }],
      [{ kind: 'ask' }],
      [{ kind: 'rejoin', why: 'unanswered' }],
    ]);
    expect(wakeOf(watchdog)).toBe(after(after(T0, minutes(4)), seconds(6)));
  });

  it('says when searches reach us again', () => {
    const watchdog = started();
    for (let i = 0; i < 4; i += 1) turn(watchdog);
    expect(watchdog.handleAnswer(after(T0, minutes(5)))).toEqual([{ kind: 'answered again' }]);
  });

  it('goes on asking and joining for as long as nothing helps, at its usual pace', () => {
    const watchdog = started();
    const joins: Instant[] = [];
    while (wakeOf(watchdog) < minutes(60)) {
      const at = wakeOf(watchdog);
      if (JSON.stringify(turn(watchdog)).includes('rejoin')) joins.push(at);
    }
    expect(joins).toHaveLength(28);
  });

  it('joins again after a quarter of an hour without a search of others, which is how a forgetful switch looks', () => {
    const watchdog = started();
    const outputs: unknown[] = [];
    for (let i = 1; i <= 6; i += 1) {
      turn(watchdog);
      outputs.push(watchdog.handleAnswer(after(T0, minutes(5 * i))));
    }
    expect(outputs).toEqual([[], [], [{ kind: 'rejoin', why: 'quiet' }], [], [], [{ kind: 'rejoin', why: 'quiet' }]]);
  });

  it('leaves membership alone while others are heard', () => {
    const watchdog = started();
    for (let i = 1; i <= 6; i += 1) {
      turn(watchdog);
      watchdog.handleOthersSearch(after(T0, minutes(5 * i)));
      expect(watchdog.handleAnswer(after(after(T0, minutes(5 * i)), seconds(1)))).toEqual([]);
    }
  });
});
