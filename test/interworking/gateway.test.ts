import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../src/base/ip-address.ts';
import { portNumber } from '../../src/base/port-number.ts';
import { instant, minutes, seconds } from '../../src/base/time.ts';
import { Alarms } from '../../src/interworking/alarms.ts';
import { NonceBook } from '../../src/interworking/nonce-book.ts';
import { PortTurns } from '../../src/interworking/port-turns.ts';
import { leaseLeft, renewalLifetime } from '../../src/interworking/renewal-schedule.ts';
import { promisedLease } from '../../src/lan/igd/port-mapping-arguments.ts';
import { controlPoint, GatewayWorld, mappingRequest } from '../doubles/gateway-on-the-wire.ts';
import { seededRandom } from '../doubles/seeded-random.ts';
import { settle } from '../doubles/virtual-clock.ts';

const HOST = '192.168.1.20';
const host = controlPoint(HOST, 2);

describe('the gateway', () => {
  it('tells one event for each thing that happens, with who and why', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    await world.add(host, mappingRequest({ client: HOST, external: 5001, lease: 600, description: 'chess' }));
    await world.add(host, mappingRequest({ client: HOST, external: 5002 }));
    await world.delete(host, 'TCP', 5002);
    await world.advance(minutes(11));
    const told = world.events.map((event) => `${event.kind}: ${event.text}`);
    expect(told).toHaveLength(4);
    expect(told[0]).toMatch(new RegExp(`^granted: TCP 5001 .*${HOST}.*"chess"`));
    expect(told[1]).toMatch(new RegExp(`^granted: TCP 5002 .*${HOST}.*"game"`));
    expect(told[2]).toContain(`${HOST} deleted it`);
    expect(told[3]).toMatch(/^expired: TCP 5001 → [\d.:]+ closed: its lease is over$/);
  });

  it('closing deletes everything at the server, in NAT1 and on disk', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1', options: { externalAddress: 'anchor' } });
    await world.advance(seconds(1));
    for (const port of [5001, 5002]) await world.add(host, mappingRequest({ client: HOST, external: port, lease: 0 }));
    await world.resolve(world.gateway.close(seconds(2)));
    expect(world.carrier.mappings()).toEqual([]);
    expect(world.localNat?.rules()).toEqual([]);
    expect(world.table.size).toBe(0);
    expect((await world.restart()).table.size).toBe(0);
  });

  it('closing does not wait longer than it may for a silent server', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    await world.add(host, mappingRequest({ client: HOST, external: 5001 }));
    world.wire.isSilent = true;
    const start = world.clock.now();
    await world.resolve(world.gateway.close(seconds(2)));
    expect(world.clock.now() - start).toBeLessThanOrEqual(2000);
  });

  it('stopping leaves everything in place for the next start', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    await world.add(host, mappingRequest({ client: HOST, external: 5001 }));
    world.gateway.stop();
    expect(world.carrier.mappings()).toHaveLength(1);
    expect(world.localNat?.rules()).toHaveLength(1);
    expect((await world.restart()).table.size).toBe(1);
  });

  it('steps SystemUpdateID once for each visible change (IWF-14, U-01)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    const id = () => world.gateway.known.systemUpdateId();
    expect(id()).toBe(0);
    await world.add(host, mappingRequest({ client: HOST, external: 5001 }));
    expect(id()).toBe(1);
    await world.add(host, mappingRequest({ client: HOST, external: 5001, description: 'chess' }));
    expect(id()).toBe(2);
    await world.delete(host, 'TCP', 5001);
    expect(id()).toBe(3);
  });

  it('says what it waits for', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    await world.add(host, mappingRequest({ client: HOST, external: 5001 }));
    expect(world.gateway.machine.nextWake()?.why).toBe('renew TCP 5001');
  });
});

