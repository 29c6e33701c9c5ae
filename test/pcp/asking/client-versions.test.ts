import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../../src/base/ip-address.ts';
import { ANY_PORT, portNumber } from '../../../src/base/port-number.ts';
import { decodeNatPmpRequest, type NatPmpRequest } from '../../../src/pcp/wire/nat-pmp-request.ts';
import { encodeNatPmpResponse, type NatPmpResponse } from '../../../src/pcp/wire/nat-pmp-response.ts';
import { EXTERNAL, LAN_HOST, PEER } from '../wire/values.ts';
import { bytesOfHex, hexOf, vector } from '../wire/vectors.ts';
import { ANY_REQUEST, ClientDesk, EXACT_REQUEST, SERVER, within } from './client-desk.ts';

type MapPart = Extract<NatPmpResponse, { kind: 'map' }>;

/** UNSUPP_VERSION from a server that speaks version 2. */
function versionTwoRefusal(): Uint8Array {
  const bytes = Uint8Array.from(vector('V33'));
  bytes[0] = 2;
  return bytes;
}

/** A client that has found out that its server speaks NAT-PMP. */
class NatPmpDesk extends ClientDesk {
  constructor(settings: { readonly emulatePreferFailure?: boolean } = {}) {
    super({ silent: true, settings });
    this.hand(vector('N01'));
  }

  natPmpSent(): readonly NatPmpRequest[] {
    return this.sent.flatMap(({ bytes }) => {
      const decoded = decodeNatPmpRequest(bytes);
      return decoded.kind === 'request' ? [decoded.request] : [];
    });
  }

  tellAddress(address = EXTERNAL, epoch = Math.floor(this.now) + 100): void {
    this.hand(encodeNatPmpResponse({ kind: 'external address', code: 0, epoch, address }));
  }

  answerMap(change: Partial<MapPart> = {}): void {
    const last = this.natPmpSent().at(-1);
    if (last?.kind !== 'map') throw new Error('no NAT-PMP map request was sent');
    const { protocol, internalPort, suggestedPort: mappedPort, lifetimeSeconds } = last;
    const epoch = Math.floor(this.now) + 100;
    const answer = { kind: 'map', code: 0, epoch, protocol, internalPort, mappedPort, lifetimeSeconds } as const;
    this.hand(encodeNatPmpResponse({ ...answer, ...change }));
  }
}

