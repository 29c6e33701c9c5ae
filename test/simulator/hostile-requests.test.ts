import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { after, instant, seconds } from '../../src/base/time.ts';
import { decodeNatPmpResponse } from '../../src/pcp/wire/nat-pmp-response.ts';
import { decodeResponse } from '../../src/pcp/wire/pcp-response.ts';
import { externalKeyText, internalKeyText } from '../../src/simulator/served-mappings.ts';
import { Simulator } from '../../src/simulator/simulator.ts';
import { ask, endpoint, mapRequestBytes, nonce, transmissionsOf } from '../doubles/pcp-asker.ts';
import { seededRandom } from '../doubles/seeded-random.ts';

const START = instant(0);

const request = fc
  .record({
    internalPort: fc.integer({ min: 0, max: 30 }),
    suggestedPort: fc.constantFrom(0, 80, 6881, 6882, 65_535),
    lifetime: fc.constantFrom(0, 1, 120, 3600, 0xffff_ffff),
    protocol: fc.constantFrom(0, 6, 17, 132),
    nonce: fc.integer({ min: 1, max: 3 }).map(nonce),
    from: fc.constantFrom('192.168.1.10', '192.168.1.11'),
    isExact: fc.boolean(),
  })
  .map(({ isExact, ...asking }) => ({
    from: asking.from,
    bytes: mapRequestBytes({ ...asking, options: isExact ? [{ kind: 'prefer failure' }] : [] }),
  }));

const damage = fc.record({
  at: fc.nat({ max: 70 }),
  octet: fc.nat({ max: 255 }),
  length: fc.option(fc.nat({ max: 80 }), { nil: undefined, freq: 4 }),
});

interface Damage {
  readonly at: number;
  readonly octet: number;
  readonly length: number | undefined;
}

const damaged = (bytes: Uint8Array, { at, octet, length }: Damage): Uint8Array =>
  Uint8Array.from(bytes)
    .fill(octet, at, at + 1)
    .subarray(0, length);

/** A refusal repeats what it refuses, and may be as unreadable as that; a success never is. */
function expectReadable(answer: Uint8Array): void {
  const read = answer[0] === 0 ? decodeNatPmpResponse(answer) : decodeResponse(answer);
  if (read.kind === 'ignored') expect(answer[3], read.why).not.toBe(0);
}

describe('a simulator among strangers', () => {
  it('never throws, answers only what decodes, and keeps its table sound', () => {
    const server = new Simulator({ quotaPerClient: 20 }, seededRandom(3), START);
    server.setFaults({ speaks: 'both' }, START);
    let now = START;
    const datagrams = fc.array(fc.tuple(request, fc.option(damage), fc.nat({ max: 60 })), {
      minLength: 100,
      maxLength: 100,
    });
    fc.assert(
      fc.property(datagrams, (sequence) => {
        for (const [{ bytes, from }, harm, pause] of sequence) {
          now = after(now, seconds(pause));
          const sent = harm === null ? bytes : damaged(bytes, harm);
          const outputs = server.handleDatagram(sent, endpoint(from), now);
          for (const { bytes: answer } of transmissionsOf(outputs)) expectReadable(answer);
        }
        const mappings = server.mappings(now);
        expect(new Set(mappings.map(externalKeyText)).size).toBe(mappings.length);
        expect(new Set(mappings.map(internalKeyText)).size).toBe(mappings.length);
        for (const { expiresAt } of mappings) expect(expiresAt).toBeGreaterThan(now);
      }),
      { seed: 20_260_101, numRuns: 200 },
    );
    expect(server.mappings(now).length).toBeGreaterThan(5);
    expect(ask(server, now, { from: '192.168.7.7' }).code).toBe(0);
  });
});
