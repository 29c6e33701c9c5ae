import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../src/base/ip-address.ts';
import { type PortNumber, portNumber } from '../../src/base/port-number.ts';
import { after, type Instant, instant, seconds } from '../../src/base/time.ts';
import type { Option } from '../../src/pcp/wire/option.ts';
import { encodeRequest } from '../../src/pcp/wire/pcp-request.ts';
import { Simulator } from '../../src/simulator/simulator.ts';
import type { SimulatorOptions } from '../../src/simulator/simulator-options.ts';
import {
  ask,
  endpoint,
  mapRequestBytes,
  mapResponseIn,
  nonce,
  responseIn,
  transmissionsOf,
} from '../doubles/pcp-asker.ts';

const START = instant(1_000_000);
const later = (s: number): Instant => after(START, seconds(s));
const simulator = (options: Partial<SimulatorOptions> = {}): Simulator =>
  new Simulator(options, { unit: () => 0.5 }, START);

const PREFER_FAILURE: Option = { kind: 'prefer failure' };
const thirdParty = (address: string): Option => ({ kind: 'third party', internalAddress: IpAddress.of(address) });
const filter = (address: string, prefixBits = 128): Option => ({
  kind: 'filter',
  prefixBits,
  remotePort: 0 as PortNumber,
  remoteAddress: IpAddress.of(address),
});

describe('making and renewing (RFC 6887 §11.3)', () => {
  it('grants the suggested port, says the lifetime and the epoch, and keeps what it granted', () => {
    const server = simulator();
    const granted = ask(server, later(7), { suggestedPort: 6881, lifetime: 3600 });
    expect(granted).toMatchObject({ code: 0, externalPort: 6881, lifetimeSeconds: 3600, epoch: 7 });
    expect(granted.externalAddress.text).toBe('1.2.3.4');
    expect(server.mappings(later(7))).toMatchObject([{ internalPort: 8080, externalPort: 6881, protocol: 'TCP' }]);
  });

  it('keeps lifetimes between its shortest and its longest (P-44, RFC 6887 §15)', () => {
    const server = simulator();
    expect(ask(server, START, { lifetime: 1 }).lifetimeSeconds).toBe(120);
    expect(ask(server, START, { lifetime: 0xffff_ffff, internalPort: 2 }).lifetimeSeconds).toBe(86_400);
  });

  it('forgets a mapping when its lifetime is over, and wakes for it', () => {
    const server = simulator();
    ask(server, START, { lifetime: 120 });
    expect(server.nextWake()).toMatchObject({ at: later(120) });
    expect(server.mappings(later(119))).toHaveLength(1);
    expect(server.mappings(later(120))).toHaveLength(0);
  });

  it('prolongs the mapping on a renewal with its nonce (P-41)', () => {
    const server = simulator();
    ask(server, START, { suggestedPort: 6881, lifetime: 120 });
    expect(ask(server, later(60), { suggestedPort: 6881, lifetime: 120 }).code).toBe(0);
    expect(server.mappings(later(150))).toHaveLength(1);
  });

  it('refuses another nonce with NOT_AUTHORIZED and the life left (P-33, Simple Threat Model)', () => {
    const server = simulator();
    ask(server, START, { lifetime: 3600 });
    expect(ask(server, later(100), { nonce: nonce(2) })).toMatchObject({ code: 2, lifetimeSeconds: 3500 });
  });

  it('gives one external port per internal port: another one is answered with the first (P-76)', () => {
    const server = simulator();
    ask(server, START, { suggestedPort: 6881 });
    expect(ask(server, START, { suggestedPort: 7000 }).externalPort).toBe(6881);
    expect(ask(server, later(10), { suggestedPort: 7000, options: [PREFER_FAILURE] })).toMatchObject({
      code: 11,
      lifetimeSeconds: 3590,
    });
    expect(server.mappings(later(10))).toMatchObject([{ externalPort: 6881 }]);
  });

  it('maps TCP and UDP apart (P-79)', () => {
    const server = simulator();
    ask(server, START, { suggestedPort: 6881 });
    expect(ask(server, START, { suggestedPort: 6881, protocol: 'UDP', nonce: nonce(9) }).externalPort).toBe(6881);
  });

  it('steps to the next port when the suggested one is taken', () => {
    const server = simulator();
    ask(server, START, { suggestedPort: 65_535 });
    expect(ask(server, START, { from: '192.168.1.11', suggestedPort: 65_535 }).externalPort).toBe(1024);
  });

  it('draws a port at random where it is told to', () => {
    const server = simulator({ portChoice: 'random' });
    expect(ask(server, START, { suggestedPort: 6881 }).externalPort).toBe(1024 + Math.floor(64_512 / 2));
  });

  it('keeps an internal address on one external address of the pool', () => {
    const draws = [0, 0.99];
    const pool = { externalAddresses: [IpAddress.of('1.2.3.4'), IpAddress.of('1.2.3.5')] };
    const server = new Simulator(pool, { unit: () => draws.shift() ?? 0.99 }, START);
    expect(ask(server, START).externalAddress.text).toBe('1.2.3.4');
    expect(ask(server, START, { internalPort: 81 }).externalAddress.text).toBe('1.2.3.4');
    expect(ask(server, START, { from: '192.168.1.11' }).externalAddress.text).toBe('1.2.3.5');
  });
});

