// Somebody beside us on the WAN link who forges the server's address. He sees no packet of ours (RFC 6887 §18.1.1), so he
// guesses: the nonce, the port, the moment.

import { describe, expect, it } from 'vitest';
import { nonceFromBytes } from '../../src/pcp/mapping-nonce.ts';
import { seededRandom } from '../doubles/seeded-random.ts';
import { ANY_REQUEST, ClientDesk, SERVER, within } from '../pcp/client-desk.ts';

const GUESSES = 10_000;
const OTHER_PORT = { ...SERVER, port: 5350 };

describe('somebody who forges the address of the PCP server', () => {
  it(`and guesses ${GUESSES} nonces settles nothing, and draws no packet (RFC 6887 §11.4, §18.1.1)`, () => {
    const random = seededRandom(12);
    const desk = new ClientDesk();
    const id = desk.map(ANY_REQUEST, within(1000));
    desk.sent.splice(0, desk.sent.length - 1);
    const before = desk.sent.length;
    for (let guess = 0; guess < GUESSES; guess += 1) desk.grant({ nonce: nonceFromBytes(random.bytes(12)) });
    expect(desk.outcome(id)).toBeUndefined();
    expect(desk.sent).toHaveLength(before);
    desk.grant();
    expect(desk.outcome(id)?.kind).toBe('granted');
  });

  it('and refuses or revokes what we have, without the nonce, takes nothing away (RFC 6887 §11.4)', () => {
    const random = seededRandom(13);
    const desk = new ClientDesk();
    desk.map(ANY_REQUEST, within(1000));
    desk.grant();
    for (let guess = 0; guess < 1000; guess += 1)
      desk.grant({ nonce: nonceFromBytes(random.bytes(12)), code: 2, lifetimeSeconds: 0 });
    expect(desk.view().held).toBe(1);
    expect(desk.has('settled')).toHaveLength(1);
  });

  it('and announces a restart a thousand times draws one question, no renewal (RFC 6887 §14.1.3)', () => {
    const desk = new ClientDesk();
    desk.map(ANY_REQUEST, within(1000));
    desk.grant();
    desk.advance(100);
    desk.sent.length = 0;
    for (let count = 0; count < 1000; count += 1) desk.announce(0, SERVER, 'multicast');
    expect(desk.announces()).toHaveLength(1);
    expect(desk.maps()).toEqual([]);
    desk.announce();
    desk.advance(110);
    expect(desk.maps()).toEqual([]);
  });

  it('from another port is not the server (RFC 6887 §8.3)', () => {
    const desk = new ClientDesk();
    const id = desk.map(ANY_REQUEST, within(1000));
    desk.grant({}, OTHER_PORT);
    expect(desk.outcome(id)).toBeUndefined();
  });
});