describe('version negotiation (RFC 6887 §9)', () => {
  it('P-58: speaks version 2', () => {
    const desk = new ClientDesk({ silent: true });
    desk.map(ANY_REQUEST);
    expect(desk.sent.map(({ bytes }) => bytes[0])).toEqual([2, 2]);
  });

  it('V33 P-58 P-61: a server that knows only version 1 is unusable, and asked again after min(30 min, lifetime)', () => {
    const desk = new ClientDesk();
    const id = desk.map(ANY_REQUEST);
    desk.hand(vector('V33'));
    expect(desk.has('version unusable')).toEqual([
      { kind: 'version unusable', server: 'main', version: 1, hold: 1_800_000 },
    ]);
    expect(desk.outcome(id)).toMatchObject({ kind: 'refused', code: 1 });
    expect(desk.client.health()).toBe('down');
    desk.advanceTo(1799).forget();
    desk.advanceTo(1800);
    expect(desk.announces()).toHaveLength(1);
  });

  it('P-58: further refusals of the version draw no further packets', () => {
    const desk = new ClientDesk();
    desk.release(ANY_REQUEST);
    desk.hand(vector('V33'));
    const sent = desk.sent.length;
    for (let copy = 0; copy < 5; copy += 1) desk.hand(vector('V33'));
    expect(desk.sent).toHaveLength(sent);
    expect(desk.has('version unusable')).toHaveLength(1);
  });

  it('P-58: a refusal that names version 2 is asked again with version 2, and nothing is switched off (RFC 6887 §9)', () => {
    const desk = new ClientDesk();
    const id = desk.map(ANY_REQUEST, within(4));
    desk.hand(versionTwoRefusal());
    expect(desk.has('version unusable')).toEqual([]);
    desk.advance(1);
    expect(desk.maps().map(({ at }) => at)).toEqual([0, 0.5]);
    desk.grant();
    expect(desk.outcome(id)?.kind).toBe('granted');
    expect(desk.client.health()).toBe('up');
  });

  it('P-62: a refusal of NAT-PMP that names version 2 is asked about at once, and PCP is spoken after an answer under a nonce (RFC 6887 §9)', () => {
    const desk = new NatPmpDesk();
    desk.tellAddress();
    desk.advance(10).forget();
    for (let copy = 0; copy < 100; copy += 1) desk.hand(versionTwoRefusal());
    expect(desk.proofs()).toHaveLength(1);
    expect(desk.view().protocol).toBe('NAT-PMP');
    desk.answerProof({ epoch: 3 });
    expect(desk.view().protocol).toBe('PCP');
    expect(desk.client.health()).toBe('up');
  });

  it.each(['N01', 'N02'])('%s P-59 P-60 5.3-10: both forms of the refusal lead to NAT-PMP', (id) => {
    const desk = new ClientDesk({ silent: true });
    const asked = desk.map(ANY_REQUEST);
    desk.forget();
    desk.hand(vector(id));
    expect(desk.has('protocol changed')).toEqual([{ kind: 'protocol changed', server: 'main', protocol: 'NAT-PMP' }]);
    expect(hexOf(desk.sent[0]?.bytes ?? new Uint8Array())).toBe(hexOf(vector('N03')));
    expect(desk.outcome(asked)).toBeUndefined();
  });

  it('P-60: the refusal is not believed when nothing was asked', () => {
    const desk = new ClientDesk();
    desk.hand(vector('N01'));
    expect(desk.ignoredBecause()).toEqual(['unasked version refusal']);
    expect(desk.view().protocol).toBe('PCP');
  });

  it('stays with PCP where the fallback is switched off', () => {
    const desk = new ClientDesk({ silent: true, settings: { natPmp: false } });
    desk.hand(vector('N01'));
    expect(desk.view().protocol).toBe('PCP');
    expect(desk.has('version unusable')[0]).toMatchObject({ version: 0 });
  });

  it('P-62: asks for PCP again every 30 min, and returns when the server has learned it', () => {
    const desk = new NatPmpDesk();
    desk.tellAddress();
    desk.advanceTo(1799).forget();
    desk.advanceTo(1800);
    expect(desk.proofs()).toHaveLength(1);
    desk.hand(vector('N02'));
    expect(desk.view().protocol).toBe('NAT-PMP');
    desk.answerProof({ epoch: 7 });
    expect(desk.view().protocol).toBe('PCP');
    expect(desk.has('server lost state')).toHaveLength(1);
  });

  it('P-62: a PCP announcement is asked about at once, once a minute at most, and its epoch is not NAT-PMP’s', () => {
    const desk = new NatPmpDesk();
    desk.tellAddress();
    desk.advance(100);
    desk.tellAddress();
    desk.forget();
    for (let copy = 0; copy < 3; copy += 1) desk.announce(5000, SERVER, 'multicast');
    expect(desk.proofs()).toHaveLength(1);
    expect(desk.view().protocol).toBe('NAT-PMP');
    desk.tellAddress();
    expect(desk.has('server lost state')).toEqual([]);
    desk.answerProof({ epoch: 5000 });
    expect(desk.view().protocol).toBe('PCP');
  });

  it('P-62: and when the network changes', () => {
    const desk = new NatPmpDesk();
    desk.tellAddress();
    desk.forget();
    const addresses = [{ endpoint: SERVER, source: IpAddress.of('100.64.7.7') }];
    const id = desk.view().id;
    desk.do((client, now) => client.setServers([{ id, addresses }], now));
    expect(desk.announces()).toHaveLength(1);
    expect(desk.view().protocol).toBe('PCP');
  });
});

