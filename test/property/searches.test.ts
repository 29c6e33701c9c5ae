// Whatever arrives at the SSDP port: at most one answer per device and service asked for, to whom asked, and none to a
// stranger or to an address that stands for everybody.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Endpoint, IpAddress } from '../../src/base/ip-address.ts';
import { IpPrefix } from '../../src/base/ip-prefix.ts';
import type { SsdpMessage } from '../../src/base/ssdp-socket.ts';
import { after, type Instant, instant, seconds } from '../../src/base/time.ts';
import { advertisementsOf } from '../../src/upnp/ssdp/advertised-root.ts';
import { SearchResponder, type SearchResponderOutput } from '../../src/upnp/ssdp/search-responder.ts';
import { seededRandom } from '../doubles/seeded-random.ts';
import { IGD1, IGD2, SPEAKER } from '../upnp/ssdp/roots.ts';
import { corpus, damaged, FUZZ_TIMEOUT_MS, fuzz } from './fuzzing.ts';

const LAN = IpPrefix.of(IpAddress.of('192.168.1.0'), 24);
const ROOTS = [IGD1, IGD2];
/** All that one search can ask for. */
const EVERYTHING = ROOTS.flatMap((root) => advertisementsOf(root)).length;

function readMessage(text: string): SsdpMessage {
  const [startLine = '', ...lines] = text.split('\r\n');
  const headers = lines
    .filter((line) => line.includes(':'))
    .map((line) => [line.slice(0, line.indexOf(':')).toUpperCase(), line.slice(line.indexOf(':') + 1).trim()] as const);
  return { startLine, headers };
}

type Answer = Extract<SearchResponderOutput, { kind: 'unicast' }>;

/** Everything that comes of one message within MX. */
function answersTo(responder: SearchResponder, message: SsdpMessage, from: Endpoint, now: Instant): readonly Answer[] {
  const outputs = [...responder.handleMessage(message, from, now), ...responder.handleTimeout(after(now, seconds(6)))];
  return outputs.filter((output): output is Answer => output.kind === 'unicast');
}

describe('SSDP messages, damaged', () => {
  const originals = corpus('ssdp');
  const texts = damaged(originals);

  it(
    'draw no answer but to whom asked, none twice, and nothing of theirs is repeated',
    async () => {
      const responder = new SearchResponder(SPEAKER, ROOTS, LAN, seededRandom(1));
      let now = instant(0);
      await fuzz(
        texts,
        3000,
        (text) => {
          now = after(now, seconds(30));
          const from = { address: IpAddress.of('192.168.1.66'), port: 40_000 };
          const answers = answersTo(responder, readMessage(text), from, now);
          expect(answers.length).toBeLessThanOrEqual(EVERYTHING);
          for (const { to } of answers) expect(to).toEqual(from);
          const names = answers.map(({ message }) => JSON.stringify(message));
          expect(new Set(names).size).toBe(names.length);
          const values = answers.flatMap(({ message }) => message.headers.map(([, value]) => value));
          expect(values.filter((value) => /[\r\n\0]/.test(value))).toEqual([]);
          expect(responder.nextWake()).toBeUndefined();
        },
        originals,
      );
    },
    FUZZ_TIMEOUT_MS,
  );

  it(
    'draw nothing at all from outside the LAN, from port 0 or from everybody’s address (UDA 1.1 §1.3)',
    async () => {
      const responder = new SearchResponder(SPEAKER, ROOTS, LAN, seededRandom(1));
      const forged: Endpoint[] = [
        { address: IpAddress.of('8.8.8.8'), port: 53 },
        { address: IpAddress.of('100.64.1.1'), port: 1900 },
        { address: IpAddress.of('192.168.1.255'), port: 1900 },
        { address: IpAddress.of('239.255.255.250'), port: 1900 },
        { address: IpAddress.of('192.168.1.66'), port: 0 },
      ];
      await fuzz(fc.tuple(texts, fc.constantFrom(...forged)), 1000, ([text, from]) => {
        expect(answersTo(responder, readMessage(text), from, instant(0))).toEqual([]);
      });
    },
    FUZZ_TIMEOUT_MS,
  );
});
