import { describe, expect, it } from 'vitest';
import { ANY_IPV4, IpAddress } from '../../../src/base/ip-address.ts';
import { ANY_PORT, portNumber } from '../../../src/base/port-number.ts';
import { hours } from '../../../src/base/time.ts';
import type { MapRequest } from '../../../src/pcp/asking/map-request.ts';
import { nonceFromBytes, parseNonce } from '../../../src/pcp/asking/mapping-nonce.ts';
import { EXTERNAL, LAN_HOST, OTHER_NONCE, PEER, WAN, WAN_IPV6 } from '../wire/values.ts';
import { hexOf, vector } from '../wire/vectors.ts';
import { ANY_REQUEST, ClientDesk, candidate, EXACT_REQUEST, MAIN, SERVER, within } from './client-desk.ts';

const lastHex = (desk: ClientDesk): string => hexOf(desk.sent.at(-1)?.bytes ?? new Uint8Array());

describe('what a request looks like', () => {
  it.each<[string, string, MapRequest]>([
    ['V01', 'IWF-55: without PREFER_FAILURE when any port will do', ANY_REQUEST],
    ['V03', 'P-12 IWF-63: with PREFER_FAILURE when one port is demanded (RFC 6887 §13.2)', EXACT_REQUEST],
    [
      'V07',
      'P-14: FILTER for one remote peer, prefix 128 (RFC 6887 §13.3)',
      {
        ...EXACT_REQUEST,
        protocol: 'UDP',
        internalPort: portNumber(0x9c75),
        suggestedPort: portNumber(0x14e9),
        remotePeers: [PEER],
      },
    ],
    ['V14', 'IWF-84: ffffffff for an endless lease', { ...EXACT_REQUEST, lifetimeSeconds: 0xffff_ffff }],
    [
      'V15',
      'P-41: a renewal suggests what was assigned and keeps its nonce (RFC 6887 §11.2.1)',
      { ...EXACT_REQUEST, suggestedAddress: EXTERNAL },
    ],
  ])('%s %s', (id, _title, request) => {
    const desk = new ClientDesk();
    desk.map(request);
    expect(lastHex(desk)).toBe(hexOf(vector(id)));
  });

  it('V09 P-07: plain mode over IPv6 names the LAN host as third party, our IPv6 address in the header (DS-Lite)', () => {
    const endpoint = { address: IpAddress.of('2001:db8::53'), port: 5351 };
    const server = { id: MAIN, addresses: [{ endpoint, source: WAN_IPV6 }] };
    const desk = new ClientDesk({ servers: [server] });
    desk.map({ ...EXACT_REQUEST, internalPort: portNumber(8080), thirdParty: LAN_HOST });
    expect(lastHex(desk)).toBe(hexOf(vector('V09')));
    desk.hand(vector('V10'), endpoint);
    expect(desk.outcome(1)).toMatchObject({ kind: 'granted', internalAddress: LAN_HOST });
  });

  it('P-05: the source address stands in the header (RFC 6887 §8.1)', () => {
    const desk = new ClientDesk();
    desk.map(ANY_REQUEST);
    expect(desk.lastMap().clientAddress.text).toBe(WAN.text);
  });

  it('P-04: no preference for an address is written as any IPv4, ::ffff:0:0 (RFC 6887 §5)', () => {
    const desk = new ClientDesk();
    desk.map(ANY_REQUEST);
    expect(hexOf(desk.lastMap().externalAddress.bytes)).toBe(`${'00'.repeat(10)}ffff00000000`);
    expect(desk.lastMap().externalAddress.equals(ANY_IPV4)).toBe(true);
  });

  it('P-11: a third party that is the sender itself is left out (RFC 6887 §13.1)', () => {
    const desk = new ClientDesk();
    desk.map({ ...ANY_REQUEST, thirdParty: WAN });
    expect(desk.lastMap().options).toEqual([]);
    desk.grant();
    expect(desk.outcome(1)?.kind).toBe('granted');
  });

  it('V08 P-14 Q-14 5.3-17: a renewal clears the filters first, as they add up (RFC 6887 §13.3)', () => {
    const desk = new ClientDesk();
    const request = { ...EXACT_REQUEST, remotePeers: [PEER], suggestedAddress: EXTERNAL };
    desk.map(request);
    expect(
      desk.lastMap().options.map((option) => (option.kind === 'filter' ? option.prefixBits : option.kind)),
    ).toEqual(['prefer failure', 0, 128]);
  });

  it('Q-14: sends the one FILTER that counts when a server does not take two (RFC 6887 §13.3)', () => {
    const desk = new ClientDesk();
    desk.map({ ...ANY_REQUEST, remotePeers: [PEER], suggestedAddress: EXTERNAL });
    desk.refuse(13, 1800);
    expect(desk.lastMap().options).toHaveLength(1);
    desk.grant();
    expect(desk.outcome(1)?.kind).toBe('granted');
    desk.map({ ...ANY_REQUEST, remotePeers: [PEER], suggestedAddress: EXTERNAL });
    expect(desk.lastMap().options).toHaveLength(1);
  });

  it('V27 IWF-13: DESCRIPTION when there is one, filled up so that it needs no padding (RFC 7220 §3)', () => {
    const desk = new ClientDesk();
    desk.map({ ...EXACT_REQUEST, description: 'Camera' });
    const padded = `80000006${hexOf(new TextEncoder().encode('Camera'))}0000`;
    const filled = `80000008${hexOf(new TextEncoder().encode('Camera  '))}`;
    expect(lastHex(desk)).toBe(hexOf(vector('V27')).replace(padded, filled));
  });
});

