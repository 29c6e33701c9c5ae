import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../src/base/ip-address.ts';
import { portNumber } from '../../src/base/port-number.ts';
import { after, before, type Instant, instant, milliseconds, seconds } from '../../src/base/time.ts';
import { encodeNatPmpRequest } from '../../src/pcp/wire/nat-pmp-request.ts';
import { decodeNatPmpResponse } from '../../src/pcp/wire/nat-pmp-response.ts';
import { Simulator, type SimulatorOutput } from '../../src/simulator/simulator.ts';
import type { SimulatorFaults } from '../../src/simulator/simulator-options.ts';
import { ask, endpoint, mapRequestBytes, mapResponseIn, responseIn, transmissionsOf } from '../doubles/pcp-asker.ts';
import { seededRandom } from '../doubles/seeded-random.ts';

const START = instant(1_000_000);
const later = (s: number): Instant => after(START, seconds(s));
const CLIENT = endpoint('192.168.1.10');
const KEY = { internalAddress: CLIENT.address, protocol: 'TCP', internalPort: portNumber(8080) } as const;

function simulator(faults: Partial<SimulatorFaults> = {}): Simulator {
  const server = new Simulator({}, seededRandom(42), START);
  server.setFaults(faults, START);
  return server;
}

/** Follows the machine's wakes until `until`; every output with the time it came at. */
function run(server: Simulator, until: Instant): { readonly at: Instant; readonly output: SimulatorOutput }[] {
  const seen: { at: Instant; output: SimulatorOutput }[] = [];
  for (let at = server.nextWake()?.at; at !== undefined && at <= until; at = server.nextWake()?.at) {
    for (const output of server.handleTimeout(at)) seen.push({ at, output });
  }
  return seen;
}

describe('the network', () => {
  it('loses the asked share of datagrams in each direction', () => {
    const server = simulator({ loss: 0.3 });
    let answers = 0;
    for (let i = 0; i < 2000; i += 1) {
      answers += transmissionsOf(server.handleDatagram(mapRequestBytes({}), CLIENT, START)).length;
    }
    expect(answers / 2000).toBeGreaterThan(0.45);
    expect(answers / 2000).toBeLessThan(0.53);
  });

  it('delays each way, and duplicates', () => {
    const server = simulator({ delay: milliseconds(20), duplicates: 1 });
    expect(server.handleDatagram(mapRequestBytes({}), CLIENT, START)).toEqual([]);
    const sent = run(server, later(1)).filter(({ output }) => output.kind === 'transmit');
    expect(sent.map(({ at }) => at - START)).toEqual([40, 40, 40, 40]);
  });

  it('lets later datagrams overtake earlier ones', () => {
    const server = simulator({ reordering: 0.5 });
    const outputs: SimulatorOutput[] = [];
    for (let port = 1; port <= 50; port += 1) {
      outputs.push(
        ...server.handleDatagram(mapRequestBytes({ internalPort: port }), CLIENT, after(START, milliseconds(port))),
      );
    }
    outputs.push(...run(server, later(5)).map(({ output }) => output));
    const ports = transmissionsOf(outputs).map(({ bytes }) => mapResponseIn(bytes).internalPort);
    expect(ports).toHaveLength(50);
    expect(ports).not.toEqual([...ports].sort((a, b) => a - b));
  });

  it('says nothing while silent, and takes nothing in', () => {
    const server = simulator({ silent: true });
    expect(server.handleDatagram(mapRequestBytes({}), CLIENT, START)).toEqual([]);
    server.setFaults({ silent: false }, START);
    expect(server.mappings(START)).toEqual([]);
    expect(ask(server, START).code).toBe(0);
  });
});

