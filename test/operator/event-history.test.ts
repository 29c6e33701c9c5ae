import { describe, expect, it } from 'vitest';
import { hours, milliseconds, minutes, wallTime } from '../../src/base/time.ts';
import { EventHistory, SAMPLE_EVERY } from '../../src/operator/event-history.ts';

const at = (minute: number) => wallTime(minutes(minute));
const event = (minute: number) => ({ at: at(minute), kind: 'granted', level: 'info', text: `at ${minute}` }) as const;

describe('EventHistory', () => {
  it('shows the last day, latest first', () => {
    const history = new EventHistory();
    for (const minute of [0, 30, 24 * 60 + 10]) history.add(event(minute));
    expect(history.view(at(24 * 60 + 20)).events.map(({ text }) => text)).toEqual(['at 1450', 'at 30']);
  });

  it('stays bounded in a storm, and counts what it forgot', () => {
    const history = new EventHistory();
    for (let i = 0; i < 2000; i += 1) history.add(event(1));
    expect(history.view(at(2)).events).toHaveLength(500);
    expect(history.view(at(2)).forgotten).toBe(1500);
  });

  it('keeps the news of others when one host opens and closes ports all day', () => {
    const history = new EventHistory();
    for (let i = 0; i < 20; i += 1) history.add({ ...event(1), host: '192.168.1.20', text: `quiet ${i}` });
    history.add({ ...event(1), kind: 'server', text: 'the server restarted' });
    for (let i = 0; i < 5000; i += 1) history.add({ ...event(2), host: '192.168.1.66' });
    const { events, forgotten } = history.view(at(3));
    expect(events).toHaveLength(500);
    expect(events.filter(({ host }) => host === '192.168.1.20')).toHaveLength(20);
    expect(events.filter(({ kind }) => kind === 'server')).toHaveLength(1);
    expect(forgotten).toBe(4521);
  });

  it('keeps a day of samples, one for each five minutes, however often it is fed', () => {
    const history = new EventHistory();
    for (let i = 0; i < 3 * 24 * 60; i += 1) history.sample({ at: at(i), mappings: i, roundTrip: milliseconds(1) });
    const { samples } = history.view(at(3 * 24 * 60));
    expect(samples.length).toBeLessThanOrEqual(hours(24) / SAMPLE_EVERY + 2);
    expect(samples.length).toBeGreaterThan(280);
    expect(samples.at(-1)?.mappings).toBe(3 * 24 * 60 - 1);
  });

  it('survives a calendar clock that is set back', () => {
    const history = new EventHistory();
    history.sample({ at: at(1000), mappings: 1, roundTrip: undefined });
    history.sample({ at: at(1010), mappings: 2, roundTrip: undefined });
    history.sample({ at: at(10), mappings: 3, roundTrip: undefined });
    expect(history.view(at(10)).samples.at(-1)?.mappings).toBe(3);
  });
});