describe('retransmission (RFC 6887 §8.1.1)', () => {
  it('P-35 P-36: sends at 0, 3, 9, 21, 45 s and so on, up to 1024 s apart', () => {
    const desk = new ClientDesk();
    desk.map(ANY_REQUEST, { kind: 'keep trying', until: desk.instant(4000) });
    // Something else keeps the server alive; otherwise it would be given up after four tries.
    for (let at = 2; at < 4000; at += 2) desk.advanceTo(at).announce();
    expect(desk.maps().map(({ at }) => at)).toEqual([0, 3, 9, 21, 45, 93, 189, 381, 765, 1533, 2557, 3581]);
  });

  it('P-33: every retransmission is the same packet, nonce included', () => {
    const desk = new ClientDesk();
    desk.map(ANY_REQUEST);
    desk.advanceTo(10);
    expect(new Set(desk.maps().map(({ bytes }) => hexOf(bytes)))).toEqual(new Set([hexOf(vector('V01'))]));
    expect(desk.maps()).toHaveLength(3);
  });

  it('Q-12: gives up when the budget is over, not before', () => {
    const desk = new ClientDesk();
    const id = desk.map(ANY_REQUEST, within(4));
    desk.advanceTo(3.9);
    expect(desk.outcome(id)).toBeUndefined();
    desk.advanceTo(4);
    expect(desk.outcome(id)).toEqual({ kind: 'unanswered', why: 'no answer in time' });
    expect(desk.maps().map(({ at }) => at)).toEqual([0, 3]);
  });

  it('P-40: a renewal is one packet, unanswered when its window is over (RFC 6887 §11.2.1)', () => {
    const desk = new ClientDesk();
    const id = desk.map(ANY_REQUEST, { kind: 'one packet', until: desk.instant(900) });
    for (let at = 30; at < 900; at += 30) desk.advanceTo(at).announce();
    desk.advanceTo(900);
    expect(desk.maps()).toHaveLength(1);
    expect(desk.outcome(id)).toEqual({ kind: 'unanswered', why: 'no answer in time' });
  });
});

