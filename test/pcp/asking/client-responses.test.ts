import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../../src/base/ip-address.ts';
import { portNumber } from '../../../src/base/port-number.ts';
import { encodeResponse } from '../../../src/pcp/wire/pcp-response.ts';
import { LAN_HOST, OTHER_NONCE, PEER } from '../wire/values.ts';
import { vector } from '../wire/vectors.ts';
import { ANY_REQUEST, ClientDesk, EXACT_REQUEST, SECOND_ADDRESS, SERVER, within } from './client-desk.ts';

const asked = (request = ANY_REQUEST): { readonly desk: ClientDesk; readonly id: number } => {
  const desk = new ClientDesk();
  return { desk, id: desk.map(request) };
};

const withOctet = (bytes: Uint8Array, position: number, value: number): Uint8Array => {
  const changed = Uint8Array.from(bytes);
  changed[position] = value;
  return changed;
};

const grown = (bytes: Uint8Array, length: number): Uint8Array => {
  const longer = new Uint8Array(length);
  longer.set(bytes.subarray(0, length));
  return longer;
};

describe('5.3-11: what is dropped, counted and never answered (RFC 6887 §8.3, §11.4)', () => {
  it.each([
    ['a wrong address', vector('V02'), SECOND_ADDRESS, 'not from our server'],
    ['a wrong port', vector('V02'), { ...SERVER, port: 5352 }, 'not from our server'],
    ['the R bit clear', vector('V01'), SERVER, 'not a response'],
    ['three octets', vector('V02').subarray(0, 3), SERVER, 'too short'],
    ['20 octets', vector('V02').subarray(0, 20), SERVER, 'too short'],
    ['58 octets', vector('V02').subarray(0, 58), SERVER, 'odd length'],
    ['P-03: 1104 octets', grown(vector('V02'), 1104), SERVER, 'too long'],
    [
      'an option cut off',
      grown(withOctet(grown(vector('V02'), 64), 60, 1), 64).fill(9, 62, 63),
      SERVER,
      'malformed option',
    ],
    ['version 3', withOctet(vector('V02'), 0, 3), SERVER, 'unknown version'],
    ['opcode 3', withOctet(vector('V02'), 1, 0x83), SERVER, 'unknown opcode'],
    ['P-33: another nonce', withOctet(vector('V02'), 24, 0xff), SERVER, 'no match'],
    ['another protocol', withOctet(vector('V02'), 36, 17), SERVER, 'no match'],
    ['another internal port', withOctet(vector('V02'), 40, 0), SERVER, 'no match'],
    ['P-75: all protocols', withOctet(vector('V02'), 36, 0), SERVER, 'no match'],
    ['P-78: a PEER response', withOctet(vector('V26'), 1, 0x82), SERVER, 'no match'],
  ])('%s', (_what, bytes, from, why) => {
    const { desk, id } = asked();
    desk.forget();
    desk.hand(bytes, from);
    expect(desk.ignoredBecause()).toEqual([why]);
    expect(desk.outcome(id)).toBeUndefined();
    expect(desk.sent).toEqual([]);
  });

  it('another third party than the one that was named (RFC 6887 §13.1)', () => {
    const { desk, id } = asked({ ...EXACT_REQUEST, thirdParty: LAN_HOST });
    desk.grant({ options: [{ kind: 'third party', internalAddress: PEER }] });
    desk.grant({ options: [] });
    expect(desk.ignoredBecause()).toEqual(['no match', 'no match']);
    desk.grant();
    expect(desk.outcome(id)?.kind).toBe('granted');
  });

  it('each is counted by its reason', () => {
    const { desk } = asked();
    desk.hand(vector('V01'));
    desk.hand(vector('V01'));
    desk.hand(vector('V02').subarray(0, 58));
    expect([...desk.view().counters.ignored]).toEqual([
      ['not a response', 2],
      ['odd length', 1],
    ]);
  });
});

