// What arrives late, twice or in another order than it was sent must not leave a hole nobody knows of, nor close one
// that is wanted.

import { describe, expect, it } from 'vitest';
import { portNumber } from '../../../src/base/port-number.ts';
import { CANNOT_PROVIDE_EXTERNAL, NETWORK_FAILURE } from '../../../src/pcp/asking/result-code.ts';
import { OTHER_NONCE } from '../wire/values.ts';
import { ANY_REQUEST, ClientDesk, EXACT_REQUEST, within } from './client-desk.ts';

const DELETED = { lifetimeSeconds: 0, externalPort: portNumber(0) } as const;

function mapped(desk: ClientDesk, request = ANY_REQUEST): void {
  desk.map(request);
  desk.grant();
  desk.forget();
}

describe('a release and the answers around it', () => {
  it('P-72: a copy of the grant that comes late does not pass for the answer to the deletion', () => {
    const desk = new ClientDesk();
    desk.map(ANY_REQUEST);
    const first = desk.lastMap();
    desk.grant();
    desk.advance(0.2);
    const id = desk.release(ANY_REQUEST);
    desk.grantTo(first);
    expect(desk.outcome(id)).toBeUndefined();
    desk.advance(4);
    expect(desk.maps().filter(({ request }) => request?.lifetimeSeconds === 0)).toHaveLength(2);
    desk.grant(DELETED);
    expect(desk.outcome(id)).toMatchObject({ kind: 'released', busyFor: 0 });
  });

  it('a grant for a packet that was overtaken by the deletion is deleted again (RFC 6887 §15)', () => {
    const desk = new ClientDesk();
    mapped(desk);
    desk.map({ ...ANY_REQUEST }, { kind: 'one packet', until: desk.instant(100) });
    const renewal = desk.lastMap();
    desk.release(ANY_REQUEST);
    desk.grant(DELETED);
    desk.advance(1);
    desk.forget();
    desk.grantTo(renewal);
    expect(desk.maps().map(({ request }) => request?.lifetimeSeconds)).toEqual([0]);
    desk.grant(DELETED);
    desk.advance(100);
    expect(desk.maps()).toHaveLength(1);
  });

  it('a grant that follows the refusal of an earlier request is deleted: whoever asked was told no (RFC 6887 §8.3)', () => {
    const desk = new ClientDesk();
    desk.map(EXACT_REQUEST, within(4));
    const first = desk.lastMap();
    desk.advance(5);
    const id = desk.map({ ...ANY_REQUEST, suggestedPort: portNumber(8081) }, within(4));
    const second = desk.lastMap();
    desk.grantTo(first, { code: CANNOT_PROVIDE_EXTERNAL, lifetimeSeconds: 120 });
    expect(desk.outcome(id)).toMatchObject({ kind: 'refused', code: CANNOT_PROVIDE_EXTERNAL });
    const deletions = () => desk.maps().filter(({ request }) => request?.lifetimeSeconds === 0);
    desk.grant(DELETED);
    expect(deletions()).toHaveLength(1);
    desk.grantTo(second, { externalPort: portNumber(8082) });
    expect(deletions()).toHaveLength(2);
  });

  it('a grant that follows a refusal does not pass for the answer to the release behind it (RFC 6887 §8.3, §15)', () => {
    const desk = new ClientDesk();
    desk.map(EXACT_REQUEST, { kind: 'keep trying', until: desk.instant(600) });
    desk.advance(4);
    const second = desk.lastMap();
    desk.refuse(CANNOT_PROVIDE_EXTERNAL, 120);
    const id = desk.release(EXACT_REQUEST, 60, true);
    desk.grantTo(second);
    expect(desk.outcome(id)).toBeUndefined();
    desk.grant(DELETED);
    expect(desk.outcome(id)).toMatchObject({ kind: 'released', busyFor: 0 });
  });

  it('P-72: once it is granted, an old refusal keeps no answer from the release', () => {
    const desk = new ClientDesk();
    desk.map(EXACT_REQUEST, { kind: 'keep trying', until: desk.instant(600) });
    desk.refuse(NETWORK_FAILURE, 1);
    desk.advance(2);
    mapped(desk, EXACT_REQUEST);
    desk.advance(20);
    const id = desk.release(EXACT_REQUEST, 60, true);
    desk.grant({ lifetimeSeconds: 100, externalPort: portNumber(8080) });
    expect(desk.outcome(id)).toMatchObject({ kind: 'released', busyFor: 100_000 });
  });

  it('what a given-up request has made is deleted when the next one under its key is refused (RFC 6887 §11.3, §15)', () => {
    const desk = new ClientDesk();
    desk.map(ANY_REQUEST, within(2));
    desk.advance(3).forget();
    const id = desk.map({ ...EXACT_REQUEST, suggestedPort: portNumber(8081) }, within(4));
    // The server made the first one after all: the same internal port has another external one.
    desk.refuse(CANNOT_PROVIDE_EXTERNAL, 120);
    expect(desk.outcome(id)).toMatchObject({ kind: 'refused', code: CANNOT_PROVIDE_EXTERNAL });
    expect(desk.maps().at(-1)?.request?.lifetimeSeconds).toBe(0);
  });

  it('a grant that comes long after the release is nobody’s any more', () => {
    const desk = new ClientDesk();
    mapped(desk);
    const id = desk.map(ANY_REQUEST);
    const late = desk.lastMap();
    desk.grant();
    expect(desk.outcome(id)?.kind).toBe('granted');
    desk.release(ANY_REQUEST);
    desk.grant(DELETED);
    desk.advance(600);
    desk.forget();
    desk.grantTo(late);
    expect(desk.maps()).toHaveLength(0);
  });

  it('a deletion that arrives behind the mapping made anew is noticed by its answer: the mapping is in doubt (RFC 6887 §15)', () => {
    const desk = new ClientDesk();
    mapped(desk);
    desk.release(ANY_REQUEST);
    const deletion = desk.lastMap();
    desk.map(ANY_REQUEST);
    desk.grant();
    desk.forget();
    desk.grantTo(deletion, DELETED);
    expect(desk.has('mapping updated').map(({ update }) => update.change)).toEqual([{ kind: 'doubted' }]);
  });

  it('a withdrawal goes on until it is answered, though other answers come meanwhile', () => {
    const desk = new ClientDesk();
    const other = { ...ANY_REQUEST, internalPort: portNumber(40081), nonce: OTHER_NONCE };
    mapped(desk, other);
    desk.map(ANY_REQUEST, within(4));
    desk.advance(4);
    desk.announce();
    desk.forget();
    for (let step = 0; step < 24; step += 1) {
      desk.advance(5);
      desk.map(other);
      desk.grant();
    }
    const releases = desk.maps().filter(({ request }) => request?.lifetimeSeconds === 0);
    expect(releases.map(({ at }) => Math.round(at))).toEqual([7, 13, 25, 49, 97]);
  });

  it('a release that takes over a withdrawal under way does not wait for its long timeout', () => {
    const desk = new ClientDesk();
    desk.map(ANY_REQUEST, within(4));
    desk.advance(1);
    desk.announce();
    desk.advance(13);
    desk.forget();
    desk.release(ANY_REQUEST, 60, true);
    expect(desk.maps()).toHaveLength(1);
  });
});

