import { beforeEach, describe, expect, it } from 'vitest';
import { ANY_IPV4, IpAddress } from '../../src/base/ip-address.ts';
import { ANY_PORT, portNumber } from '../../src/base/port-number.ts';
import { days, hours, minutes, seconds } from '../../src/base/time.ts';
import { KeptMapping } from '../../src/daemon/kept-mapping.ts';
import type { Patience, PcpService } from '../../src/interworking/pcp-service.ts';
import { type Granted, type MapOutcome, type MappingUpdate, serverId } from '../../src/pcp/map-outcome.ts';
import type { MapRequest } from '../../src/pcp/map-request.ts';
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

beforeEach(() => {
  clock = new VirtualClock();
  start = clock.now();
  answer = () => grant(6881);
  asked = [];
  news = [];
});

const service: PcpService = {
  map: async (request, patience) => {
    asked.push({ at: (clock.now() - start) / 1000, request, patience });
    return answer();
  },
  release: async () => ({ kind: 'released', server: SERVER, busyFor: seconds(0) }),
  currentServer: () => SERVER,
  health: () => 'up',
  sourceAddress: () => INSIDE,
  canNameThirdParty: () => true,
  canFilterRemotePeers: () => true,
  listen: () => {},
};

const keep = (first = grant(6881)): KeptMapping =>
  new KeptMapping({ service, clock, random: { unit: () => 0.5 } }, REQUEST, first, {
    changed: () => news.push('changed'),
    lost: (why) => news.push(`lost: ${why.kind}`),
  });

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

  it('is lost when the update says so', async () => {
    keep().update(update({ kind: 'refused', code: 11, lifetimeSeconds: 30 }));
    expect(news).toEqual(['lost: refused']);
  });

  it('asks for nothing any more once released or abandoned', async () => {
    expect(await keep().release()).toMatchObject({ kind: 'released' });
    keep().abandon();
    await clock.advance(days(2));
    expect(asked).toEqual([]);
  });
});