describe('what is taken', () => {
  it('V32 P-10: a response with an option nobody knows', () => {
    const { desk, id } = asked();
    desk.hand(vector('V32'));
    expect(desk.outcome(id)).toMatchObject({ kind: 'granted', assignedPort: 8080 });
  });

  it('V25: reserved octets that are not zero', () => {
    const { desk, id } = asked();
    desk.hand(vector('V25'));
    expect(desk.outcome(id)).toMatchObject({ kind: 'refused', code: 3 });
  });

  it('P-09: an error that repeats the options of the request', () => {
    const { desk, id } = asked({ ...EXACT_REQUEST, thirdParty: LAN_HOST, remotePeers: [PEER] });
    desk.refuse(10, 30);
    expect(desk.outcome(id)).toMatchObject({ kind: 'refused', code: 10 });
  });

  it('P-02: the answer counts whatever the assigned address is, IPv6 included (P-08)', () => {
    const { desk, id } = asked();
    desk.grant({ externalAddress: IpAddress.of('2001:db8::9') });
    expect(desk.outcome(id)).toMatchObject({ kind: 'granted', assignedAddress: IpAddress.of('2001:db8::9') });
  });

  it('P-79: TCP and UDP of one port are two mappings, each answered on its own', () => {
    const desk = new ClientDesk();
    const tcp = desk.map(ANY_REQUEST);
    const udp = desk.map({ ...ANY_REQUEST, protocol: 'UDP' });
    desk.grant();
    expect([desk.outcome(tcp)?.kind, desk.outcome(udp)?.kind]).toEqual([undefined, 'granted']);
  });
});

describe('Mapping Updates (RFC 6887 §11.5)', () => {
  const held = (request = ANY_REQUEST): ClientDesk => {
    const desk = new ClientDesk();
    desk.map(request);
    desk.grant({ epoch: 1001 });
    desk.forget();
    return desk.advanceTo(1000);
  };

  it('V16 P-54 5.3-08: another port or address is told once, however many copies come', () => {
    const desk = held();
    for (let copy = 0; copy < 3; copy += 1) desk.hand(vector('V16'));
    expect(desk.has('mapping updated').map(({ update }) => update)).toEqual([
      {
        server: 'main',
        nonce: ANY_REQUEST.nonce,
        protocol: 'TCP',
        internalPort: 40080,
        internalAddress: IpAddress.of('100.64.1.2'),
        change: {
          kind: 'granted',
          assignedAddress: IpAddress.of('203.0.113.99'),
          assignedPort: 12345,
          lifetime: 1_700_000,
        },
      },
    ]);
    expect(desk.ignoredBecause()).toEqual(['copy', 'copy']);
  });

  it('V17 P-54 5.3-08: a mapping that cannot be kept is told once as refused', () => {
    const desk = held(EXACT_REQUEST);
    for (let copy = 0; copy < 3; copy += 1) desk.hand(vector('V17'));
    expect(desk.has('mapping updated').map(({ update }) => update.change)).toEqual([
      { kind: 'refused', code: 11, lifetimeSeconds: 1800 },
    ]);
  });

  it('2.3.7: a second answer that grants less is news, its copy is none (RFC 6887 §8.3)', () => {
    const desk = new ClientDesk();
    desk.map(ANY_REQUEST);
    const request = desk.lastMap();
    desk.grant();
    desk.forget();
    desk.advance(1).grantTo(request, { lifetimeSeconds: 120 });
    expect(desk.has('mapping updated').map(({ update }) => update.change)).toMatchObject([
      { kind: 'granted', lifetime: 120_000 },
    ]);
    desk.advance(1).grantTo(request, { lifetimeSeconds: 120 });
    expect(desk.ignoredBecause()).toEqual(['copy']);
  });

  it('a copy of the answer is no update', () => {
    const desk = new ClientDesk();
    desk.map(ANY_REQUEST);
    desk.grant();
    desk.forget();
    desk.hand(vector('V04').subarray(0, 60));
    expect(desk.has('mapping updated')).toEqual([]);
    expect(desk.ignoredBecause()).toEqual(['copy']);
  });

  it('2.3.7: NOT_AUTHORIZED after a success is an update, too (RFC 6887 §8.3)', () => {
    const desk = held();
    const response = { kind: 'map', code: 2, lifetimeSeconds: 600, epoch: desk.epoch, options: [] } as const;
    const fields = {
      nonce: ANY_REQUEST.nonce,
      protocol: 6,
      internalPort: portNumber(40080),
      externalPort: portNumber(8080),
      externalAddress: ANY_REQUEST.suggestedAddress,
    };
    desk.hand(encodeResponse({ ...response, ...fields }));
    expect(desk.has('mapping updated')[0]?.update.change).toMatchObject({ kind: 'refused', code: 2 });
  });

  it('nobody’s mapping is not updated, nor one that was released or has expired (P-46)', () => {
    const other = held({ ...ANY_REQUEST, nonce: OTHER_NONCE });
    other.hand(vector('V16'));
    const expired = held();
    expired.advanceTo(3700);
    expired.forget();
    expired.hand(vector('V16'));
    expect([...other.ignoredBecause(), ...expired.ignoredBecause()]).toEqual(['no match', 'no match']);
  });
});

