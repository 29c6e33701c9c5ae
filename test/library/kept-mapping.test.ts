import { beforeEach, describe, expect, it } from 'vitest';
import { ANY_IPV4, IpAddress } from '../../src/base/ip-address.ts';
import { ANY_PORT, portNumber } from '../../src/base/port-number.ts';
import { days, hours, minutes, seconds } from '../../src/base/time.ts';
import type { Patience, PcpService } from '../../src/interworking/pcp-service.ts';
import { KeptMapping } from '../../src/library/kept-mapping.ts';
import {
  type Granted,
  type MapOutcome,
  type MappingUpdate,
  type ServerId,
  serverId,
} from '../../src/pcp/asking/map-outcome.ts';
import type { MapRequest } from '../../src/pcp/asking/map-request.ts';
import { nonce } from '../doubles/pcp-asker.ts';
import { VirtualClock } from '../doubles/virtual-clock.ts';

const SERVER = serverId('test');
const INSIDE = IpAddress.of('192.168.1.10');
const SILENCE: MapOutcome = { kind: 'unanswered', why: 'no answer in time' };

const grant = (assignedPort: number, lifetime = hours(1)): Granted => ({
  kind: 'granted',
  server: SERVER,
  internalAddress: INSIDE,
  assignedAddress: IpAddress.of('1.2.3.4'),
  assignedPort: portNumber(assignedPort),
  lifetime,
});

const REQUEST: MapRequest = {
  protocol: 'TCP',
  internalPort: portNumber(80),
  thirdParty: undefined,
  nonce: nonce(1),
  suggestedPort: ANY_PORT,
  suggestedAddress: ANY_IPV4,
  exactPort: false,
  remotePeers: [],
  lifetimeSeconds: 3600,
};

let clock: VirtualClock;
let start: number;
let answer: () => MapOutcome;
let asked: { readonly at: number; readonly request: MapRequest; readonly patience: Patience }[];
let news: string[];
let current: ServerId;

beforeEach(() => {
  clock = new VirtualClock();
  start = clock.now();
  answer = () => grant(6881);
  asked = [];
  news = [];
  current = SERVER;
});

const service: { -readonly [Name in keyof PcpService]: PcpService[Name] } = {
  map: async (request, patience) => {
    asked.push({ at: (clock.now() - start) / 1000, request, patience });
    return answer();
  },
  release: async () => ({ kind: 'released', server: SERVER, busyFor: seconds(0) }),
  releaseOwed: async () => ({ kind: 'released', server: SERVER, busyFor: seconds(0) }),
  currentServer: () => current,
  health: () => 'up',
  seek: () => false,
  sourceAddress: () => INSIDE,
  canNameThirdParty: () => true,
  canFilterRemotePeers: () => true,
  listen: () => {},
};

const keep = (first = grant(6881), request = REQUEST): KeptMapping =>
  new KeptMapping(
    { service, clock, random: { unit: () => 0.5, bytes: (count) => new Uint8Array(count).fill(9) } },
    request,
    first,
    {
      changed: () => news.push('changed'),
      lost: (why) => news.push(`lost: ${why.kind}`),
    },
  );

const update = (change: MappingUpdate['change']): MappingUpdate => ({
  server: SERVER,
  nonce: nonce(1),
  protocol: 'TCP',
  internalPort: portNumber(80),
  internalAddress: INSIDE,
  change,
});

