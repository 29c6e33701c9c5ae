import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../src/base/ip-address.ts';
import { seconds } from '../../src/base/time.ts';
import { controlPoint, GatewayWorld, mappingRequest } from '../doubles/gateway-on-the-wire.ts';

const HOST = '192.168.1.20';
const OTHER = '192.168.1.21';
const host = controlPoint(HOST, 2);
const other = controlPoint(OTHER, 2);
const web = mappingRequest({ client: HOST, external: 8080 });

describe('AddAnyPortMapping', () => {
  it('suggests the port without demanding it (RFC 6970 §5.6.1, IWF-19, IWF-55, IWF-61)', async () => {
    const world = await GatewayWorld.open({ nat: 'none' });
    expect(await world.addAny(host, web)).toBe(8080);
    expect(world.wire.maps).toMatchObject([{ suggestedPort: 8080, exactPort: false }]);
  });

  it('answers with the port that was assigned (RFC 6970 §5.6.1, IWF-57, U-04)', async () => {
    const world = await GatewayWorld.open({ nat: 'none' });
    world.carrier.givesAway(8080);
    const port = await world.addAny(host, web);
    expect(port).toBe(8081);
    expect(world.mapping('TCP', 8081)?.internalPort).toBe(8080);
  });

  it('asks for no port in particular with 0, and answers with a real one (U-05, IWF-61)', async () => {
    const world = await GatewayWorld.open({ nat: 'none' });
    const port = await world.addAny(host, mappingRequest({ client: HOST, external: 0, internal: 8080 }));
    expect(port).toBeGreaterThanOrEqual(1024);
    expect(world.wire.maps).toMatchObject([{ suggestedPort: 0, exactPort: false }]);
  });

  it('gives another port when another client has the one asked for (U-04)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    await world.addAny(host, web);
    expect(await world.addAny(other, mappingRequest({ client: OTHER, external: 8080 }))).toBe(28_080);
    expect(world.table.size).toBe(2);
    expect(world.carrier.ports()).toEqual([8080, 28_080]);
  });

  it('updates an entry that is the same (U-04)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    await world.addAny(host, web);
    world.wire.takePackets();
    expect(await world.addAny(host, mappingRequest({ client: HOST, external: 8080, description: 'chess' }))).toBe(8080);
    expect(world.wire.packets).toEqual([]);
    expect(world.mapping('TCP', 8080)?.description).toBe('chess');
  });

  it('does not collect a new port each time the same question is repeated (U-04)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    world.carrier.givesAway(8080);
    const ports = [await world.addAny(host, web), await world.addAny(host, web), await world.addAny(host, web)];
    expect(ports).toEqual([8081, 8081, 8081]);
    expect(world.carrier.mappings()).toHaveLength(1);
  });

  it('returns the port the service has already, without a NAT of our own (Q-04)', async () => {
    const world = await GatewayWorld.open({ nat: 'none' });
    await world.add(host, web);
    world.wire.takePackets();
    expect(await world.addAny(host, mappingRequest({ client: HOST, external: 9999, internal: 8080 }))).toBe(8080);
    expect(world.wire.packets).toEqual([]);
  });

  it('gives the service a second port where each entry has its own NAT1 port (Q-04)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    await world.add(host, web);
    expect(await world.addAny(host, mappingRequest({ client: HOST, external: 9999, internal: 8080 }))).toBe(9999);
    expect(world.carrier.mappings()).toHaveLength(2);
  });

  it('refuses another remote host for a service the server can map but once (Q-04)', async () => {
    const world = await GatewayWorld.open({ nat: 'none' });
    await world.addAny(host, web);
    expect(await world.addAny(host, mappingRequest({ client: HOST, external: 8080, remoteHost: '203.0.113.9' }))).toBe(
      -728,
    );
  });

  it('suggests the external address the host has already (Q-16)', async () => {
    const world = await GatewayWorld.open({ nat: 'none' });
    await world.addAny(host, web);
    await world.addAny(host, mappingRequest({ client: HOST, external: 9090 }));
    await world.add(host, mappingRequest({ client: HOST, external: 7070 }));
    const [first, second, exact] = world.wire.maps;
    expect(first?.suggestedAddress.isUnspecified).toBe(true);
    expect(second?.suggestedAddress).toEqual(IpAddress.of('198.51.100.7'));
    expect(exact?.suggestedAddress.isUnspecified).toBe(true);
  });

  it('gives back a port the operator does not hand out', async () => {
    const port = (value: number) => mappingRequest({ client: HOST, external: value }).externalPort;
    const world = await GatewayWorld.open({
      nat: 'nat1',
      policy: {
        rules: [
          {
            action: 'allow',
            client: { kind: 'anyone' },
            externalPorts: { first: port(8000), last: port(8999) },
            internalPorts: { first: port(0), last: port(65_535) },
          },
          {
            action: 'deny',
            client: { kind: 'anyone' },
            externalPorts: { first: port(0), last: port(65_535) },
            internalPorts: { first: port(0), last: port(65_535) },
          },
        ],
      },
    });
    expect(await world.addAny(host, web)).toBe(8080);
    world.carrier.givesAway(8999);
    expect(await world.addAny(host, mappingRequest({ client: HOST, external: 8999 }))).toBe(-606);
    await world.advance(seconds(1));
    expect(world.carrier.mappings()).toHaveLength(1);
    expect(world.localNat?.rules()).toHaveLength(1);
  });

  it('is 501 when the server is silent (RFC 6970 §5.6.1, IWF-56)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    world.wire.isSilent = true;
    expect(await world.addAny(host, web)).toBe(-501);
  });

  it('relays the refusal by the table (RFC 6970 §5.6.1, IWF-58)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    world.carrier.refusesNext({ code: 10, lifetimeSeconds: 30 });
    expect(await world.addAny(host, web)).toBe(-728);
    expect(world.table.size).toBe(0);
  });

  it('asks again 30 s after a short error, where that is wanted (RFC 6970 §5.6.1, IWF-59)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1', options: { resendsAfterShortError: 1 } });
    world.carrier.refusesNext({ code: 8, lifetimeSeconds: 30 });
    const start = world.clock.now();
    expect(await world.addAny(host, web)).toBe(8080);
    expect(Math.round((world.clock.now() - start) / 1000)).toBe(30);
  });

  it('relays the error when the second attempt fails too (RFC 6970 §5.6.1, IWF-60)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1', options: { resendsAfterShortError: 1 } });
    world.carrier.refusesNext({ code: 8, lifetimeSeconds: 30 }, { code: 8, lifetimeSeconds: 30 });
    expect(await world.addAny(host, web)).toBe(-728);
    expect(world.wire.maps).toHaveLength(2);
  });
});
