// PCP and NAT-PMP, damaged: to the client from its server and from strangers, and to the server.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Endpoint, IpAddress } from '../../src/base/ip-address.ts';
import { instant } from '../../src/base/time.ts';
import { Simulator } from '../../src/simulator/simulator.ts';
import { seededRandom } from '../doubles/seeded-random.ts';
import { ANY_REQUEST, ClientDesk, EXACT_REQUEST, SERVER, within } from '../pcp/asking/client-desk.ts';
import { bytesOfHex, vectors } from '../pcp/wire/vectors.ts';
import { damagedBytes, FUZZ_TIMEOUT_MS, fuzz } from './fuzzing.ts';

const ORIGINALS = vectors.map(({ hex }) => Buffer.from(bytesOfHex(hex)).toString('latin1'));
/** A request, its copy after an error, and the release of what was not wanted. */
const MOST_OUTPUTS = 8;

describe('damaged datagrams at the client', () => {
  it(
    'settle a request at most once, and lead to packets for our server alone',
    async () => {
      await fuzz(fc.array(damagedBytes(ORIGINALS), { minLength: 1, maxLength: 12 }), 400, (datagrams) => {
        const desk = new ClientDesk();
        const asked = [desk.map(ANY_REQUEST, within(60)), desk.map(EXACT_REQUEST, within(60))];
        const settled: number[] = [];
        for (const bytes of datagrams) {
          const outputs = desk.hand(bytes);
          expect(outputs.length).toBeLessThanOrEqual(MOST_OUTPUTS);
          for (const output of outputs) {
            if (output.kind === 'settled') settled.push(output.id);
            if (output.kind === 'transmit') expect(output.to).toEqual(SERVER);
          }
        }
        expect(new Set(settled).size).toBe(settled.length);
        expect(settled.filter((id) => !asked.includes(id))).toEqual([]);
      });
    },
    FUZZ_TIMEOUT_MS,
  );

  it(
    'change nothing when a stranger sent them, from whatever port',
    async () => {
      const stranger: Endpoint = { address: IpAddress.of('100.64.0.66'), port: 5351 };
      const otherPort: Endpoint = { ...SERVER, port: 5352 };
      const desk = new ClientDesk();
      desk.map(ANY_REQUEST, within(1000));
      await fuzz(fc.tuple(damagedBytes(ORIGINALS), fc.constantFrom(stranger, otherPort)), 1500, ([bytes, from]) => {
        expect(desk.hand(bytes, from).map(({ kind }) => kind)).toEqual(['ignored']);
      });
    },
    FUZZ_TIMEOUT_MS,
  );
});

describe('damaged datagrams at the simulated server', () => {
  it(
    'get at most one answer, no longer than what PCP allows, to whom they came from',
    async () => {
      const simulator = new Simulator({}, seededRandom(1), instant(0));
      const from: Endpoint = { address: IpAddress.of('192.168.1.10'), port: 40_000 };
      let now = 0;
      await fuzz(damagedBytes(ORIGINALS), 2000, (bytes) => {
        now += 1000;
        const sent = simulator
          .handleDatagram(bytes, from, instant(now))
          .flatMap((output) => (output.kind === 'transmit' ? [output] : []));
        const answers = sent.filter(({ to }) => !to.address.isMulticast);
        expect(answers.length).toBeLessThanOrEqual(1);
        for (const answer of answers) {
          expect(answer.to).toEqual(from);
          // RFC 6887 §7.
          expect(answer.bytes.length).toBeLessThanOrEqual(1100);
        }
      });
    },
    FUZZ_TIMEOUT_MS,
  );
});