describe('a request that meets another one of its mapping', () => {
  it('a renewal that falls due does not take the answer from a control point', () => {
    const desk = new ClientDesk();
    mapped(desk);
    const refresh = desk.map(ANY_REQUEST, within(4));
    const renewal = desk.map(ANY_REQUEST, { kind: 'one packet', until: desk.instant(100) });
    expect(desk.outcome(refresh)).toBeUndefined();
    expect(desk.outcome(renewal)).toEqual({ kind: 'unanswered', why: 'no answer in time' });
    desk.grant();
    expect(desk.outcome(refresh)?.kind).toBe('granted');
  });

  it('a recovery that is refused leaves what the server may still have alone', () => {
    const desk = new ClientDesk();
    desk.map(ANY_REQUEST, { kind: 'keep trying', until: desk.instant(600) });
    desk.advance(4);
    desk.refuse(NETWORK_FAILURE, 30);
    desk.advance(30);
    expect(desk.maps().filter(({ request }) => request?.lifetimeSeconds === 0)).toHaveLength(0);
  });
});

describe('what was refused, and ports of our own', () => {
  const rival = { ...EXACT_REQUEST, internalPort: portNumber(40081), nonce: OTHER_NONCE };

  it('a refusal of our port to somebody else does not keep it from being renewed (RFC 6887 §13.2)', () => {
    const desk = new ClientDesk();
    mapped(desk, EXACT_REQUEST);
    const refused = desk.map(rival);
    desk.refuse(CANNOT_PROVIDE_EXTERNAL, 0);
    expect(desk.outcome(refused)?.kind).toBe('refused');
    desk.forget();
    const renewal = desk.map(EXACT_REQUEST, { kind: 'one packet', until: desk.instant(100) });
    expect(desk.outcome(renewal)).toBeUndefined();
    expect(desk.maps()).toHaveLength(1);
  });

  it('a port that became free as our mapping ended can be asked for at once', () => {
    const desk = new ClientDesk();
    desk.map({ ...EXACT_REQUEST, lifetimeSeconds: 120 });
    desk.grant();
    desk.map(rival);
    desk.refuse(CANNOT_PROVIDE_EXTERNAL, 0);
    desk.advance(130);
    desk.announce();
    desk.forget();
    const again = desk.map(rival);
    expect(desk.outcome(again)).toBeUndefined();
  });

  it('a port our mapping moved away from can be asked for at once', () => {
    const desk = new ClientDesk();
    mapped(desk);
    desk.map(rival);
    desk.refuse(CANNOT_PROVIDE_EXTERNAL, 0);
    desk.map(ANY_REQUEST);
    desk.grant({ externalPort: portNumber(9090) });
    const again = desk.map(rival);
    expect(desk.outcome(again)).toBeUndefined();
  });
});
