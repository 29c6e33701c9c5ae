import { describe, expect, it } from 'vitest';
import { hexOf, vector } from '../wire/vectors.ts';
import { ANY_REQUEST, ClientDesk, SECOND_ADDRESS, SERVER } from './client-desk.ts';

const holding = (): ClientDesk => {
  const desk = new ClientDesk();
  desk.map(ANY_REQUEST);
  desk.grant();
  desk.forget();
  return desk;
};

describe('asking whether the server is there (RFC 6887 §14.1.1)', () => {
  it('V18 P-50: one ANNOUNCE at the start, before any control point asks (RFC 7723 for anycast)', () => {
    const desk = new ClientDesk({ silent: true });
    expect(desk.sent.map(({ bytes }) => hexOf(bytes))).toEqual([hexOf(vector('V18'))]);
    expect(desk.client.health()).toBe('unknown');
    desk.announce();
    expect(desk.client.health()).toBe('up');
  });

  it('P-50: quietly now and then, within 45 s of the last sign of life while mappings are held', () => {
    const desk = holding();
    desk.advanceTo(35);
    expect(desk.sent).toEqual([]);
    desk.advanceTo(42);
    expect(desk.announces()).toHaveLength(1);
    desk.announce();
    desk.advanceTo(84);
    expect(desk.announces()).toHaveLength(2);
  });

  it('hardly at all when nothing depends on it', () => {
    const desk = new ClientDesk();
    desk.advanceTo(899);
    expect(desk.sent).toEqual([]);
    desk.advanceTo(901);
    expect(desk.announces()).toHaveLength(1);
  });

  it('other traffic counts as a sign of life', () => {
    const desk = holding();
    for (let at = 30; at <= 300; at += 30) {
      desk.advanceTo(at);
      desk.map(ANY_REQUEST);
      desk.grant();
    }
    expect(desk.announces()).toEqual([]);
  });

  it('a server that answers MAP but never ANNOUNCE is not taken for dead', () => {
    const desk = new ClientDesk({ silent: true });
    desk.map(ANY_REQUEST);
    desk.grant();
    desk.advanceTo(300);
    expect(desk.client.health()).toBe('up');
    desk.map(ANY_REQUEST);
    desk.grant();
    expect(desk.outcome(2)?.kind).toBe('granted');
  });
});