describe('what is remembered of refusals (RFC 6887 §8.3)', () => {
  it('the same request is answered from memory, for what is left of the hold', () => {
    const { desk } = asked();
    desk.refuse(10, 60);
    desk.advance(20).forget();
    const again = desk.map(ANY_REQUEST);
    expect(desk.outcome(again)).toEqual({
      kind: 'refused',
      server: 'main',
      code: 10,
      lifetimeSeconds: 60,
      hold: 40_000,
      by: 'memory',
    });
    expect(desk.sent).toEqual([]);
    desk.advance(41);
    desk.map(ANY_REQUEST);
    expect(desk.maps()).toHaveLength(1);
  });

  it('P-76: a port that conflicts is refused from memory to every internal port, until a mapping on it is released', () => {
    const { desk } = asked(EXACT_REQUEST);
    desk.refuse(11, 1800);
    const other = { ...EXACT_REQUEST, internalPort: portNumber(7) };
    expect(desk.outcome(desk.map(other))).toMatchObject({ kind: 'refused', code: 11, by: 'memory' });
  });

  it('Q-07: UNSUPP_OPTION is learned per option, shown, and believed for the hold', () => {
    const { desk } = asked(EXACT_REQUEST);
    desk.refuse(5, 0);
    expect(desk.has('option learned')).toEqual([
      { kind: 'option learned', server: 'main', option: 'PREFER_FAILURE', supported: false },
    ]);
    expect(desk.view().options.PREFER_FAILURE).toBe('unsupported');
    const other = { ...EXACT_REQUEST, internalPort: portNumber(7), suggestedPort: portNumber(8) };
    expect(desk.outcome(desk.map(other))).toMatchObject({ kind: 'refused', code: 5, by: 'memory' });
    desk.advance(900).announce();
    desk.advance(901).announce();
    const later = desk.map(other, within(4));
    expect(desk.outcome(later)).toBeUndefined();
  });

  it('a FILTER that is not supported is known before anybody asks again', () => {
    const { desk } = asked({ ...ANY_REQUEST, remotePeers: [PEER] });
    desk.refuse(5, 1800);
    expect(desk.client.canFilterRemotePeers(desk.instant(desk.now))).toBe(false);
  });

  it('Q-07: with emulation, PREFER_FAILURE is left out at once and another port is a conflict, released again', () => {
    const desk = new ClientDesk({ settings: { emulatePreferFailure: true } });
    const id = desk.map(EXACT_REQUEST);
    desk.refuse(5, 0);
    expect(desk.lastMap().options).toEqual([]);
    desk.grant({ externalPort: portNumber(8081) });
    expect(desk.outcome(id)).toMatchObject({ kind: 'refused', code: 11, by: 'client' });
    expect(desk.lastMap().lifetimeSeconds).toBe(0);
    const right = desk.map({ ...EXACT_REQUEST, internalPort: portNumber(7), suggestedPort: portNumber(9) });
    expect(desk.lastMap().options).toEqual([]);
    desk.grant();
    expect(desk.outcome(right)?.kind).toBe('granted');
  });

  it('V21 ADDRESS_MISMATCH makes the server unusable for the hold; then it is asked again', () => {
    const { desk, id } = asked();
    desk.hand(vector('V21'));
    expect(desk.outcome(id)).toMatchObject({ kind: 'refused', code: 12 });
    expect(desk.client.health()).toBe('down');
    const other = { ...ANY_REQUEST, internalPort: portNumber(7) };
    expect(desk.outcome(desk.map(other))).toMatchObject({ kind: 'refused', code: 12, by: 'memory' });
    desk.advance(1800);
    expect(desk.announces().length).toBeGreaterThan(0);
    desk.announce();
    expect(desk.client.health()).toBe('up');
  });

  it('IWF-37: UNSUPP_OPCODE for MAP: the server is of no use, and that shows', () => {
    const { desk } = asked();
    desk.refuse(4, 1800);
    expect(desk.client.health()).toBe('down');
    expect(desk.has('health changed').at(-1)?.health).toBe('down');
  });

  it('a server that lost its state may have changed its mind', () => {
    const { desk } = asked();
    desk.refuse(10, 1800);
    desk.advance(100);
    desk.announce(0);
    desk.answerProof({ epoch: 0 });
    desk.map(ANY_REQUEST);
    expect(desk.maps().at(-1)?.at).toBe(100);
  });
});