describe('what an answer means', () => {
  it('5.3-01 5.3-02 P-43: takes the port, address and lifetime of the response, not of the request (V02)', () => {
    const desk = new ClientDesk();
    const id = desk.map(ANY_REQUEST);
    desk.hand(vector('V02'));
    expect(desk.outcome(id)).toMatchObject({
      kind: 'granted',
      server: 'main',
      assignedPort: 6598,
      lifetime: 1_800_000,
    });
  });

  it('5.3-12 P-13: another port under PREFER_FAILURE is no answer; at the end of the budget it is released and refused', () => {
    const desk = new ClientDesk();
    const id = desk.map(EXACT_REQUEST, within(4));
    desk.grant({ externalPort: portNumber(8081) });
    expect(desk.outcome(id)).toBeUndefined();
    expect(desk.ignoredBecause()).toEqual(['another port than asked']);
    desk.advanceTo(4);
    expect(desk.outcome(id)).toMatchObject({ kind: 'refused', code: 11, by: 'client' });
    expect(desk.maps().at(-1)?.request).toMatchObject({ lifetimeSeconds: 0, nonce: EXACT_REQUEST.nonce });
  });

  it('P-13: a server that answers every packet with another port is not waited for any longer', () => {
    const desk = new ClientDesk();
    const id = desk.map(EXACT_REQUEST, { kind: 'keep trying', until: desk.instant(3600) });
    for (const at of [0, 3, 9, 21]) desk.advanceTo(at).grant({ externalPort: portNumber(8081) });
    expect(desk.outcome(id)).toMatchObject({ kind: 'refused', code: 11, lifetimeSeconds: 0, by: 'client' });
    desk.forget();
    const again = desk.map({ ...EXACT_REQUEST, internalPort: portNumber(7) }, within(4));
    expect(desk.outcome(again)).toMatchObject({
      kind: 'refused',
      code: 11,
      lifetimeSeconds: 0,
      by: 'memory',
      hold: 30_000,
    });
  });

  it('P-13: the right port after a stray one is taken (RFC 6887 §13.2)', () => {
    const desk = new ClientDesk();
    const id = desk.map(EXACT_REQUEST, within(4));
    desk.grant({ externalPort: portNumber(8081) });
    desk.advance(1).grant();
    expect(desk.outcome(id)).toMatchObject({ kind: 'granted', assignedPort: 8080 });
    desk.advanceTo(30);
    expect(desk.maps().filter(({ request }) => request?.lifetimeSeconds === 0)).toEqual([]);
  });

  it('P-13: another address than the suggested one is no answer either', () => {
    const desk = new ClientDesk();
    const id = desk.map({ ...EXACT_REQUEST, suggestedAddress: IpAddress.of('203.0.113.99') });
    desk.grant();
    expect(desk.outcome(id)).toBeUndefined();
  });

  it('P-45: a lifetime of 2^32-1 counts as a day (RFC 6887 §15)', () => {
    const desk = new ClientDesk();
    const id = desk.map(ANY_REQUEST);
    desk.grant({ lifetimeSeconds: 0xffff_ffff });
    expect(desk.outcome(id)).toMatchObject({ kind: 'granted', lifetime: hours(24) });
  });

  it('P-30 P-32: each mapping has its own nonce, and an all-zero one is as good as any (RFC 6887 §11.2)', () => {
    const desk = new ClientDesk();
    const zero = parseNonce('0'.repeat(24));
    if (zero === undefined) throw new Error('that is a nonce');
    const first = desk.map({ ...ANY_REQUEST, nonce: zero });
    desk.grant();
    const second = desk.map({ ...ANY_REQUEST, internalPort: portNumber(2) });
    desk.grant();
    expect([desk.outcome(first)?.kind, desk.outcome(second)?.kind]).toEqual(['granted', 'granted']);
    expect(nonceFromBytes(new Uint8Array(12))).toBe(zero);
  });

  it('P-34: a mapping from before a restart of ours is renewed with the nonce it was made with', () => {
    const desk = new ClientDesk();
    const id = desk.map(
      { ...ANY_REQUEST, suggestedAddress: EXTERNAL },
      { kind: 'keep trying', until: desk.instant(60) },
    );
    expect(desk.lastMap().nonce).toBe(ANY_REQUEST.nonce);
    desk.grant();
    expect(desk.outcome(id)?.kind).toBe('granted');
  });

  it.each([120, 86_400])(
    'P-44: a lifetime of %i s is taken, shorter or longer than asked (RFC 6887 §15)',
    (granted) => {
      const desk = new ClientDesk();
      const id = desk.map(ANY_REQUEST);
      desk.grant({ lifetimeSeconds: granted });
      expect(desk.outcome(id)).toMatchObject({ kind: 'granted', lifetime: granted * 1000 });
    },
  );

  it('P-74: a smaller lifetime shortens the mapping (RFC 6887 §15)', () => {
    const desk = new ClientDesk();
    desk.map(ANY_REQUEST);
    desk.grant();
    desk.map({ ...ANY_REQUEST, lifetimeSeconds: 120 });
    desk.grant();
    desk.advanceTo(119).announce();
    expect(desk.view().held).toBe(1);
    desk.advanceTo(200);
    expect(desk.view().held).toBe(0);
  });

  it('P-77: a static mapping is taken like any other, with its own port', () => {
    const desk = new ClientDesk();
    const id = desk.map(ANY_REQUEST);
    desk.grant({ lifetimeSeconds: 0xffff_ffff, externalPort: portNumber(80) });
    expect(desk.outcome(id)).toMatchObject({ kind: 'granted', assignedPort: 80 });
  });

  it.each([2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 18, 24, 99])('5.3-04: result %i is a refusal', (code) => {
    const desk = new ClientDesk();
    const id = desk.map(EXACT_REQUEST);
    desk.refuse(code, 30);
    expect(desk.outcome(id)).toMatchObject({ kind: 'refused', code, lifetimeSeconds: 30, by: 'server' });
  });

  it('5.3-03: tells a short conflict from a long one by its lifetime (V05, V06)', () => {
    for (const [id, lifetimeSeconds] of [
      ['V05', 30],
      ['V06', 1800],
    ] as const) {
      const desk = new ClientDesk();
      const asked = desk.map(EXACT_REQUEST);
      desk.hand(vector(id));
      expect(desk.outcome(asked)).toMatchObject({ kind: 'refused', code: 11, lifetimeSeconds });
    }
  });
});

