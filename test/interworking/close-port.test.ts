import { describe, expect, it } from 'vitest';
import { portNumber } from '../../src/base/port-number.ts';
import { hours, minutes, seconds } from '../../src/base/time.ts';
import { controlPoint, GatewayWorld, mappingRequest } from '../doubles/gateway-on-the-wire.ts';

const HOST = '192.168.1.20';
const OTHER = '192.168.1.21';
const host = controlPoint(HOST, 2);
const range = (first: number, last: number, manage = false) =>
  ({ protocol: 'TCP', ports: { first: portNumber(first), last: portNumber(last) }, manage }) as const;

async function worldWith(ports: readonly number[], nat: 'none' | 'nat1' = 'nat1') {
  const world = await GatewayWorld.open({ nat });
  for (const port of ports) await world.add(host, mappingRequest({ client: HOST, external: port }));
  world.wire.takePackets();
  world.changes.length = 0;
  return world;
}

describe('DeletePortMapping', () => {
  it('what is not in the table is 714 and no packet (RFC 6970 §5.8, IWF-76)', async () => {
    const world = await worldWith([]);
    expect(await world.delete(host, 'TCP', 5001)).toBe(714);
    expect(world.wire.packets).toEqual([]);
  });

  it('releases by the control point’s values without a NAT of our own (RFC 6970 §5.8, IWF-20, IWF-77)', async () => {
    const world = await worldWith([5001], 'none');
    expect(await world.delete(host, 'TCP', 5001)).toBe('ok');
    expect(world.wire.releases).toMatchObject([{ protocol: 'TCP', internalPort: 5001, thirdParty: host.address }]);
    expect(world.carrier.mappings()).toEqual([]);
  });

  it('releases by NAT1’s values with one (RFC 6970 §5.8, IWF-77)', async () => {
    const world = await worldWith([5001]);
    const nat1Port = world.mapping('TCP', 5001)?.nat1Port;
    expect(await world.delete(host, 'TCP', 5001)).toBe('ok');
    expect(world.wire.releases).toMatchObject([{ internalPort: nat1Port, thirdParty: undefined }]);
    expect(world.localNat?.rules()).toEqual([]);
  });

  it('the entry goes when the server has answered, then the control point hears (RFC 6970 §5.8, IWF-79)', async () => {
    const world = await worldWith([5001]);
    world.wire.roundTrip = seconds(1);
    const answer = world.close(host, range5001);
    await world.advance(seconds(0.5));
    expect(world.table.size).toBe(1);
    expect(await world.resolve(answer)).toMatchObject({ ok: true });
    expect(world.table.size).toBe(0);
    expect(world.files.textOf('/state/mappings.journal')).toContain('"gone"');
  });

  it('somebody else’s entry is 606, on IGD:1 714 (RFC 6970 §5.8, IWF-75, U-07)', async () => {
    const world = await worldWith([5001]);
    expect(await world.delete(controlPoint(OTHER, 2), 'TCP', 5001)).toBe(606);
    expect(await world.delete(controlPoint(OTHER, 1), 'TCP', 5001)).toBe(714);
    expect(world.wire.packets).toEqual([]);
  });

  it('without a protocol means the asker’s only mapping on that port (js-libp2p)', async () => {
    const world = await worldWith([5001]);
    expect(await world.delete(controlPoint(OTHER, 2), undefined, 5001)).toBe(714);
    expect(await world.delete(host, undefined, 5002)).toBe(714);
    expect(await world.delete(host, undefined, 5001)).toBe('ok');
    expect(world.carrier.mappings()).toEqual([]);
  });

  it('without a protocol is refused where both protocols have that port: 601, on IGD:1 402', async () => {
    const world = await worldWith([5001]);
    await world.add(host, mappingRequest({ client: HOST, external: 5001, protocol: 'UDP' }));
    expect(await world.delete(host, undefined, 5001)).toBe(601);
    expect(await world.delete(controlPoint(HOST, 1), undefined, 5001)).toBe(402);
    expect(world.table.size).toBe(2);
  });

  it('what the operator made, only the operator deletes', async () => {
    const world = await worldWith([]);
    const operator = controlPoint('127.0.0.1', 1, true);
    await world.add(operator, mappingRequest({ client: HOST, external: 443, lease: 0 }));
    expect(await world.delete(host, 'TCP', 443)).toBe(606);
    expect(await world.delete(operator, 'TCP', 443)).toBe('ok');
  });

  it('a silent server is 501; the entry stays listed and goes when the server lets it go (RFC 6970 §5.8, IWF-78, Q-09)', async () => {
    const world = await worldWith([5001]);
    world.wire.isSilent = true;
    expect(await world.delete(host, 'TCP', 5001)).toBe(501);
    expect(world.mapping('TCP', 5001)?.state).toBe('deleting');
    expect(await world.delete(host, 'TCP', 5001)).toBe(501);
    expect(await world.specific(host, 'TCP', 5001)).toMatchObject({ ok: true });
    world.wire.isSilent = false;
    await world.advance(seconds(10));
    expect(world.table.size).toBe(0);
    expect(world.carrier.mappings()).toEqual([]);
    expect(world.localNat?.rules()).toEqual([]);
  });

  it('of a server that is known to be down, the answer is not waited for (RFC 6970 §5.1, IWF-41, Q-12)', async () => {
    const world = await worldWith([5001]);
    await world.carrierFallsSilent();
    const asked = world.clock.now();
    expect(await world.delete(host, 'TCP', 5001)).toBe(501);
    expect(world.clock.now()).toBe(asked);
    expect(world.mapping('TCP', 5001)?.state).toBe('deleting');
  });

  it('what is being deleted is not renewed, and is gone at the end of its grant (Q-09)', async () => {
    const world = await worldWith([5001]);
    world.wire.isSilent = true;
    await world.delete(host, 'TCP', 5001);
    world.wire.takePackets();
    await world.advance(hours(2));
    expect(world.wire.maps).toEqual([]);
    expect(world.table.size).toBe(0);
  });

  it('adding again what is being deleted is 501 while the server is silent (Q-09)', async () => {
    const world = await worldWith([5001]);
    world.wire.isSilent = true;
    await world.delete(host, 'TCP', 5001);
    expect(await world.add(host, mappingRequest({ client: HOST, external: 5001 }))).toBe(501);
  });

  it('a refusal is translated by the table (RFC 6970 §5.8, IWF-80)', async () => {
    const world = await worldWith([5001]);
    world.carrier.pins(world.carrier.mappingAt(5001) ?? never());
    expect(await world.delete(host, 'TCP', 5001)).toBe(606);
    await world.advance(hours(2));
    expect(world.table.size).toBe(0);
  });

  it('survives a restart while the server is silent (Q-09, IWF-45)', async () => {
    const world = await worldWith([5001]);
    world.wire.isSilent = true;
    await world.delete(host, 'TCP', 5001);
    const again = await world.restart();
    expect(again.mapping('TCP', 5001)?.state).toBe('deleting');
    await again.advance(minutes(2));
    expect(again.table.size).toBe(0);
    expect(again.carrier.mappings()).toEqual([]);
  });
});