describe('leases (RFC 6970 §4.1, §5.9)', () => {
  it('are promised by version: 0 is endless or a week, more than a week is a week (IWF-05, Q-02)', () => {
    expect([0, 60, 604_800, 604_801, 4_294_967_295].map((lease) => promisedLease(lease, 2))).toEqual([
      604_800, 60, 604_800, 604_800, 604_800,
    ]);
    expect([0, 60, 604_801].map((lease) => promisedLease(lease, 1))).toEqual([0, 60, 604_801]);
  });

  it('never say 0 of an entry that has an end (U-01)', () => {
    expect(leaseLeft(instant(1000), instant(1000))).toBe(1);
    expect(leaseLeft(instant(5001), instant(0))).toBe(6);
    expect(leaseLeft(undefined, instant(0))).toBe(0);
  });

  it('never ask for 0 or for more than 32 bits hold (IWF-84, Q-01)', () => {
    expect(renewalLifetime(instant(10), instant(0))).toBe(120);
    expect(renewalLifetime(undefined, instant(0))).toBe(0xffff_ffff);
    expect(renewalLifetime(instant(1e15), instant(0))).toBe(0xffff_ffff);
  });
});

describe('Alarms', () => {
  it('ring in the order of their times, and say what comes next', async () => {
    const alarms = new Alarms();
    const rung: string[] = [];
    let moved = 0;
    alarms.onWakeMoved(() => {
      moved += 1;
    });
    for (const at of [30, 10, 20])
      void alarms.until(instant(at), `alarm ${at}`).then((how) => rung.push(`${at} ${how}`));
    expect(alarms.nextWake()).toEqual({ at: 10, why: 'alarm 10' });
    expect(moved).toBe(2);
    alarms.handleTimeout(instant(20));
    await settle();
    expect(rung).toEqual(['10 rang', '20 rang']);
    alarms.cancelAll();
    await settle();
    expect(rung.at(-1)).toBe('30 cancelled');
    expect(alarms.nextWake()).toBeUndefined();
  });

  it('are cancelled by a signal, also by one that came before', async () => {
    const alarms = new Alarms();
    const abort = new AbortController();
    const alarm = alarms.until(instant(10), 'never', abort.signal);
    abort.abort();
    expect(await alarm).toBe('cancelled');
    expect(await alarms.until(instant(10), 'never', abort.signal)).toBe('cancelled');
    expect(alarms.nextWake()).toBeUndefined();
  });
});

describe('PortTurns', () => {
  it('one after the other for the same name, all at once for others, whatever fails', async () => {
    const turns = new PortTurns();
    const done: string[] = [];
    const work = (text: string, waits: number) => async () => {
      for (let turn = 0; turn < waits; turn += 1) await Promise.resolve();
      done.push(text);
      if (text === 'a1') throw new Error('a1 failed');
    };
    const first = turns.take('a', work('a1', 9));
    const second = turns.take('a', work('a2', 0));
    const other = turns.take('b', work('b1', 0));
    await expect(first).rejects.toThrow('a1 failed');
    await Promise.all([second, other]);
    expect(done).toEqual(['b1', 'a1', 'a2']);
  });
});

describe('NonceBook (RFC 6887 §11.1)', () => {
  const atRandom = (): NonceBook => {
    const random = seededRandom(1);
    return new NonceBook(() => random.bytes(12));
  };
  const owner = { server: 'carrier', thirdParty: undefined, protocol: 'TCP', internalPort: portNumber(1) } as const;

  it('remembers: the same for the same, another for every other (P-31, P-32, P-73)', () => {
    const book = atRandom();
    const nonce = book.nonceFor(owner);
    expect(book.nonceFor({ ...owner })).toBe(nonce);
    const others = [
      { ...owner, server: 'another' },
      { ...owner, protocol: 'UDP' as const },
      { ...owner, internalPort: portNumber(2) },
      { ...owner, thirdParty: IpAddress.of(HOST) },
    ].map((other) => book.nonceFor(other));
    expect(new Set([nonce, ...others]).size).toBe(5);
  });

  it('forgets the oldest before it grows without end', () => {
    const book = atRandom();
    const nonce = book.nonceFor(owner);
    for (let number = 0; number < 9000; number += 1) book.nonceFor({ ...owner, server: `server ${number}` });
    expect(book.nonceFor(owner)).not.toBe(nonce);
  });
});