describe('a mapping that is kept', () => {
  it('is renewed once per half life with what was assigned (P-40, P-41)', async () => {
    keep();
    await clock.advance(days(1));
    expect(asked.length).toBeGreaterThan(40);
    expect(asked.length).toBeLessThan(49);
    expect(asked[0]).toMatchObject({ at: 2025, request: { suggestedPort: 6881, nonce: nonce(1) } });
    expect(asked[0]?.patience.kind).toBe('one packet');
    expect(news).toEqual([]);
  });

  it('uses the later windows when a renewal stays unanswered, and says when it is lost (RFC 6887 §11.2.1)', async () => {
    const mapping = keep();
    answer = () => SILENCE;
    await clock.advance(minutes(60));
    expect(asked.map(({ at }) => at).slice(0, 3)).toEqual([2025, 2812.5, 3206.25]);
    expect(news).toEqual(['lost: unanswered']);
    expect(mapping.state).toBe('lost');
  });

  it('comes back by itself after a loss, asking less and less often', async () => {
    const mapping = keep();
    answer = () => SILENCE;
    await clock.advance(minutes(60));
    const before = asked.length;
    await clock.advance(minutes(60));
    expect(asked.length - before).toBeLessThan(12);
    answer = () => grant(6881);
    await clock.advance(minutes(15));
    expect(news).toEqual(['lost: unanswered', 'changed']);
    expect(mapping.state).toBe('mapped');
  });

  it('tells of another port', async () => {
    const mapping = keep();
    answer = () => grant(7000);
    await clock.advance(minutes(40));
    expect(news).toEqual(['changed']);
    expect(mapping.externalPort).toBe(7000);
  });

  it('waits 0-5 s before it is restored (RFC 6887 §14.1.3)', async () => {
    const mapping = keep();
    mapping.restore();
    await clock.advance(seconds(10));
    expect(asked).toMatchObject([{ at: 2.5, patience: { kind: 'keep trying' } }]);
    expect(news).toEqual([]);
  });

  it('takes a Mapping Update over and confirms it with one renewal (P-54)', async () => {
    const mapping = keep();
    answer = () => grant(7000);
    const { assignedAddress, assignedPort, lifetime } = grant(7000);
    mapping.update(update({ kind: 'granted', assignedAddress, assignedPort, lifetime }));
    await clock.advance(seconds(10));
    expect(news).toEqual(['changed']);
    expect(asked).toMatchObject([{ request: { suggestedPort: 7000 } }]);
  });

  it('in doubt is asked for until it is there (RFC 6887 §14.1.3)', async () => {
    const mapping = keep();
    mapping.update(update({ kind: 'doubted' }));
    await clock.advance(seconds(10));
    expect(asked).toMatchObject([{ patience: { kind: 'keep trying' }, request: { suggestedPort: 6881 } }]);
    expect(news).toEqual([]);
  });

  it('is lost when the update says so', async () => {
    keep().update(update({ kind: 'refused', code: 11, lifetimeSeconds: 30 }));
    expect(news).toEqual(['lost: refused']);
  });

  it('has another nonce at another server, and its own again at the first (P-31; RFC 6887 §11.2)', async () => {
    const mapping = keep();
    const nonceAt = async (server: ServerId): Promise<string | undefined> => {
      current = server;
      answer = () => ({ ...grant(6881), server });
      mapping.restore();
      await clock.advance(seconds(10));
      return asked.at(-1)?.request.nonce;
    };
    expect(await nonceAt(serverId('second'))).toBe('090909090909090909090909');
    expect(await nonceAt(SERVER)).toBe(nonce(1));
    mapping.update(update({ kind: 'refused', code: 11, lifetimeSeconds: 30 }));
    expect(news).toEqual(['lost: refused']);
  });

  it('an answer to what was asked before does not call a restoration off', async () => {
    const mapping = keep();
    await clock.advance(seconds(2024));
    let late: (outcome: MapOutcome) => void = () => {};
    const { map } = service;
    service.map = () =>
      new Promise((resolve) => {
        late = resolve;
      });
    await clock.advance(seconds(2));
    service.map = map;
    mapping.restore();
    late(grant(6881));
    await clock.advance(seconds(10));
    expect(asked).toMatchObject([{ patience: { kind: 'keep trying' } }]);
  });

  it('is lost when it ends, though it is still being restored', async () => {
    keep();
    await clock.advance(minutes(58));
    asked = [];
    const mapping = keep(grant(6881, minutes(5)));
    answer = () => SILENCE;
    mapping.restore();
    await clock.advance(seconds(4));
    const { patience } = asked.at(-1) ?? {};
    expect(patience?.kind === 'keep trying' ? patience.until : undefined).toBe(start + 63 * 60_000);
  });

  it('that was lost is asked for at once when the server is back', async () => {
    const mapping = keep();
    answer = () => SILENCE;
    await clock.advance(minutes(90));
    answer = () => grant(6881);
    mapping.serverIsBack();
    await clock.advance(seconds(5));
    expect(mapping.state).toBe('mapped');
  });

  it('with an exact port is found again under another external address (Q-15)', async () => {
    const mapping = keep(grant(6881), { ...REQUEST, exactPort: true, suggestedPort: portNumber(6881) });
    answer = () => {
      const isAnywhere = asked.at(-1)?.request.suggestedAddress.isUnspecified === true;
      const refusal = {
        kind: 'refused',
        server: SERVER,
        code: 11,
        lifetimeSeconds: 0,
        hold: seconds(30),
        by: 'server',
      } as const;
      return isAnywhere ? { ...grant(6881), assignedAddress: IpAddress.of('5.6.7.8') } : refusal;
    };
    mapping.restore();
    await clock.advance(minutes(2));
    expect(mapping.externalAddress.text).toBe('5.6.7.8');
    expect(news).toEqual(['lost: refused', 'changed']);
  });

  it('asks for nothing any more once released or abandoned', async () => {
    expect(await keep().release()).toMatchObject({ kind: 'released' });
    keep().abandon();
    await clock.advance(days(2));
    expect(asked).toEqual([]);
  });
});