describe('release (RFC 6887 §15)', () => {
  const held = (request = ANY_REQUEST): ClientDesk => {
    const desk = new ClientDesk();
    desk.map(request);
    desk.grant();
    desk.forget();
    return desk;
  };

  it('V11 P-70 5.3-16: lifetime 0, nothing suggested, no options', () => {
    const desk = held({ ...EXACT_REQUEST, remotePeers: [PEER], description: 'x' });
    const id = desk.release(EXACT_REQUEST);
    expect(lastHex(desk)).toBe(hexOf(vector('V11')));
    desk.hand(vector('V12'));
    expect(desk.outcome(id)).toEqual({ kind: 'released', server: 'main', busyFor: 0 });
  });

  it('V13 P-70: with THIRD_PARTY where the mapping was made with it', () => {
    const endpoint = SERVER;
    const desk = new ClientDesk({ servers: [{ id: MAIN, addresses: [{ endpoint, source: WAN_IPV6 }] }] });
    desk.release({ ...EXACT_REQUEST, internalPort: portNumber(8080), thirdParty: LAN_HOST });
    expect(lastHex(desk)).toBe(hexOf(vector('V13')));
  });

  it('P-71: NO_RESOURCES for a mapping the server does not have means gone, and pauses nothing', () => {
    const desk = held();
    const id = desk.release(ANY_REQUEST);
    desk.refuse(8, 30);
    expect(desk.outcome(id)).toMatchObject({ kind: 'released' });
    desk.map({ ...ANY_REQUEST, internalPort: portNumber(1) });
    expect(desk.lastMap().internalPort).toBe(1);
  });

  it('P-71: NOT_AUTHORIZED is a refusal: the mapping is static or not ours', () => {
    const desk = held();
    const id = desk.release(ANY_REQUEST);
    desk.refuse(2, 600);
    expect(desk.outcome(id)).toMatchObject({ kind: 'refused', code: 2 });
  });

  it('P-72: a success with a lifetime says how long traffic keeps the port busy', () => {
    const desk = held();
    const id = desk.release(ANY_REQUEST);
    desk.grant({ lifetimeSeconds: 90, externalPort: portNumber(8080) });
    expect(desk.outcome(id)).toMatchObject({ kind: 'released', busyFor: 90_000 });
  });

  it('is tried until answered or until the end it was given', () => {
    const desk = held();
    const id = desk.release(ANY_REQUEST, 15);
    desk.advance(14);
    expect(desk.maps()).toHaveLength(3);
    desk.advance(2);
    expect(desk.outcome(id)).toEqual({ kind: 'unanswered', why: 'no answer in time' });
  });

  it('replaces a renewal that is under way, whose late answer is not taken for a deletion', () => {
    const desk = held();
    const renewal = desk.map(ANY_REQUEST, { kind: 'one packet', until: desk.instant(600) });
    const release = desk.release(ANY_REQUEST);
    expect(desk.outcome(renewal)).toEqual({ kind: 'unanswered', why: 'no answer in time' });
    desk.grant({ lifetimeSeconds: 3600, externalPort: portNumber(8080) });
    expect(desk.outcome(release)).toBeUndefined();
    desk.grant({ lifetimeSeconds: 0, externalPort: ANY_PORT });
    expect(desk.outcome(release)).toMatchObject({ kind: 'released' });
  });
});