describe('limits', () => {
  it('refuses a client over its quota for 30 s, and nobody else (USER_EX_QUOTA)', () => {
    const server = simulator({ quotaPerClient: 1 });
    ask(server, START);
    expect(ask(server, START, { internalPort: 81 })).toMatchObject({ code: 10, lifetimeSeconds: 30 });
    expect(ask(server, START).code).toBe(0);
    expect(ask(server, START, { from: '192.168.1.11' }).code).toBe(0);
  });

  it('refuses everybody when the table is full, and when the ports are (NO_RESOURCES)', () => {
    const full = simulator({ maxMappings: 1 });
    ask(full, START);
    expect(ask(full, START, { internalPort: 81 }).code).toBe(8);
    const ports = { first: portNumber(5000), last: portNumber(5000) };
    const narrow = simulator({ externalPorts: ports });
    ask(narrow, START);
    expect(ask(narrow, START, { internalPort: 81 }).code).toBe(8);
  });
});

describe('deleting (RFC 6887 §15)', () => {
  it('removes the mapping, and is content when there is none (P-70, P-71)', () => {
    const server = simulator();
    ask(server, START);
    expect(ask(server, START, { lifetime: 0 })).toMatchObject({ code: 0, lifetimeSeconds: 0, externalPort: 0 });
    expect(server.mappings(START)).toHaveLength(0);
    expect(ask(server, START, { lifetime: 0 }).code).toBe(0);
  });

  it('needs the nonce (P-33)', () => {
    const server = simulator();
    ask(server, START);
    expect(ask(server, later(600), { lifetime: 0, nonce: nonce(2) })).toMatchObject({ code: 2, lifetimeSeconds: 3000 });
    expect(server.mappings(later(600))).toHaveLength(1);
  });

  it('deletes all ports of a protocol, or all of everything, of one client and nonce (P-75)', () => {
    const server = simulator();
    for (const port of [80, 81]) ask(server, START, { internalPort: port });
    ask(server, START, { internalPort: 80, protocol: 'UDP' });
    ask(server, START, { internalPort: 82, nonce: nonce(7) });
    ask(server, START, { from: '192.168.1.11', internalPort: 80 });
    expect(ask(server, START, { lifetime: 0, internalPort: 0, protocol: 'TCP' }).code).toBe(0);
    expect(server.mappings(START)).toMatchObject([{ protocol: 'UDP' }, { internalPort: 82 }, { internalPort: 80 }]);
    expect(ask(server, START, { lifetime: 0, internalPort: 0, protocol: 0 }).code).toBe(0);
    expect(server.mappings(START)).toMatchObject([{ internalPort: 82 }, { internalPort: 80 }]);
    expect(ask(server, START, { lifetime: 0, internalPort: 0, protocol: 0 }).code).toBe(2);
  });

  it('holds a released port back for 120 s, except for its last owner with the same nonce (P-73)', () => {
    const server = simulator();
    ask(server, START, { suggestedPort: 6881 });
    ask(server, START, { lifetime: 0 });
    const other = { from: '192.168.1.11', suggestedPort: 6881, options: [PREFER_FAILURE] };
    expect(ask(server, later(20), other)).toMatchObject({ code: 11, lifetimeSeconds: 100 });
    expect(ask(server, later(20), { ...other, from: '192.168.1.10', nonce: nonce(3) }).code).toBe(11);
    expect(ask(server, later(20), { ...other, from: '192.168.1.10' }).code).toBe(0);
    ask(server, later(20), { lifetime: 0 });
    expect(ask(server, later(139), other).code).toBe(11);
    expect(ask(server, later(140), other).code).toBe(0);
  });

  it('says how long outbound traffic still keeps a deleted mapping (P-72)', () => {
    const server = simulator();
    server.setFaults({ busyAfterDelete: seconds(90) }, START);
    ask(server, START);
    expect(ask(server, START, { lifetime: 0 }).lifetimeSeconds).toBe(90);
    expect(server.mappings(later(89))).toHaveLength(1);
    expect(server.mappings(later(90))).toHaveLength(0);
  });

  it('shows static mappings without end and lets nobody delete them (P-77)', () => {
    const server = simulator();
    const key = {
      internalAddress: IpAddress.of('192.168.1.10'),
      protocol: 'TCP',
      internalPort: portNumber(8080),
    } as const;
    server.addStaticMapping(key, portNumber(443), START);
    expect(ask(server, START)).toMatchObject({ code: 0, externalPort: 443, lifetimeSeconds: 0xffff_ffff });
    expect(ask(server, START, { lifetime: 0 }).code).toBe(2);
  });
});

