// Whatever a LAN host posts, subscribes or asks for: one answer, in time, well-formed, and a refusal changes nothing.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../src/base/ip-address.ts';
import { milliseconds, minutes } from '../../src/base/time.ts';
import { parseXml } from '../../src/base/xml.ts';
import { DaemonWorld, ROUTER } from '../doubles/daemon-world.ts';
import { ownTime } from '../doubles/own-time.ts';
import { at } from '../doubles/simulated-network.ts';
import { corpus, damaged, FUZZ_TIMEOUT_MS, fuzz } from './fuzzing.ts';

const HOSTILE = IpAddress.of('192.168.1.66');
const HTTP = at(ROUTER, 5000);
const XML_LIMITS = { characters: 1_000_000, tags: 100_000 };
/** One answer may not take longer than this to work out, on a machine that does something else besides. */
const WORKED_OUT_WITHIN = milliseconds(2000);

interface WrittenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** As the HTTP server below would hand it over: names in lower case. */
function readRequest(text: string): WrittenRequest {
  const [head = '', ...bodies] = text.replaceAll('\r\n', '\n').split('\n\n');
  const [first = '', ...lines] = head.split('\n');
  const [method = 'GET', path = '/'] = first.split(' ');
  const headers = Object.fromEntries(
    lines.map((line) => {
      const [name = '', ...rest] = line.split(':');
      return [name.toLowerCase(), rest.join(':').trim()];
    }),
  );
  return {
    method: method.toUpperCase(),
    path: path.startsWith('/') ? path : `/${path}`,
    headers,
    body: bodies.join('\n\n'),
  };
}

async function worldWithVictim(): Promise<{ world: DaemonWorld; victim: string }> {
  const world = await DaemonWorld.open({ settings: { 'policy.requests_per_minute': '0' } });
  expect(await world.computer('192.168.1.20').add({ external: 5555, lease: 0 })).toBe('ok');
  const [victim = ''] = world.tableText();
  return { world, victim };
}

describe('requests on the LAN listener, damaged', () => {
  const originals = corpus('lan-requests');

  it(
    'get one answer in time; what is refused changes nothing; another host keeps its mapping',
    async () => {
      const { world, victim } = await worldWithVictim();
      await fuzz(
        damaged(originals),
        400,
        async (text) => {
          const before = world.tableText();
          const began = ownTime();
          const asked = world.simulated.network.request(HOSTILE, HTTP, readRequest(text));
          const answer = await world.clock.resolve(asked, minutes(2));
          expect(ownTime() - began).toBeLessThan(WORKED_OUT_WITHIN);
          expect(answer?.status).toBeGreaterThanOrEqual(200);
          expect(answer?.status).toBeLessThan(600);
          const headers = Object.entries(answer?.headers ?? {});
          expect(headers.filter(([name, value]) => /[\r\n\0]/.test(name + value))).toEqual([]);
          const type = headers.find(([name]) => name.toLowerCase() === 'content-type')?.[1] ?? '';
          if (type.includes('xml')) expect(parseXml(answer?.body ?? '', XML_LIMITS)).toMatchObject({ ok: true });
          if (answer?.status !== 200) expect(world.tableText()).toEqual(before);
          expect(world.tableText()).toContain(victim);
        },
        originals,
      );
      await world.passes(minutes(1));
      const elsewhere = world.table().filter((row) => !['192.168.1.20', HOSTILE.text].includes(row.internalClient));
      expect(elsewhere).toEqual([]);
      expect(world.carrier.mappings()).toHaveLength(world.table().length);
      expect(world.box.logged('error')).toEqual([]);
    },
    FUZZ_TIMEOUT_MS,
  );

  it(
    'from outside the LAN are turned away, whatever they are',
    async () => {
      const { world } = await worldWithVictim();
      const before = world.tableText();
      const strangers = fc.constantFrom('100.64.1.1', '8.8.8.8', '192.168.2.1', '192.168.0.255');
      await fuzz(fc.tuple(strangers, damaged(originals)), 100, async ([stranger, text]) => {
        const asked = world.simulated.network.request(IpAddress.of(stranger), HTTP, readRequest(text));
        const answer = await world.clock.resolve(asked, minutes(2));
        expect(answer?.status).toBe(403);
        expect(answer?.body ?? '').toBe('');
        expect(world.tableText()).toEqual(before);
      });
    },
    FUZZ_TIMEOUT_MS,
  );
});