describe('answers that are not right', () => {
  it('gives any result code with any lifetime and changes nothing', () => {
    const server = simulator({ refuseWith: { code: 77, lifetimeSeconds: 5 } });
    expect(ask(server, START)).toMatchObject({ code: 77, lifetimeSeconds: 5 });
    expect(server.mappings(START)).toEqual([]);
  });

  it('answers UNSUPP_OPTION for a missing option, and leaves an optional one out', () => {
    const server = simulator({ missingOptions: new Set([2, 128]) });
    expect(ask(server, START, { suggestedPort: 6881, options: [{ kind: 'prefer failure' }] }).code).toBe(5);
    expect(ask(server, START, { options: [{ kind: 'description', text: 'x' }] })).toMatchObject({
      code: 0,
      options: [],
    });
  });

  it('chokes on a padded option and on no other, as miniupnpd 2.3.1 does', () => {
    const server = simulator({ refusesPadding: true });
    expect(ask(server, START, { options: [{ kind: 'description', text: 'abcde' }] }).code).toBe(6);
    expect(ask(server, START, { options: [{ kind: 'description', text: 'abcd' }] }).code).toBe(0);
  });

  it('answers a PREFER_FAILURE conflict with SUCCESS and another port, as miniupnpd does', () => {
    const server = simulator({ ignorePreferFailure: true });
    ask(server, START, { suggestedPort: 6881 });
    const other = { from: '192.168.1.11', suggestedPort: 6881, options: [{ kind: 'prefer failure' }] } as const;
    expect(ask(server, START, other)).toMatchObject({ code: 0, externalPort: 6882 });
  });

  it('sends from another port, or with a nonce nobody sent', () => {
    const server = simulator({ wrongSourcePort: true, wrongNonce: true });
    const [sent] = transmissionsOf(server.handleDatagram(mapRequestBytes({}), CLIENT, START));
    expect(sent?.fromPort).toBe('another port');
    expect(mapResponseIn(sent?.bytes ?? new Uint8Array()).nonce).toBe(`fe${'01'.repeat(11)}`);
  });

  it.each([
    [2, 2000],
    [0, 1000],
    [-1, 0],
  ])('runs its epoch at rate %d', (epochRate, expected) => {
    const server = simulator();
    server.setFaults({ epochRate }, later(1000));
    expect(ask(server, later(2000)).epoch).toBe(expected === 2000 ? 3000 : expected);
  });
});

describe('restarts (RFC 6887 §14.1)', () => {
  it('forgets its table and its epoch without a word', () => {
    const server = simulator();
    ask(server, START);
    expect(server.restart({ keepTable: false, announce: false }, later(100))).toEqual([]);
    expect(server.mappings(later(100))).toEqual([]);
    expect(ask(server, later(110)).epoch).toBe(10);
  });

  it('keeps its table when told to', () => {
    const server = simulator();
    ask(server, START);
    server.restart({ keepTable: true, announce: false }, later(100));
    expect(server.mappings(later(100))).toHaveLength(1);
    expect(server.epoch(later(101))).toBe(1);
  });

  it('announces itself ten times, 250 ms apart and then doubling (P-51)', () => {
    const server = simulator();
    const first = server.restart({ keepTable: false, announce: true }, START);
    const copies = [...first.map((output) => ({ at: START, output })), ...run(server, later(600))];
    expect(copies.map(({ at }) => at - START)).toEqual([
      0, 250, 750, 1750, 3750, 7750, 15_750, 31_750, 63_750, 127_750,
    ]);
    for (const { at, output } of copies) {
      if (output.kind !== 'announce') throw new Error(output.kind);
      expect(responseIn(output.bytes)).toMatchObject({
        kind: 'announce',
        code: 0,
        epoch: Math.floor((at - START) / 1000),
      });
    }
  });
});

