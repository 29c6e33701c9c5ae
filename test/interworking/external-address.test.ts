import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../src/base/ip-address.ts';
import { hours, minutes, seconds } from '../../src/base/time.ts';
import { ADDRESS_PROBE_PORT } from '../../src/interworking/external-address.ts';
import { controlPoint, GatewayWorld, mappingRequest } from '../doubles/gateway-world.ts';
import { SimulatedFiles } from '../doubles/simulated-files.ts';

const HOST = '192.168.1.20';
const OTHER = '192.168.1.21';
const host = controlPoint(HOST, 1);
const other = controlPoint(OTHER, 1);

const ask = async (world: GatewayWorld, asker = host) =>
  (await world.resolve(world.gateway.externalAddress(asker)))?.text;

describe('GetExternalIPAddress', () => {
  it('with a live mapping costs no packet (RFC 6970 §4.2, IWF-22)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    await world.add(host, mappingRequest({ client: HOST, external: 5001 }));
    world.pcp.takePackets();
    expect(await ask(world)).toBe('198.51.100.7');
    expect(await ask(world, other)).toBe('198.51.100.7');
    expect(world.pcp.packets).toEqual([]);
  });

  it('is each control point’s own where the carrier has several (RFC 6970 §4.1, IWF-02, Q-16)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    await world.add(host, mappingRequest({ client: HOST, external: 5001 }));
    world.server.externalAddress = IpAddress.of('198.51.100.9');
    await world.add(other, mappingRequest({ client: OTHER, external: 6001 }));
    expect(await ask(world, host)).toBe('198.51.100.7');
    expect(await ask(world, other)).toBe('198.51.100.9');
    expect(world.gateway.known.externalAddress()?.text).toBe('198.51.100.9');
  });

  it('without any mapping asks with one short MAP and remembers the answer (RFC 6970 §4.2, IWF-22, Q-17)', async () => {
    const world = await GatewayWorld.open({ nat: 'none', options: { isTrustedNetwork: false } });
    expect(await ask(world)).toBe('198.51.100.7');
    expect(await ask(world, other)).toBe('198.51.100.7');
    expect(world.pcp.maps).toMatchObject([
      {
        protocol: 'UDP',
        internalPort: ADDRESS_PROBE_PORT,
        suggestedPort: 0,
        exactPort: false,
        lifetimeSeconds: 120,
        thirdParty: undefined,
      },
    ]);
    await world.advance(seconds(121));
    await ask(world);
    expect(world.pcp.maps).toHaveLength(2);
    expect(world.table.size).toBe(0);
  });

  it('with NAT1 asks for a port of it that leads nowhere (Q-17)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    expect(await ask(world)).toBe('198.51.100.7');
    expect(world.localNat?.rules()).toEqual([]);
  });

  it('many who ask at once cost one packet (Q-17)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    const answers = Array.from({ length: 50 }, () => world.gateway.externalAddress(host));
    expect(new Set((await world.resolve(Promise.all(answers))).map(String))).toEqual(new Set(['198.51.100.7']));
    expect(world.pcp.packets).toHaveLength(1);
  });

  it('is unknown while nobody answers, and the server is left in peace for 5 s (U-10, Q-17)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    expect(world.gateway.known.externalAddress()).toBeUndefined();
    world.pcp.isSilent = true;
    expect(await ask(world)).toBeUndefined();
    world.pcp.takePackets();
    expect(await ask(world)).toBeUndefined();
    expect(world.pcp.packets).toEqual([]);
    world.pcp.isSilent = false;
    await world.advance(seconds(6));
    expect(await ask(world)).toBe('198.51.100.7');
  });

  it('is not asked for where the operator does not want it (IWF-22, IWF-02)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1', options: { externalAddress: 'off' } });
    expect(await ask(world)).toBeUndefined();
    expect(world.pcp.packets).toEqual([]);
  });

  it('an anchor keeps it known before anybody asks (Q-17)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1', options: { externalAddress: 'anchor' } });
    await world.advance(seconds(1));
    expect(world.gateway.known.externalAddress()?.text).toBe('198.51.100.7');
    await world.advance(hours(1));
    expect(world.gateway.known.externalAddress()?.text).toBe('198.51.100.7');
    expect(world.server.mappings()).toHaveLength(1);
    expect(world.pcp.maps.length).toBeLessThan(70);
  });

  it('of a gateway that closes leaves no mapping behind, neither of a question under way nor of the anchor (RFC 6887 §15)', async () => {
    for (const externalAddress of ['probe', 'anchor'] as const) {
      const world = await GatewayWorld.open({ nat: 'nat1', options: { externalAddress } });
      if (externalAddress === 'anchor') await world.advance(seconds(70));
      world.pcp.latency = seconds(1);
      const asked = world.gateway.externalAddress(host);
      // The anchor is granted for 120 s and renewed each minute: the second time, its answer is on the way.
      await world.advance(externalAddress === 'anchor' ? seconds(50.5) : seconds(0.5));
      const closed = world.gateway.close(seconds(5));
      await world.resolve(Promise.all([asked, closed]));
      await world.advance(seconds(5));
      expect(world.server.mappings(), externalAddress).toEqual([]);
      world.pcp.takePackets();
      await world.advance(hours(1));
      expect(world.pcp.packets, externalAddress).toEqual([]);
      expect(world.gateway.machine.nextWake(), externalAddress).toBeUndefined();
      await ask(world);
      expect(world.pcp.packets, externalAddress).toEqual([]);
    }
  });

  it('a mapping of a former life is asked for under its nonce (RFC 6887 §11.3, IWF-45)', async () => {
    const world = await GatewayWorld.open({ nat: 'none' });
    await ask(world);
    const again = await world.restart();
    expect(await ask(again)).toBe('198.51.100.7');
  });

  it('a mapping of a former life under another nonce is stepped around (RFC 6887 §11.3, Q-26)', async () => {
    const world = await GatewayWorld.open({ nat: 'none' });
    await ask(world);
    world.kill();
    const { clock, server, localNat } = world;
    // The disk is lost, and our nonce with it.
    const again = await GatewayWorld.open(
      { nat: 'none', seed: 77 },
      { clock, server, localNat, files: new SimulatedFiles() },
    );
    expect(await ask(again)).toBeUndefined();
    await again.advance(seconds(6));
    expect(await ask(again)).toBe('198.51.100.7');
  });

  it('is asked for again after the server lost its state, and evented once when it is another one (RFC 6970 §5.10, Q-10)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    await world.add(host, mappingRequest({ client: HOST, external: 5001, lease: 0 }));
    const seen: (string | undefined)[] = [];
    world.gateway.onKnownChanged(() => seen.push(world.gateway.known.externalAddress()?.text));
    world.server.externalAddress = IpAddress.of('198.51.100.9');
    world.pcp.restartServer({ keepsTable: false, announces: true });
    expect(world.gateway.known.externalAddress()?.text).toBe('198.51.100.7');
    expect(await ask(world)).toBe('198.51.100.9');
    await world.advance(seconds(10));
    expect(seen).toEqual(['198.51.100.9']);
  });

  it('while nobody can be asked is what it was (RFC 6970 §4.1, IWF-02)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    await world.add(host, mappingRequest({ client: HOST, external: 5001, lease: 0 }));
    world.pcp.restartServer({ keepsTable: false, announces: true });
    world.pcp.isSilent = true;
    expect(await ask(world)).toBe('198.51.100.7');
    expect(await ask(world)).toBe('198.51.100.7');
  });

  it('is empty without a WAN (U-10, IWF-40)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    await world.add(host, mappingRequest({ client: HOST, external: 5001, lease: 0 }));
    const seen: (string | undefined)[] = [];
    world.gateway.onKnownChanged(() => seen.push(world.gateway.known.externalAddress()?.text));
    world.pcp.moveTo(undefined);
    expect(seen).toEqual([undefined]);
    world.pcp.moveTo('192.0.2.2');
    await world.advance(seconds(10));
    expect(seen).toEqual([undefined, '198.51.100.7']);
  });
});

describe('the connection', () => {
  it('is Connected while the server answers, since when, and Disconnected when it is down (IWF-40)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    expect(world.gateway.known.connection()).toMatchObject({ status: 'Connected', lastError: 'ERROR_NONE' });
    await world.advance(minutes(5));
    expect(world.gateway.known.connection().uptime).toBe(minutes(5));
    const changes: string[] = [];
    world.gateway.onKnownChanged(() => changes.push(world.gateway.known.connection().status));
    world.pcp.setHealth(true);
    expect(world.gateway.known.connection()).toMatchObject({
      status: 'Disconnected',
      uptime: 0,
      lastError: 'ERROR_UNKNOWN',
    });
    world.pcp.setHealth(false);
    expect(world.gateway.known.connection()).toMatchObject({ status: 'Connected', uptime: 0 });
    expect(changes).toEqual(['Disconnected', 'Connected']);
  });
});
