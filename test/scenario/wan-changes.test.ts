// The WAN side of this box changes under the daemon: another address, no address, an address again.

import { describe, expect, it } from 'vitest';
import { hours, minutes, seconds } from '../../src/base/time.ts';
import { disagreements } from '../doubles/agreement.ts';
import { DaemonWorld, WAN } from '../doubles/daemon-world.ts';

const DESK = '192.168.1.20';
const RENUMBERED = '100.64.1.77';

async function worldWithPorts(nat: 'none' | 'nftables', longestLifetime = hours(24)) {
  const world = await DaemonWorld.open({ nat, carrier: { options: { longestLifetime } } });
  const desk = world.computer(DESK);
  await desk.subscribe();
  for (const port of [5001, 5002, 5003]) expect(await desk.add({ external: port, lease: 0 })).toBe('ok');
  await world.passes(seconds(5));
  return { world, desk };
}

describe('another WAN address', () => {
  it('with a carrier that keeps what the old one had: other ports keep the holes open, the promised ones come back when it lets go (RFC 6970 §5.10, IWF-92, P-55)', async () => {
    const { world, desk } = await worldWithPorts('nftables', minutes(30));
    world.wanComesUp(RENUMBERED);
    await world.passes(minutes(1));
    // The old address still holds 5001 to 5003 at the carrier.
    const mine = world.carrier.mappings().filter(({ internalAddress }) => internalAddress.text === RENUMBERED);
    expect(mine).toHaveLength(3);
    expect(desk.heard('PortMappingNumberOfEntries').at(-1)).toBe('3');
    // The grants of the old address end; from then on the promised ports are free.
    await world.passes(hours(2));
    expect(world.tableText()).toEqual([5001, 5002, 5003].map((port) => `TCP ${port} → ${DESK}:${port} granted`));
    expect(await disagreements(world)).toEqual([]);
  });

  it('with a carrier that forgets the old one has the same ports within seconds, the kernel with the new address (RFC 6970 §5.10, IWF-92)', async () => {
    const { world } = await worldWithPorts('nftables');
    world.wanComesUp(RENUMBERED);
    world.carrier.restarts({ announce: false, keepTable: false });
    await world.passes(seconds(15));
    expect(world.carrier.ports()).toEqual([5001, 5002, 5003]);
    expect(await disagreements(world)).toEqual([]);
    expect(Object.keys(world.nft.elements('in')).every((key) => key.startsWith(RENUMBERED))).toBe(true);
  });

  it('of a box that does not translate changes nothing but the sender (RFC 6970 §5.4, P-55)', async () => {
    const { world } = await worldWithPorts('none');
    world.wanComesUp(RENUMBERED);
    await world.passes(seconds(15));
    // Third-party mappings belong to the LAN hosts, so the nonces still open them.
    expect(world.carrier.ports()).toEqual([5001, 5002, 5003]);
    expect(await disagreements(world)).toEqual([]);
  });
});

describe.each(['nftables', 'none'] as const)('the WAN goes down (nat = "%s")', (nat) => {
  it('for a while: 501 at once, not a packet; when it is back the same ports are (RFC 6970 §5.1, IWF-40)', async () => {
    const { world, desk } = await worldWithPorts(nat);
    world.wanGoesDown();
    await world.passes(seconds(10));
    world.carrier.takeMaps();
    const start = world.clock.now();
    expect(await desk.add({ external: 6001 })).toBe('error 501');
    expect(world.clock.now() - start).toBeLessThan(1000);
    expect(await desk.connectionStatus()).not.toBe('Connected');
    await world.passes(minutes(20));
    expect(world.carrier.takeMaps()).toEqual([]);
    world.wanComesUp(WAN);
    await world.passes(seconds(20));
    expect(await desk.connectionStatus()).toBe('Connected');
    expect(world.carrier.ports()).toEqual([5001, 5002, 5003]);
    expect(await disagreements(world)).toEqual([]);
  });

  it('for longer than the grants: what is left of each lease is had again (RFC 6970 §5.9, §5.10)', async () => {
    const { world, desk } = await worldWithPorts(nat);
    expect(await desk.add({ external: 5004, lease: 3600 })).toBe('ok');
    world.wanGoesDown();
    await world.passes(hours(6));
    world.wanComesUp(WAN);
    await world.passes(seconds(20));
    // The hour is over; the endless ones are not.
    expect(world.carrier.ports()).toEqual([5001, 5002, 5003]);
    expect(await disagreements(world)).toEqual([]);
  });
});

describe('a box that starts before its WAN', () => {
  it('serves the LAN, says 501, and maps as soon as there is a server (RFC 6970 §5.1, IWF-40, IWF-41)', async () => {
    const world = await DaemonWorld.open({ nat: 'none' });
    world.kill();
    world.wanGoesDown();
    await world.boots();
    const desk = world.computer(DESK);
    expect(await desk.externalAddress()).toBe('');
    expect(await desk.add({ external: 6881 })).toBe('error 501');
    world.wanComesUp(WAN);
    await world.passes(seconds(10));
    expect(await desk.add({ external: 6881 })).toBe('ok');
    expect(await desk.externalAddress()).toBe('1.2.3.4');
    expect(await disagreements(world)).toEqual([]);
  });
});
