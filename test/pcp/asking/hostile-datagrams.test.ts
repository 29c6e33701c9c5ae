import { describe, expect, it } from 'vitest';
import { instant } from '../../../src/base/time.ts';
import type { Via } from '../../../src/pcp/asking/server-contact.ts';
import { seededRandom } from '../../doubles/seeded-random.ts';
import { LAN_HOST, PEER } from '../wire/values.ts';
import { bytesOfHex, vectors } from '../wire/vectors.ts';
import { ANY_REQUEST, ClientDesk, EXACT_REQUEST, SECOND_ADDRESS, SERVER } from './client-desk.ts';

const MUTATIONS = 100_000;
const ORIGINALS = vectors.filter(({ id }) => !id.startsWith('D')).map(({ hex }) => bytesOfHex(hex));

/** One to four changes: octets, cuts, additions, or nothing but noise. */
function mutate(random: ReturnType<typeof seededRandom>): Uint8Array {
  const below = (limit: number): number => Math.floor(random.unit() * limit);
  if (random.unit() < 0.05) return random.bytes(below(1200));
  let bytes = Uint8Array.from(ORIGINALS[below(ORIGINALS.length)] ?? []);
  for (let change = below(4); change >= 0; change -= 1) {
    const kind = random.unit();
    if (kind < 0.7 && bytes.length > 0) bytes[below(bytes.length)] = below(256);
    else if (kind < 0.85) bytes = bytes.slice(0, below(bytes.length + 1));
    else bytes = Uint8Array.from([...bytes, ...random.bytes(below(64))]);
  }
  return bytes;
}

/** Hands `count` damaged datagrams to a client that waits for answers; returns how many it ignored. */
function pelt(random: ReturnType<typeof seededRandom>, count: number): number {
  const desk = new ClientDesk();
  desk.map(ANY_REQUEST, { kind: 'keep trying', until: desk.instant(3600) });
  desk.map({ ...EXACT_REQUEST, thirdParty: LAN_HOST, remotePeers: [PEER] });
  let ignored = 0;
  for (let i = 0; i < count; i += 1) {
    const from = random.unit() < 0.9 ? SERVER : SECOND_ADDRESS;
    const via: Via = random.unit() < 0.9 ? 'unicast' : 'multicast';
    const outputs = desk.client.handleDatagram(mutate(random), from, via, instant(i));
    if (outputs.some(({ kind }) => kind === 'ignored')) ignored += 1;
  }
  desk.client.view(instant(count));
  return ignored;
}

describe('hostile datagrams (RFC 6887 §8.3, §18)', () => {
  it(`${MUTATIONS} mutated datagrams: none throws, most are ignored with a reason, a few are harmless`, () => {
    const random = seededRandom(6887);
    let ignored = 0;
    for (let round = 0; round < MUTATIONS / 1000; round += 1) ignored += pelt(random, 1000);
    expect(ignored).toBeGreaterThan(MUTATIONS / 2);
    expect(ignored).toBeLessThan(MUTATIONS);
  });

  it('what is ignored leads to no packet', () => {
    const random = seededRandom(7723);
    const desk = new ClientDesk();
    for (let i = 0; i < 5000; i += 1) {
      const outputs = desk.client.handleDatagram(mutate(random), SECOND_ADDRESS, 'unicast', instant(i));
      expect(outputs).toEqual([{ kind: 'ignored', why: 'not from our server', from: SECOND_ADDRESS }]);
    }
  });

  it('damaged datagrams of the server itself are never answered to their sender', () => {
    const random = seededRandom(7488);
    const desk = new ClientDesk();
    for (let i = 0; i < 5000; i += 1) {
      const outputs = desk.client.handleDatagram(mutate(random), SERVER, 'unicast', instant(i));
      const sent = outputs.filter(({ kind }) => kind === 'transmit').length;
      // At most one question of our own, when the epoch looks wrong or the server speaks another version.
      expect(sent).toBeLessThanOrEqual(1);
      if (outputs.some((output) => output.kind === 'ignored' && output.why !== 'no match' && output.why !== 'copy')) {
        expect(sent).toBe(0);
      }
    }
  });
});
