import { describe, expect, it } from 'vitest';
import { portNumber } from '../../src/base/port-number.ts';
import { hours, milliseconds, minutes, seconds } from '../../src/base/time.ts';
import { FakePcpServer } from '../doubles/fake-pcp-server.ts';
import { controlPoint, GatewayWorld, mappingRequest } from '../doubles/gateway-world.ts';

const HOST = '192.168.1.20';
const JOURNAL = '/state/mappings.journal';
const host = controlPoint(HOST, 2);
const all = { protocol: 'TCP', ports: { first: portNumber(1), last: portNumber(65_535) }, manage: false } as const;

async function worldWith(ports: readonly number[], nat: 'none' | 'nat1' = 'none') {
  const world = await GatewayWorld.open({ nat });
  for (const port of ports) expect(await world.add(host, mappingRequest({ client: HOST, external: port }))).toBe('ok');
  world.pcp.takePackets();
  return world;
}

const owedPorts = (world: GatewayWorld) => world.ledger.owed(world.clock.now()).map(({ internalPort }) => internalPort);
const portsAt = (server: FakePcpServer) => server.mappings().map(({ externalPort }) => externalPort);

describe('what is owed to the PCP server (RFC 6970 §5.8, RFC 6887 §15)', () => {
  it('of a range delete: on the disk with its end in one write, until the server has answered (U-14, IWF-45, IWF-82)', async () => {
    const world = await worldWith([5001, 5002, 5003]);
    const before = world.files.writes;
    const journal = world.files.textOf(JOURNAL) ?? '';
    expect(await world.resolve(world.closeRange(host, all))).toMatchObject({ ok: true });
    expect(world.files.writes - before).toBe(1);
    expect(
      world.files
        .textOf(JOURNAL)
        ?.slice(journal.length)
        .match(/"owed"/g),
    ).toHaveLength(3);
    expect(owedPorts(world)).toEqual([5001, 5002, 5003]);
    await world.advance(seconds(1));
    expect(owedPorts(world)).toEqual([]);
    expect(world.files.writes - before).toBe(1);
  });

  it('nothing, on the common path of a delete: it costs the one write it always did (IWF-79)', async () => {
    const world = await worldWith([5001], 'nat1');
    const before = world.files.writes;
    const journal = world.files.textOf(JOURNAL) ?? '';
    expect(await world.delete(host, 'TCP', 5001)).toBe('ok');
    expect(world.files.writes - before).toBe(1);
    expect(world.files.textOf(JOURNAL)?.slice(journal.length)).not.toContain('"owed"');
  });

  it('is on the disk before a new mapping is asked for: one write more, and gone with the entry (IWF-45)', async () => {
    const world = await worldWith([]);
    const before = world.files.writes;
    world.pcp.latency = milliseconds(500);
    const answer = world.openExactly(host, mappingRequest({ client: HOST, external: 5001 }));
    await world.advance(milliseconds(100));
    const atTheMap = world.files.textOf(JOURNAL);
    expect(world.table.size).toBe(0);
    expect(atTheMap).toContain('"owed"');
    expect(await world.resolve(answer)).toMatchObject({ ok: true });
    expect(world.files.writes - before).toBe(2);
    expect(world.ledger.all(world.clock.now())).toEqual([]);
  });

  it('is nothing after a refusal (IWF-45)', async () => {
    const world = await worldWith([]);
    world.server.refuseAll = { code: 8, lifetimeSeconds: 30 };
    expect(await world.add(host, mappingRequest({ client: HOST, external: 5001 }))).toBe(728);
    expect(world.ledger.all(world.clock.now())).toEqual([]);
  });

  it('of a request whose control point hung up (IWF-40, IWF-45)', async () => {
    const world = await worldWith([]);
    const hangUp = new AbortController();
    world.pcp.answersToLose = 1;
    const answer = world.openExactly(
      { ...host, hungUp: hangUp.signal },
      mappingRequest({ client: HOST, external: 5001 }),
    );
    await world.advance(seconds(1));
    world.pcp.isSilent = true;
    hangUp.abort();
    await world.resolve(answer);
    expect(owedPorts(world)).toEqual([5001]);
    const next = await world.restart();
    await next.advance(seconds(1));
    expect(portsAt(next.server)).toEqual([]);
    expect(owedPorts(next)).toEqual([]);
  });

  it('of a grant that is of no use: another port than the one that was asked for (RFC 6887 §13.2, Q-07, IWF-45)', async () => {
    const world = await GatewayWorld.open({ nat: 'none', options: { emulatesPreferFailure: true } });
    world.server.hasPreferFailure = false;
    world.server.foreign.add('TCP 5001');
    expect(await world.add(host, mappingRequest({ client: HOST, external: 5001 }))).toBe(718);
    expect(owedPorts(world)).toEqual([5001]);
    // Killed before the deletion has left.
    const next = await world.restart();
    expect(next.server.mappings()).toHaveLength(1);
    await next.advance(seconds(1));
    expect(owedPorts(next)).toEqual([]);
    expect(next.server.mappings()).toEqual([]);
  });

  it('not any more, when somebody has the mapping again (RFC 6887 §11.3, P-73)', async () => {
    const world = await worldWith([5001]);
    world.pcp.isSilent = true;
    await world.resolve(world.closeRange(host, all));
    await world.advance(seconds(1));
    world.pcp.isSilent = false;
    expect(await world.add(host, mappingRequest({ client: HOST, external: 5001 }))).toBe('ok');
    expect(owedPorts(world)).toEqual([]);
    const next = await world.restart();
    await next.advance(minutes(2));
    expect(portsAt(next.server)).toEqual([5001]);
  });

  it('carries its nonce into the next life: nobody is locked out by what is still there (RFC 6887 §11.2, P-34)', async () => {
    const world = await worldWith([5001]);
    const nonce = world.mapping('TCP', 5001)?.upstream.nonce;
    world.pcp.isSilent = true;
    await world.resolve(world.closeRange(host, all));
    const next = await world.restart();
    expect(await next.add(host, mappingRequest({ client: HOST, external: 5001 }))).toBe('ok');
    expect(next.pcp.maps.map((request) => request.nonce)).toEqual([nonce]);
    await next.advance(minutes(2));
    expect(portsAt(next.server)).toEqual([5001]);
    expect(owedPorts(next)).toEqual([]);
  });

  it('ends with the grant (RFC 6887 §15)', async () => {
    const world = await worldWith([5001]);
    world.pcp.isSilent = true;
    await world.resolve(world.closeRange(host, all));
    expect(owedPorts(world)).toEqual([5001]);
    await world.advance(hours(25));
    const next = await world.restart();
    await next.advance(minutes(1));
    expect(owedPorts(next)).toEqual([]);
    expect(next.pcp.releases).toEqual([]);
  });
});

