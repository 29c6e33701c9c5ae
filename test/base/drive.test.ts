import { describe, expect, it } from 'vitest';
import { Driver } from '../../src/base/drive.ts';
import type { Machine, Wake } from '../../src/base/machine.ts';
import { after, type Instant, milliseconds, seconds } from '../../src/base/time.ts';
import { VirtualClock } from '../doubles/virtual-clock.ts';

type Output = { readonly kind: 'rang'; readonly at: Instant };

class Alarm implements Machine<Output> {
  #at: Instant | undefined;

  set(at: Instant): readonly Output[] {
    this.#at = at;
    return [];
  }

  nextWake(): Wake | undefined {
    return this.#at === undefined ? undefined : { at: this.#at, why: 'ring' };
  }

  handleTimeout(now: Instant): readonly Output[] {
    this.#at = undefined;
    return [{ kind: 'rang', at: now }];
  }
}

describe('the driver', () => {
  it('wakes each machine when it asked to be woken, with one timer', async () => {
    const clock = new VirtualClock();
    const start = clock.now();
    const driver = new Driver(clock);
    const rings: [string, number][] = [];
    const a = driver.add('a', new Alarm(), (output) => rings.push(['a', output.at - start]));
    const b = driver.add('b', new Alarm(), (output) => rings.push(['b', output.at - start]));
    a.run((machine) => machine.set(after(start, seconds(20))));
    b.run((machine) => machine.set(after(start, seconds(10))));
    expect(driver.wakes().map(({ who }) => who)).toEqual(['b', 'a']);
    await clock.advance(seconds(30));
    expect(rings).toEqual([
      ['b', 10_000],
      ['a', 20_000],
    ]);
    expect(driver.wakes()).toEqual([]);
  });

  it('an earlier wake replaces the timer; a removed machine is not woken', async () => {
    const clock = new VirtualClock();
    const start = clock.now();
    const driver = new Driver(clock);
    const rings: number[] = [];
    const alarm = driver.add('a', new Alarm(), (output) => rings.push(output.at - start));
    const gone = driver.add('gone', new Alarm(), () => rings.push(-1));
    gone.run((machine) => machine.set(after(start, seconds(1))));
    gone.remove();
    alarm.run((machine) => machine.set(after(start, seconds(20))));
    alarm.run((machine) => machine.set(after(start, seconds(5))));
    await clock.advance(seconds(60));
    expect(rings).toEqual([5000]);
  });

  it('a machine that always asks for the present cannot stop the others', async () => {
    const clock = new VirtualClock();
    const driver = new Driver(clock);
    const restless: Machine<never> = {
      nextWake: () => ({ at: clock.now(), why: 'now' }),
      handleTimeout: () => [],
    };
    let rang = false;
    const alarm = driver.add('alarm', new Alarm(), () => {
      rang = true;
    });
    alarm.run((machine) => machine.set(after(clock.now(), milliseconds(0))));
    const part = driver.add('restless', restless, () => {});
    await clock.advanceUntil(after(clock.now(), seconds(1)), () => rang);
    expect(rang).toBe(true);
    part.remove();
    driver.close();
  });

  it('is silent after it was closed', async () => {
    const clock = new VirtualClock();
    const driver = new Driver(clock);
    let rings = 0;
    const alarm = driver.add('a', new Alarm(), () => {
      rings += 1;
    });
    alarm.run((machine) => machine.set(after(clock.now(), seconds(1))));
    driver.close();
    await clock.advance(seconds(5));
    expect(rings).toBe(0);
  });
});
