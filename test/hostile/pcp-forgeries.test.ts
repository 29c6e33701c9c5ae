// Somebody beside us on the WAN link who forges the server's address. He sees no packet of ours (RFC 6887 §18.1.1), so he
// guesses: the nonce, the port, the moment.

import { describe, expect, it } from 'vitest';
import { portNumber } from '../../src/base/port-number.ts';
import { nonceFromBytes } from '../../src/pcp/asking/mapping-nonce.ts';
import { seededRandom } from '../doubles/seeded-random.ts';
import { ANY_REQUEST, ClientDesk, SERVER, vector, within } from '../pcp/asking/client-desk.ts';
import { OTHER_NONCE } from '../pcp/wire/values.ts';

const GUESSES = 10_000;
const holding = (): ClientDesk => {
  const desk = new ClientDesk();
  desk.map(ANY_REQUEST);
  desk.grant();
  desk.forget();
  return desk;
};

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
    desk.advance(20);
    desk.sent.length = 0;
    for (let count = 0; count < 1000; count += 1) desk.announce(0, SERVER, 'multicast');
    expect(desk.announces()).toHaveLength(0);
    expect(desk.proofs()).toHaveLength(1);
    expect(desk.maps()).toEqual([]);
    desk.answerProof();
    desk.advance(110);
    expect(desk.maps()).toEqual([]);
    expect(desk.has('server lost state')).toEqual([]);
  });

  it('and answers our ANNOUNCE with a clock that was set back has nothing renewed (RFC 6887 §8.5, §18.1.1)', () => {
    const desk = holding();
    desk.advance(42);
    expect(desk.announces()).toHaveLength(1);
    for (let count = 0; count < 100; count += 1) desk.announce(0);
    expect(desk.has('server lost state')).toEqual([]);
    desk.answerProof();
    expect(desk.has('server lost state')).toEqual([]);
    expect(desk.proofs()).toHaveLength(1);
  });

  it.each(['N01', 'N02', 'V33'])(
    'and refuses our version (%s) changes nothing where the server answers under a nonce (RFC 6887 §9)',
    (id) => {
      const desk = holding();
      desk.map({ ...ANY_REQUEST, suggestedPort: portNumber(8081) }, within(4));
      for (let count = 0; count < 1000; count += 1) desk.hand(vector(id));
      expect(desk.view().protocol).toBe('PCP');
      expect(desk.client.health()).toBe('up');
      expect(desk.proofs()).toHaveLength(1);
      desk.answerProof();
      desk.advance(100);
      expect(desk.view().protocol).toBe('PCP');
      expect(desk.has('version unusable')).toEqual([]);
      expect(desk.has('protocol changed')).toEqual([]);
    },
  );

  it('and refuses our version is believed only when the server leaves the question under a nonce unanswered (RFC 6887 §9)', () => {
    const desk = holding();
    desk.map({ ...ANY_REQUEST, suggestedPort: portNumber(8081) }, within(100));
    desk.hand(vector('N02'));
    desk.advance(40);
    expect(desk.view().protocol).toBe('PCP');
    desk.advance(10);
    expect(desk.view().protocol).toBe('NAT-PMP');
  });

  it('and says ADDRESS_MISMATCH to an ANNOUNCE does not switch the server off (RFC 6887 §7.4)', () => {
    const desk = holding();
    desk.advance(42);
    expect(desk.announces()).toHaveLength(1);
    desk.refuse(12, 1800);
    expect(desk.client.health()).toBe('up');
    expect(desk.proofs()).toHaveLength(1);
    desk.answerProof({ code: 12, lifetimeSeconds: 600 });
    expect(desk.client.health()).toBe('down');
  });

  it('sends ICMP errors: each request has one more packet, the server is down only after the usual silence (RFC 5927 §4)', () => {
    const desk = holding();
    const id = desk.map({ ...ANY_REQUEST, suggestedPort: portNumber(8081) }, within(100));
    const start = desk.now;
    for (let step = 0; step < 44; step += 1) {
      for (let copy = 0; copy < 10; copy += 1) desk.do((client, now) => client.handleUnreachable(SERVER, now));
      desk.advance(1);
    }
    expect(desk.client.health()).toBe('up');
    expect(desk.outcome(id)).toBeUndefined();
    expect(desk.maps().map(({ at }) => at - start)).toEqual([0, 0.5, 3, 3.5, 9, 9.5, 21]);
    desk.advance(2);
    expect(desk.client.health()).toBe('down');
  });

  it('writes answers that match nothing keeps no silent server alive (RFC 6887 §11.4)', () => {
    const desk = holding();
    desk.map({ ...ANY_REQUEST, suggestedPort: portNumber(8081) }, within(100));
    for (let second = 0; second < 46; second += 1) {
      desk.grant({ nonce: OTHER_NONCE });
      desk.advance(1);
    }
    expect(desk.client.health()).toBe('down');
  });

  it('from another port is not the server (RFC 6887 §8.3)', () => {
    const desk = new ClientDesk();
    const id = desk.map(ANY_REQUEST, within(1000));
    desk.grant({}, OTHER_PORT);
    expect(desk.outcome(id)).toBeUndefined();
  });
});
