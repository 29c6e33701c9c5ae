import { describe, expect, it } from 'vitest';
import { portNumber } from '../../../src/base/port-number.ts';
import { type Instant, instant } from '../../../src/base/time.ts';
import { Pacing } from '../../../src/pcp/asking/request-sender.ts';
import { ANY_REQUEST, ClientDesk, within } from './client-desk.ts';

const at = (s: number): Instant => instant(s * 1000);

describe('Pacing', () => {
  it('a burst, then the rate', () => {
    const pacing = new Pacing<number>({ packetsPerSecond: 10, burst: 3, inFlight: 100 }, false);
    for (let i = 0; i < 6; i += 1) pacing.enqueue(i, i);
    const sent: [number, number][] = [];
    for (let now = at(0); pacing.queued > 0; ) {
      const item = pacing.next(now);
      if (item === undefined) now = pacing.nextAt() ?? now;
      else sent.push([item, now / 1000]);
    }
    expect(sent).toEqual([
      [0, 0],
      [1, 0],
      [2, 0],
      [3, 0.1],
      [4, 0.2],
      [5, 0.3],
    ]);
  });

  it('no more in flight than allowed, until answered or overdue', () => {
    const pacing = new Pacing<string>({ packetsPerSecond: 1000, burst: 10, inFlight: 2 }, false);
    for (const name of ['a', 'b', 'c', 'd']) {
      pacing.enqueue(name, 1);
    }
    const first = [pacing.next(at(0)), undefined, undefined];
    pacing.sent(first[0] ?? '', at(3));
    const second = pacing.next(at(0)) ?? '';
    pacing.sent(second, at(4));
    expect(pacing.next(at(0))).toBeUndefined();
    expect(pacing.nextAt()).toBe(3000);
    pacing.drop(second);
    expect(pacing.next(at(0))).toBeDefined();
    expect(pacing.next(at(3))).toBeDefined();
  });

  it('somebody who waits passes the bound, unless the protocol is one at a time (RFC 6886 §3.1)', () => {
    for (const isSerial of [false, true]) {
      const pacing = new Pacing<string>({ packetsPerSecond: 1000, burst: 10, inFlight: 1 }, isSerial);
      pacing.enqueue('renewal', 5);
      pacing.sent(pacing.next(at(0)) ?? '', at(3));
      pacing.enqueue('wanted', -1);
      expect(pacing.next(at(0))).toBe(isSerial ? undefined : 'wanted');
    }
  });
});

describe('a mass renewal', () => {
  const many = 300;
  const desk = (): ClientDesk => {
    const made = new ClientDesk({ settings: { pacing: { packetsPerSecond: 50, burst: 10, inFlight: 20 } } });
    for (let i = 0; i < many; i += 1) {
      const request = { ...ANY_REQUEST, internalPort: portNumber(1000 + i), suggestedPort: portNumber(1000 + i) };
      // Later ones expire earlier.
      made.map(request, { kind: 'keep trying', until: made.instant(3600 - i) });
    }
    return made;
  };

  it('goes out oldest expiry first, with bounded requests in flight', () => {
    const mass = desk();
    expect(mass.maps()).toHaveLength(10);
    mass.advance(0.5);
    expect(mass.maps()).toHaveLength(20);
    mass.advance(1);
    expect(mass.maps()).toHaveLength(20);
    const order = mass.maps().map(({ request }) => (request?.kind === 'map' ? request.internalPort : 0));
    // What came before the queue built up went at once; from then on the earliest expiry.
    expect(order.slice(10, 14)).toEqual([1299, 1298, 1297, 1296]);
    expect(mass.view()).toMatchObject({ queued: 280, inFlight: 20 });
  });

  it('a control point’s request is not stuck behind it', () => {
    const mass = desk();
    mass.advance(1);
    mass.forget();
    const id = mass.map({ ...ANY_REQUEST, internalPort: portNumber(9) }, within(4));
    expect(mass.maps()).toHaveLength(1);
    mass.grant();
    expect(mass.outcome(id)?.kind).toBe('granted');
  });

  it('a release passes the renewals that wait', () => {
    const mass = desk();
    mass.advance(1);
    mass.forget();
    mass.release({ ...ANY_REQUEST, internalPort: portNumber(99) });
    mass.advance(0.1);
    expect(mass.lastMap()).toMatchObject({ internalPort: 99, lifetimeSeconds: 0 });
  });

  it('a release that a control point waits for is not paced at all', () => {
    const mass = desk();
    mass.advance(1);
    mass.forget();
    for (let port = 1; port <= 200; port += 1)
      mass.release({ ...ANY_REQUEST, internalPort: portNumber(10_000 + port) }, 60, true);
    expect(mass.maps().filter(({ request }) => request?.kind === 'map' && request.lifetimeSeconds === 0)).toHaveLength(
      200,
    );
  });

  it('ends, each answered request making room for the next', () => {
    const mass = desk();
    for (let round = 0; round < 1000 && mass.view().held < many; round += 1) {
      mass.advance(0.02);
      const waiting = mass.maps();
      mass.sent.length = 0;
      for (const { request } of waiting) {
        if (request?.kind !== 'map') continue;
        mass.sent.push({ at: 0, to: '', bytes: new Uint8Array(), request });
        mass.grant();
        mass.sent.shift();
      }
    }
    expect(mass.view()).toMatchObject({ held: many, queued: 0 });
    expect(mass.now).toBeLessThan(10);
  });
});