describe('a server that lost its state (RFC 6887 §8.5, §14)', () => {
  it('V19 V20 5.3-07: shows by the epoch of an ordinary answer', () => {
    const desk = holding();
    desk.advanceTo(20);
    desk.map(ANY_REQUEST);
    desk.grant({ epoch: 0 });
    expect(desk.has('server lost state')).toEqual([{ kind: 'server lost state', server: 'main' }]);
    expect(desk.outcome(2)?.kind).toBe('granted');
  });

  it('P-52: is told once: the epochs that follow fit', () => {
    const desk = holding();
    desk.advanceTo(20).announce(0);
    // Unasked, it is only asked back; the answer decides, and the ones that follow fit to it.
    expect(desk.has('server lost state')).toEqual([]);
    desk.answerProof({ epoch: 0 });
    for (let at = 21; at < 40; at += 1) desk.advanceTo(at).announce(at - 20);
    expect(desk.has('server lost state')).toHaveLength(1);
    expect(desk.proofs()).toHaveLength(1);
  });

  it('of a server whose clock stands still is told less and less often (RFC 6887 §8.5)', () => {
    const desk = new ClientDesk();
    desk.map(ANY_REQUEST);
    desk.grant();
    desk.forget();
    for (let second = 0; second < 7200; second += 10) {
      desk.advance(10);
      desk.announce(7);
      if (desk.proofs().length > 0) desk.answerProof({ epoch: 7 });
    }
    expect(desk.has('server lost state').length).toBeGreaterThan(6);
    expect(desk.has('server lost state').length).toBeLessThan(14);
  });

  it('P-56 Q-25: an announcement is confirmed under a nonce before anything is renewed (RFC 6887 §14.1.3, §18.1.1)', () => {
    const desk = holding();
    desk.advanceTo(20).announce(0, SERVER, 'multicast');
    expect(desk.proofs()).toHaveLength(1);
    expect(desk.has('server lost state')).toEqual([]);
    desk.answerProof({ epoch: 0 });
    expect(desk.has('server lost state')).toHaveLength(1);
  });

  it('P-56: the answer to an ANNOUNCE has no nonce either: a clock in it that was set back is asked about (RFC 6887 §8.5)', () => {
    const desk = holding();
    desk.advanceTo(42);
    expect(desk.announces()).toHaveLength(1);
    desk.announce(0);
    expect(desk.has('server lost state')).toEqual([]);
    desk.answerProof({ epoch: 0 });
    expect(desk.has('server lost state')).toHaveLength(1);
  });

  it('P-56: a forged announcement comes to nothing', () => {
    const desk = holding();
    desk.advanceTo(20).announce(0, SERVER, 'multicast');
    desk.answerProof();
    desk.advanceTo(30);
    expect(desk.has('server lost state')).toEqual([]);
    expect(desk.proofs()).toHaveLength(1);
  });

  it('P-51 P-52: ten copies lead to one question and one report', () => {
    const desk = holding();
    desk.advanceTo(20).announce(0, SERVER, 'multicast');
    for (let copy = 1; copy < 10; copy += 1) desk.announce(0, SERVER, 'multicast');
    desk.answerProof({ epoch: 0 });
    for (let copy = 0; copy < 5; copy += 1) desk.advance(0.25).announce(0, SERVER, 'multicast');
    expect(desk.proofs()).toHaveLength(1);
    expect(desk.has('server lost state')).toHaveLength(1);
  });

  it('P-52: an announcement whose epoch fits changes nothing', () => {
    const desk = holding();
    desk.advanceTo(20).announce(1020, SERVER, 'multicast');
    expect(desk.sent).toEqual([]);
    expect(desk.outputs).toEqual([]);
  });

  it('P-02 P-51: announcements of strangers are dropped, and those with an error in them', () => {
    const desk = holding();
    desk.announce(0, SECOND_ADDRESS, 'multicast');
    desk.announce(0, { ...SERVER, port: 40000 }, 'multicast');
    const withError = Uint8Array.from(vector('V20'));
    withError[3] = 3;
    desk.hand(withError, SERVER, 'multicast');
    desk.hand(vector('V02'), SERVER, 'multicast');
    expect(desk.ignoredBecause()).toEqual(['not from our server', 'not from our server', 'no match', 'no match']);
    expect(desk.sent).toEqual([]);
  });

  it('P-53: a unicast announcement is heard as well', () => {
    const desk = holding();
    desk.advanceTo(20).announce(0);
    expect(desk.proofs()).toHaveLength(1);
    desk.answerProof({ epoch: 0 });
    expect(desk.has('server lost state')).toHaveLength(1);
  });

  it('answers that overtook each other are asked about, not renewed for', () => {
    const desk = holding();
    desk.advanceTo(20).map(ANY_REQUEST);
    desk.grant({ epoch: 1015 });
    expect(desk.has('server lost state')).toEqual([]);
    expect(desk.proofs()).toHaveLength(1);
    desk.answerProof({ epoch: 1020 });
    desk.advanceTo(30);
    expect(desk.has('server lost state')).toEqual([]);
    expect(desk.proofs()).toHaveLength(1);
  });

  it('a silent restart shows within a minute, even when the first question is lost', () => {
    const desk = holding();
    desk.advanceTo(1).announce(1001);
    desk.advanceTo(60);
    desk.announce(3);
    expect(desk.announces().length).toBeGreaterThanOrEqual(2);
    desk.answerProof({ epoch: 3 });
    expect(desk.has('server lost state')).toHaveLength(1);
  });
});
