import { describe, expect, it } from 'vitest';
import { minutes } from '../../src/base/time.ts';
import { HistoryKeeper } from '../../src/operator/history-keeper.ts';
import { SimulatedWorld } from '../doubles/simulated-host.ts';

describe('the history', () => {
  it('tells twenty refusals a minute, and later how many more there were', async () => {
    const host = new SimulatedWorld().host([]);
    const history = new HistoryKeeper(host.clock, host.log, () => undefined);
    for (let count = 0; count < 1000; count += 1) history.refused(`request ${count} refused`, '192.168.1.9');
    expect(host.lines).toHaveLength(20);
    await host.clock.advance(minutes(1));
    history.refused('one more refused', '192.168.1.9');
    expect(host.lines.slice(20).map(({ message }) => message)).toEqual([
      '980 more requests were refused',
      'one more refused',
    ]);
    await host.clock.advance(minutes(5));
    history.refused('another one refused', '192.168.1.9');
    expect(host.lines).toHaveLength(23);
  });
});
