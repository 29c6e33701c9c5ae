// Searches by the thousand with sources that are forged: what is sent stays bounded, and so does what is remembered.

import { describe, expect, it } from 'vitest';
import { type Endpoint, IpAddress } from '../../src/base/ip-address.ts';
import { IpPrefix } from '../../src/base/ip-prefix.ts';
import type { SsdpMessage } from '../../src/base/ssdp-socket.ts';
import { after, instant, milliseconds, seconds } from '../../src/base/time.ts';
import { SearchResponder } from '../../src/upnp/ssdp/search-responder.ts';
import { seededRandom } from '../doubles/seeded-random.ts';
import { IGD1, IGD2, SPEAKER } from '../upnp/ssdp/roots.ts';

const LAN = IpPrefix.of(IpAddress.of('192.168.0.0'), 16);
const FLOOD = 50_000;
const FLOOD_TAKES = seconds(10);
const HONEST: Endpoint = { address: IpAddress.of('192.168.1.20'), port: 50_000 };

const search = (target: string): SsdpMessage => ({
  startLine: 'M-SEARCH * HTTP/1.1',
  headers: [
    ['HOST', '239.255.255.250:1900'],
    ['MAN', '"ssdp:discover"'],
    ['MX', '5'],
    ['ST', target],
  ],
});

describe('fifty thousand searches for everything in ten seconds', () => {
  const floodedBy = (sourceOf: (index: number) => Endpoint): { sent: number; toHonest: number } => {
    const responder = new SearchResponder(SPEAKER, [IGD1, IGD2], LAN, seededRandom(1));
    const start = instant(1_000_000);
    const receivers: Endpoint[] = [];
    const note = (outputs: ReturnType<SearchResponder['handleTimeout']>): void => {
      for (const output of outputs) if (output.kind === 'unicast') receivers.push(output.to);
    };
    for (let index = 0; index < FLOOD; index += 1) {
      const now = after(start, milliseconds((index * FLOOD_TAKES) / FLOOD));
      note(responder.handleMessage(search('ssdp:all'), sourceOf(index), now));
      note(responder.handleTimeout(now));
    }
    const over = after(start, seconds(20));
    note(responder.handleTimeout(over));
    note(responder.handleMessage(search('upnp:rootdevice'), HONEST, over));
    note(responder.handleTimeout(after(over, seconds(5))));
    return {
      sent: receivers.filter((to) => to !== HONEST).length,
      toHonest: receivers.filter((to) => to === HONEST).length,
    };
  };

  it('of forged sources draw fewer packets than they are, and the next honest search is answered', () => {
    const random = seededRandom(2);
    const { sent, toHonest } = floodedBy(() => ({
      address: IpAddress.of(`192.168.${Math.floor(random.unit() * 256)}.${1 + Math.floor(random.unit() * 254)}`),
      port: 1024 + Math.floor(random.unit() * 60_000),
    }));
    // No amplifier: without a bound each would draw more than twenty answers.
    expect(sent).toBeLessThan(FLOOD / 5);
    expect(toHonest).toBeGreaterThan(0);
  });

  it('of one source draw a few hundred, and the others are answered', () => {
    const { sent, toHonest } = floodedBy((index) => ({
      address: IpAddress.of('192.168.1.66'),
      port: 1024 + (index % 60_000),
    }));
    expect(sent).toBeLessThan(1000);
    expect(toHonest).toBeGreaterThan(0);
  });
});