describe('options (RFC 6887 §13)', () => {
  it('PREFER_FAILURE: the port or CANNOT_PROVIDE_EXTERNAL with the life left of who has it (P-12)', () => {
    const server = simulator();
    const exact = { suggestedPort: 6881, options: [PREFER_FAILURE] };
    expect(ask(server, START, exact)).toMatchObject({ code: 0, externalPort: 6881, options: [PREFER_FAILURE] });
    expect(ask(server, later(600), { ...exact, from: '192.168.1.11' })).toMatchObject({
      code: 11,
      lifetimeSeconds: 3000,
    });
    expect(ask(server, START, { ...exact, internalPort: 9, suggestedPort: 80 })).toMatchObject({
      code: 11,
      lifetimeSeconds: 1800,
    });
    expect(ask(server, START, { ...exact, internalPort: 9, suggestedPort: 90, suggestedAddress: '9.9.9.9' }).code).toBe(
      11,
    );
  });

  it('PREFER_FAILURE without a port, or when deleting, is malformed (P-12)', () => {
    const server = simulator();
    expect(ask(server, START, { options: [PREFER_FAILURE] }).code).toBe(6);
    expect(ask(server, START, { suggestedPort: 6881, lifetime: 0, options: [PREFER_FAILURE] }).code).toBe(6);
  });

  it('THIRD_PARTY: off unless allowed, keyed by the named address, never the sender itself (P-11)', () => {
    expect(ask(simulator(), START, { options: [thirdParty('192.168.1.50')] }).code).toBe(5);
    const server = simulator({ allowThirdParty: true });
    expect(ask(server, START, { options: [thirdParty('192.168.1.50')] }).options).toHaveLength(1);
    expect(server.mappings(START)[0]?.internalAddress.text).toBe('192.168.1.50');
    expect(ask(server, START, { options: [thirdParty('192.168.1.10')] }).code).toBe(3);
  });

  it('FILTER adds up, prefix 0 clears, and too many change nothing (P-14)', () => {
    const server = simulator({ filtersPerMapping: 2 });
    const remote = (): readonly string[] | undefined => server.mappings(START)[0]?.filters.map((f) => f.address.text);
    ask(server, START, { options: [filter('198.51.100.1')] });
    ask(server, START, { options: [filter('198.51.100.2'), filter('198.51.100.1')] });
    expect(remote()).toEqual(['198.51.100.1', '198.51.100.2']);
    expect(ask(server, START, { options: [filter('198.51.100.3')] }).code).toBe(13);
    expect(remote()).toEqual(['198.51.100.1', '198.51.100.2']);
    ask(server, START, { options: [filter('::', 0), filter('198.51.100.9')] });
    expect(remote()).toEqual(['198.51.100.9']);
    expect(ask(server, START, { lifetime: 0, options: [filter('198.51.100.9')] }).code).toBe(6);
  });

  it('DESCRIPTION is kept, cut, changed and erased (RFC 7220)', () => {
    const server = simulator();
    const describedAs = (text: string): readonly Option[] => [{ kind: 'description', text }];
    expect(ask(server, START, { options: describedAs('Camera') }).options).toEqual(describedAs('Camera'));
    ask(server, START);
    expect(server.mappings(START)[0]?.description).toBe('Camera');
    expect(ask(server, START, { options: describedAs('é'.repeat(500)) }).options).toEqual(describedAs('é'.repeat(128)));
    expect(ask(server, START, { options: describedAs('') }).options).toEqual(describedAs(''));
    expect(server.mappings(START)[0]?.description).toBeUndefined();
  });

  it('refuses unknown mandatory options and skips unknown optional ones (P-09, RFC 6887 §7.3)', () => {
    const unknown = (code: number): Option => ({ kind: 'unknown', code, data: Uint8Array.of(1, 2, 3) });
    expect(ask(simulator(), START, { options: [unknown(77)] }).code).toBe(5);
    expect(ask(simulator(), START, { options: [unknown(200)] })).toMatchObject({ code: 0, options: [] });
  });
});