describe('a mapping of a server that is not in use (RFC 6970 §5.8, IWF-79)', () => {
  /** The second server refuses everything, so that the entries stay with the first. */
  async function worldBetweenServers(ports: readonly number[]) {
    const world = await worldWith(ports);
    const first = world.server;
    const second = new FakePcpServer(() => world.clock.now());
    second.refuseAll = { code: 4, lifetimeSeconds: 600 };
    world.pcp.changeServer(second, 'another');
    await world.advance(seconds(10));
    world.pcp.takePackets();
    return { world, first };
  }

  it('is deleted here at once, and there when it is in use again', async () => {
    const { world, first } = await worldBetweenServers([5001, 5002]);
    expect(await world.delete(host, 'TCP', 5001)).toBe('ok');
    expect(world.table.size).toBe(1);
    expect(owedPorts(world)).toEqual([5001]);
    expect(portsAt(first)).toEqual([5001, 5002]);
    expect(world.logged.filter(({ message }) => message.includes('not in use'))).toHaveLength(1);
    world.pcp.changeServer(first, 'carrier');
    await world.advance(seconds(10));
    expect(portsAt(first)).toEqual([5002]);
    expect(owedPorts(world)).toEqual([]);
  });

  it('is said once in the log, however many there are', async () => {
    const { world } = await worldBetweenServers([5001, 5002, 5003]);
    for (const port of [5001, 5002, 5003]) expect(await world.delete(host, 'TCP', port)).toBe('ok');
    expect(world.logged.filter(({ message }) => message.includes('not in use'))).toHaveLength(1);
    expect(owedPorts(world)).toEqual([5001, 5002, 5003]);
  });

  it('that another server has taken over is owed, and taken over again rather than deleted', async () => {
    const world = await worldWith([5001, 5002]);
    const first = world.server;
    const second = new FakePcpServer(() => world.clock.now());
    world.pcp.changeServer(second, 'another');
    await world.advance(seconds(10));
    expect(portsAt(second)).toEqual([5001, 5002]);
    expect(owedPorts(world)).toEqual([5001, 5002]);
    expect(await world.delete(host, 'TCP', 5001)).toBe('ok');
    world.pcp.takePackets();
    world.pcp.changeServer(first, 'carrier');
    await world.advance(seconds(10));
    expect(world.pcp.releases.map(({ internalPort }) => internalPort)).toEqual([5001]);
    expect(portsAt(first)).toEqual([5002]);
    expect(world.mapping('TCP', 5002)?.upstream.server).toBe('carrier');
    expect(world.ledger.owed(world.clock.now()).map(({ server }) => server)).toEqual(['another']);
  });
});