describe('withdrawal of what was given up', () => {
  it('5.3-09 Q-12: a success after the budget is deleted again', () => {
    const desk = new ClientDesk();
    desk.map(ANY_REQUEST, within(4));
    desk.advanceTo(5);
    desk.forget();
    desk.hand(vector('V02'));
    expect(desk.maps().map(({ request }) => request?.lifetimeSeconds)).toEqual([0]);
    expect(lastHex(desk)).toBe(hexOf(vector('V11')));
    desk.hand(vector('V12'));
    desk.advance(100);
    expect(desk.maps()).toHaveLength(1);
  });

  it('a grant whose answer was lost is deleted as soon as the server is heard', () => {
    const desk = new ClientDesk();
    desk.map(ANY_REQUEST, within(4));
    desk.advanceTo(4);
    expect(desk.announces()).toHaveLength(1);
    desk.announce();
    expect(lastHex(desk)).toBe(hexOf(vector('V11')));
  });

  it('a hang-up withdraws as well', () => {
    const desk = new ClientDesk();
    const id = desk.map(ANY_REQUEST, within(4));
    desk.advanceTo(1).do((client, now) => client.cancel(id, 'hung up', now));
    expect(desk.outcome(id)).toEqual({ kind: 'unanswered', why: 'hung up' });
    desk.hand(vector('V02'));
    expect(lastHex(desk)).toBe(hexOf(vector('V11')));
  });

  it('P-73: asking again with the same nonce calls the withdrawal off', () => {
    const desk = new ClientDesk();
    desk.map(ANY_REQUEST, within(4));
    desk.advanceTo(5);
    const id = desk.map(ANY_REQUEST, within(4));
    desk.grant();
    desk.advance(100);
    expect(desk.outcome(id)?.kind).toBe('granted');
    expect(desk.maps().filter(({ request }) => request?.lifetimeSeconds === 0)).toEqual([]);
  });

  it('a new nonce for the same internal port waits for the old mapping to go (P-33, RFC 6887 §11.3)', () => {
    const desk = new ClientDesk();
    desk.map(ANY_REQUEST, within(4));
    desk.advanceTo(5);
    desk.forget();
    const id = desk.map({ ...ANY_REQUEST, nonce: OTHER_NONCE }, within(10));
    expect(desk.maps().map(({ request }) => request?.lifetimeSeconds)).toEqual([0, 3600]);
    desk.refuse(2, 600);
    expect(desk.outcome(id)).toBeUndefined();
  });

  it('a refresh of a mapping that is wanted is not withdrawn', () => {
    const desk = new ClientDesk();
    desk.map(ANY_REQUEST);
    desk.grant();
    desk.map(ANY_REQUEST, within(4));
    desk.advance(10).announce();
    expect(desk.maps().filter(({ request }) => request?.lifetimeSeconds === 0)).toEqual([]);
  });

  it('a refused request of several packets is deleted as well: a success may be behind (RFC 6887 §8.3)', () => {
    const desk = new ClientDesk();
    const id = desk.map(ANY_REQUEST, within(10));
    desk.advanceTo(4);
    desk.refuse(7, 30);
    expect(desk.outcome(id)).toMatchObject({ kind: 'refused', code: 7 });
    expect(lastHex(desk)).toBe(hexOf(vector('V11')));
  });
});

describe('closing', () => {
  it('settles whatever is open', () => {
    const desk = new ClientDesk();
    const map = desk.map(ANY_REQUEST);
    const release = desk.release({ ...ANY_REQUEST, internalPort: portNumber(7) });
    desk.do((client, now) => client.close(now));
    expect([desk.outcome(map), desk.outcome(release)]).toEqual([
      { kind: 'unanswered', why: 'closed' },
      { kind: 'unanswered', why: 'closed' },
    ]);
    expect(desk.client.nextWake()).toBeUndefined();
  });

  it('without a server, a request is unanswered at once', () => {
    const desk = new ClientDesk({ servers: [] });
    expect(desk.outcome(desk.map(ANY_REQUEST))).toEqual({ kind: 'unanswered', why: 'no server' });
    expect(desk.outcome(desk.release(ANY_REQUEST))).toEqual({ kind: 'unanswered', why: 'no server' });
    expect(candidate('none').addresses).toEqual([]);
  });
});