describe('NAT-PMP (RFC 6886)', () => {
  it('N05: a mapping, with the external address that was asked for before (§3.2, §3.3)', () => {
    const desk = new NatPmpDesk();
    desk.tellAddress();
    const id = desk.map({ ...ANY_REQUEST, lifetimeSeconds: 7200 });
    expect(hexOf(desk.sent.at(-1)?.bytes ?? new Uint8Array())).toBe(hexOf(vector('N05')));
    desk.answerMap({ mappedPort: portNumber(8081), lifetimeSeconds: 3600 });
    expect(desk.outcome(id)).toMatchObject({
      kind: 'granted',
      assignedAddress: EXTERNAL,
      assignedPort: 8081,
      lifetime: 3_600_000,
    });
  });

  it('N07 N08: a deletion (§3.4)', () => {
    const desk = new NatPmpDesk();
    desk.tellAddress();
    const id = desk.release(ANY_REQUEST);
    expect(hexOf(desk.sent.at(-1)?.bytes ?? new Uint8Array())).toBe(hexOf(vector('N07')));
    desk.hand(vector('N08'));
    expect(desk.outcome(id)).toMatchObject({ kind: 'released' });
  });

  it('one request at a time (§3.1)', () => {
    const desk = new NatPmpDesk();
    desk.tellAddress();
    desk.forget();
    desk.map(ANY_REQUEST);
    desk.map({ ...ANY_REQUEST, internalPort: portNumber(2) });
    expect(desk.natPmpSent()).toHaveLength(1);
    desk.answerMap();
    expect(desk.natPmpSent()).toHaveLength(2);
  });

  it('retransmits at 250 ms, doubling (§3.1)', () => {
    const desk = new NatPmpDesk();
    desk.tellAddress();
    desk.forget();
    desk.map(ANY_REQUEST, within(4));
    desk.advance(3.9);
    expect(desk.sent.map(({ at }) => at)).toEqual([0, 0.25, 0.75, 1.75, 3.75]);
  });

  it.each([
    [1, 1],
    [2, 2],
    [3, 7],
    [4, 8],
    [5, 4],
    [77, 3],
  ])('result %i is result %i in PCP’s words (§3.5)', (natPmp, pcp) => {
    const desk = new NatPmpDesk();
    desk.tellAddress();
    const id = desk.map(ANY_REQUEST);
    desk.answerMap({ code: natPmp });
    // Result 1 reads as a version refusal, which says nothing about the mapping.
    if (natPmp === 1) expect(desk.outcome(id)).toBeUndefined();
    else expect(desk.outcome(id)).toMatchObject({ kind: 'refused', code: pcp });
  });

  it('has no words for third parties, filters and exact ports: refused by us, without a packet', () => {
    const desk = new NatPmpDesk();
    desk.tellAddress();
    desk.forget();
    const ids = [
      desk.map({ ...ANY_REQUEST, thirdParty: LAN_HOST }),
      desk.map({ ...ANY_REQUEST, remotePeers: [PEER] }),
      desk.map(EXACT_REQUEST),
    ];
    for (const id of ids) expect(desk.outcome(id)).toMatchObject({ kind: 'refused', code: 5, by: 'client' });
    expect(desk.sent).toEqual([]);
    expect([desk.client.canNameThirdParty(), desk.client.canFilterRemotePeers(desk.instant(0))]).toEqual([
      false,
      false,
    ]);
  });

  it('N06: with emulation, another port than the exact one is deleted and a conflict', () => {
    const desk = new NatPmpDesk({ emulatePreferFailure: true });
    desk.tellAddress();
    const id = desk.map(EXACT_REQUEST);
    desk.hand(vector('N06'));
    expect(desk.outcome(id)).toMatchObject({ kind: 'refused', code: 11, by: 'client' });
    expect(desk.natPmpSent().at(-1)).toEqual({
      kind: 'map',
      protocol: 'TCP',
      internalPort: 40080,
      suggestedPort: ANY_PORT,
      lifetimeSeconds: 0,
    });
  });

  it('a gateway that restarted shows by its epoch (§3.6)', () => {
    const desk = new NatPmpDesk();
    desk.tellAddress();
    desk.map(ANY_REQUEST);
    desk.answerMap();
    desk.advanceTo(20).map(ANY_REQUEST);
    desk.answerMap({ epoch: 1 });
    expect(desk.has('server lost state')).toHaveLength(1);
  });

  it('N04: a new external address, announced and confirmed, is told for every mapping (§3.2.1)', () => {
    const desk = new NatPmpDesk();
    desk.tellAddress();
    desk.map(ANY_REQUEST);
    desk.answerMap();
    desk.advanceTo(20).forget();
    const announcement = encodeNatPmpResponse({ kind: 'external address', code: 0, epoch: 0, address: PEER });
    desk.hand(announcement, SERVER, 'multicast');
    expect(desk.natPmpSent()).toEqual([{ kind: 'external address' }]);
    desk.tellAddress(PEER, 0);
    expect(desk.has('server lost state')).toHaveLength(1);
    expect(desk.has('mapping updated').map(({ update }) => update.change)).toMatchObject([
      { kind: 'granted', assignedAddress: PEER, assignedPort: 8080 },
    ]);
  });

  it('what was asked in PCP when the refusal came is asked again in NAT-PMP, within the same budget', () => {
    const desk = new ClientDesk({ silent: true });
    const id = desk.map(ANY_REQUEST, within(4));
    desk.advanceTo(2);
    desk.hand(vector('N02'));
    desk.hand(encodeNatPmpResponse({ kind: 'external address', code: 0, epoch: 5, address: EXTERNAL }));
    expect(desk.sent.map(({ bytes }) => hexOf(bytes))).toContain('000200009c901f9000000e10');
    desk.advanceTo(4);
    expect(desk.outcome(id)).toEqual({ kind: 'unanswered', why: 'no answer in time' });
    expect(bytesOfHex('00')).toHaveLength(1);
  });
});