describe('Mapping Updates (RFC 6887 §14.2)', () => {
  it('tells the client of another port three times, 250 and 500 ms apart (P-54)', () => {
    const server = simulator();
    ask(server, START, { suggestedPort: 6881 });
    const first = server.moveMapping(KEY, portNumber(7000), later(10));
    const copies = [...first.map((output) => ({ at: later(10), output })), ...run(server, later(60))];
    expect(copies.map(({ at }) => at - later(10))).toEqual([0, 250, 750]);
    const [update] = transmissionsOf(copies.map(({ output }) => output));
    expect(update?.to).toEqual(CLIENT);
    expect(mapResponseIn(update?.bytes ?? new Uint8Array())).toMatchObject({
      code: 0,
      externalPort: 7000,
      lifetimeSeconds: 3590,
    });
  });

  it('stops once the client has refreshed the mapping', () => {
    const server = simulator();
    ask(server, START);
    server.moveMapping(KEY, portNumber(7000), later(10));
    ask(server, after(later(10), milliseconds(100)));
    expect(run(server, later(60))).toEqual([]);
  });

  it('stops when the server restarts: it does not remember whom it was telling what', () => {
    const server = simulator();
    ask(server, START);
    server.moveMapping(KEY, portNumber(7000), later(10));
    server.restart({ keepTable: false, announce: false }, after(later(10), milliseconds(100)));
    expect(run(server, later(60))).toEqual([]);
  });

  it('says CANNOT_PROVIDE_EXTERNAL for a mapping it takes away', () => {
    const server = simulator();
    ask(server, START);
    const [update] = transmissionsOf(server.revokeMapping(KEY, true, later(1)));
    expect(mapResponseIn(update?.bytes ?? new Uint8Array()).code).toBe(11);
    expect(server.mappings(later(1))).toEqual([]);
  });

  it('moves everything to a new external address', () => {
    const server = simulator();
    ask(server, START, { suggestedPort: 6881 });
    const outputs = server.changeExternalAddresses([IpAddress.of('1.2.3.9')], 'mapping updates', later(1));
    const [update] = transmissionsOf(outputs);
    const response = mapResponseIn(update?.bytes ?? new Uint8Array());
    expect([response.externalAddress.text, response.externalPort]).toEqual(['1.2.3.9', 6881]);
    expect(ask(server, later(2)).externalAddress.text).toBe('1.2.3.9');
  });

  it('resets its epoch when it announces the new address instead (RFC 6887 §8.5)', () => {
    const server = simulator();
    const outputs = server.changeExternalAddresses([IpAddress.of('1.2.3.9')], 'restart announcement', later(50));
    expect(outputs).toMatchObject([{ kind: 'announce' }]);
    expect(server.epoch(later(50))).toBe(0);
  });
});

describe('NAT-PMP (RFC 6886)', () => {
  const exchange = (server: Simulator, bytes: Uint8Array): Uint8Array =>
    transmissionsOf(server.handleDatagram(bytes, CLIENT, later(9)))[0]?.bytes ?? new Uint8Array();

  it('refuses PCP in both known forms (P-60)', () => {
    const pcp = mapRequestBytes({});
    expect([...exchange(simulator({ speaks: 'NAT-PMP' }), pcp)]).toEqual([0, 0, 0, 1, 0, 0, 0, 9]);
    const repeating = simulator({ speaks: 'NAT-PMP', refusalRepeatsOpcode: true });
    expect([...exchange(repeating, pcp)]).toEqual([0, 0x81, 0, 1, 0, 0, 0, 9]);
  });

  it('serves version 0 beside version 2 when it speaks both, from one table', () => {
    const server = simulator({ speaks: 'both' });
    const map = {
      kind: 'map',
      protocol: 'TCP',
      internalPort: portNumber(8080),
      suggestedPort: portNumber(6881),
    } as const;
    expect(decodeNatPmpResponse(exchange(server, encodeNatPmpRequest({ kind: 'external address' })))).toMatchObject({
      message: { kind: 'external address', code: 0, address: IpAddress.of('1.2.3.4') },
    });
    expect(
      decodeNatPmpResponse(exchange(server, encodeNatPmpRequest({ ...map, lifetimeSeconds: 7200 }))),
    ).toMatchObject({
      message: { kind: 'map', code: 0, mappedPort: 6881, lifetimeSeconds: 7200 },
    });
    expect(ask(server, later(9)).code).toBe(2);
    const gone = encodeNatPmpRequest({ ...map, suggestedPort: portNumber(0), lifetimeSeconds: 0 });
    expect(decodeNatPmpResponse(exchange(server, gone))).toMatchObject({ message: { code: 0, mappedPort: 0 } });
    expect(server.mappings(later(9))).toEqual([]);
  });

  it('announces a restart with its external address (RFC 6886 §3.2.1)', () => {
    const server = simulator({ speaks: 'NAT-PMP' });
    const [copy] = server.restart({ keepTable: false, announce: true }, before(later(1), milliseconds(0)));
    expect(copy?.kind === 'announce' ? [...copy.bytes] : []).toEqual([0, 0x80, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]);
  });
});