describe('what cannot be asked', () => {
  it.each([
    ['all protocols on one port', { protocol: 0, internalPort: 80 }, 3],
    ['all protocols', { protocol: 0, internalPort: 0 }, 9],
    ['all ports of TCP', { internalPort: 0 }, 9],
    ['SCTP', { protocol: 132 }, 9],
    ['an address that is not the sender', { claimedAddress: '10.0.0.1' }, 12],
  ])('%s (P-75, RFC 6887 §11.1, §8.2)', (_, asking, code) => {
    expect(ask(simulator(), START, asking).code).toBe(code);
  });

  it('answers ANNOUNCE with the epoch (P-50), PEER with UNSUPP_OPCODE, version 1 with UNSUPP_VERSION', () => {
    const from = endpoint('192.168.1.10');
    const head = { clientAddress: from.address, lifetimeSeconds: 0, options: [] };
    const reply = (bytes: Uint8Array): Uint8Array =>
      transmissionsOf(simulator().handleDatagram(bytes, from, later(9)))[0]?.bytes ?? new Uint8Array();
    expect(responseIn(reply(encodeRequest({ kind: 'announce', ...head })))).toMatchObject({ code: 0, epoch: 9 });
    const peer = mapResponseIn(reply(mapRequestBytes({}))).nonce;
    expect(peer).toBe(nonce(1));
    const old = mapRequestBytes({});
    old[0] = 1;
    expect([...reply(old).subarray(0, 4)]).toEqual([2, 0x81, 0, 1]);
    const asPeer = mapRequestBytes({});
    asPeer[1] = 5;
    expect([...reply(asPeer).subarray(0, 4)]).toEqual([2, 0x85, 0, 4]);
  });

  it('is silent to responses and to what is shorter than a header (RFC 6887 §8.2)', () => {
    const response = mapRequestBytes({});
    response[1] = 0x81;
    for (const bytes of [response, new Uint8Array(0), Uint8Array.of(2), mapRequestBytes({}).subarray(0, 20)]) {
      const outputs = simulator().handleDatagram(bytes, endpoint('192.168.1.10'), START);
      expect(outputs).toMatchObject([{ kind: 'served', request: { answer: 'ignored' } }]);
    }
  });
});