describe('DeletePortMappingRange', () => {
  it('deletes the asker’s own entries in the range, one MAP each (RFC 6970 §5.8, IWF-21, IWF-81)', async () => {
    const world = await worldWith([6030, 6045, 6051]);
    const other = controlPoint(OTHER, 2);
    await world.add(other, mappingRequest({ client: OTHER, external: 6040 }));
    world.wire.takePackets();
    expect(await world.resolve(world.closeRange(host, range(6000, 6050)))).toMatchObject({
      ok: true,
    });
    await world.advance(seconds(1));
    expect(world.wire.releases.map((key) => key.internalPort)).toEqual([6030, 6045]);
    expect(
      world.carrier
        .mappings()
        .map((mapping) => mapping.externalPort)
        .sort(),
    ).toEqual([6040, 6051]);
  });

  it('is one change and one event, whatever it deletes (U-14, IWF-14)', async () => {
    const world = await worldWith([6030, 6031, 6032]);
    const before = world.gateway.known.systemUpdateId();
    await world.resolve(world.closeRange(host, range(6000, 6050)));
    expect(world.changes).toHaveLength(1);
    expect(world.changes[0]).toHaveLength(3);
    expect(world.gateway.known.systemUpdateId()).toBe(before + 1);
  });

  it('answers before the server has (RFC 6970 §5.8, IWF-82)', async () => {
    const world = await worldWith([6030]);
    world.wire.isSilent = true;
    const start = world.clock.now();
    expect(await world.resolve(world.closeRange(host, range(6000, 6050)))).toMatchObject({
      ok: true,
    });
    expect(world.clock.now()).toBe(start);
    expect(world.table.size).toBe(0);
    world.wire.isSilent = false;
    await world.advance(seconds(10));
    expect(world.carrier.mappings()).toEqual([]);
  });

  it('nothing there is 730, nothing permitted 606 (U-08, IWF-76)', async () => {
    const world = await worldWith([6030]);
    const other = controlPoint(OTHER, 2);
    const ask = (asker: typeof host, selection: ReturnType<typeof range>) =>
      world.resolve(world.closeRange(asker, selection));
    expect(await ask(host, range(7000, 7001))).toEqual({ ok: false, error: 730 });
    expect(await ask(other, range(6000, 6050))).toEqual({ ok: false, error: 730 });
    const operator = controlPoint('127.0.0.1', 2, true);
    await world.add(operator, mappingRequest({ client: HOST, external: 444, lease: 0 }));
    expect(await ask(host, range(444, 444))).toEqual({ ok: false, error: 606 });
  });

  it('NewManage acts for everybody only where the asker may (U-12)', async () => {
    const world = await worldWith([6030]);
    const operator = controlPoint('127.0.0.1', 2, true);
    expect(await world.resolve(world.closeRange(operator, range(6000, 6050, true)))).toMatchObject({
      ok: true,
    });
    expect(world.table.size).toBe(0);
  });
});

const range5001 = { protocol: 'TCP', externalPort: portNumber(5001), remoteHost: '' } as const;

function never(): never {
  throw new Error('there is no such mapping');
}
