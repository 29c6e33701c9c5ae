import { describe, expect, it } from 'vitest';
import { portNumber } from '../../../src/base/port-number.ts';
import { ClientDesk, EXACT_REQUEST } from './client-desk.ts';

describe('a release that is on its way already', () => {
  it('is not sent a second time: the second answer would be taken for the next MAP (RFC 6887 §11.3, §15)', () => {
    const desk = new ClientDesk({ settings: { emulatePreferFailure: true } });
    const first = desk.map(EXACT_REQUEST);
    desk.refuse(5, 0);
    desk.grant({ externalPort: portNumber(8081) });
    expect(desk.outcome(first)).toMatchObject({ kind: 'refused', by: 'client' });
    const sent = desk.maps().length;
    expect(desk.lastMap().lifetimeSeconds).toBe(0);
    const release = desk.release(EXACT_REQUEST);
    expect(desk.maps()).toHaveLength(sent);
    desk.grant({ lifetimeSeconds: 0 });
    expect(desk.outcome(release)).toMatchObject({ kind: 'released' });
    const second = desk.map({ ...EXACT_REQUEST, exactPort: false });
    desk.grant({ externalPort: portNumber(8082) });
    expect(desk.outcome(second)).toMatchObject({ kind: 'granted', assignedPort: 8082 });
  });

  it('is sent again when it stays unanswered', () => {
    const desk = new ClientDesk({ settings: { emulatePreferFailure: true } });
    desk.map(EXACT_REQUEST);
    desk.refuse(5, 0);
    desk.grant({ externalPort: portNumber(8081) });
    desk.release(EXACT_REQUEST);
    const sent = desk.maps().length;
    desk.advance(5000);
    expect(desk.maps().length).toBeGreaterThan(sent);
    expect(desk.lastMap().lifetimeSeconds).toBe(0);
  });
});
