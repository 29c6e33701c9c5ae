// Ports that others have, and a carrier that says nothing: what a control point hears, how soon, and at what cost.

import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../src/base/ip-address.ts';
import { between, hours, inSeconds, minutes, seconds } from '../../src/base/time.ts';
import { disagreements } from '../doubles/agreement.ts';
import { clientNamed } from '../doubles/clients/client-catalogue.ts';
import { play } from '../doubles/control-point.ts';
import { simulatedControlPointHttp } from '../doubles/control-point-simulated-http.ts';
import { DaemonWorld, ROUTER } from '../doubles/daemon-world.ts';
import { outcomeOf } from '../doubles/lan-computer.ts';

const DESK = '192.168.1.20';
const CONSOLE = '192.168.1.21';

describe('a port that another subscriber has', () => {
  it("costs the carrier one packet for all of Azureus' six tries (RFC 6970 §5.6.2, IWF-66, RFC 6887 §7.4)", async () => {
    const world = await DaemonWorld.open();
    world.carrier.givesAway(16_881, 'TCP');
    const host = world.lanHost(DESK);
    const own = IpAddress.of(DESK);
    const azureus = clientNamed('azureus');
    if (azureus === undefined) throw new Error('no Azureus');
    const http = simulatedControlPointHttp(world.simulated.network, host, own);
    const location = `http://${ROUTER}:5000/igd1.xml`;
    const options = { host, http, own, location, externalPort: 16_881, internalPort: 6881 };
    const report = await world.clock.resolve(play(azureus, options), minutes(5));
    const adds = report.steps.filter(({ what }) => what === 'AddPortMapping');
    expect(adds.map(({ got }) => got.slice(0, 3))).toEqual(Array(6).fill('718'));
    expect(world.carrier.takeMaps().filter(({ request }) => request.externalPort === 16_881)).toHaveLength(1);
    expect(await disagreements(world)).toEqual([]);
  });

  it('is asked for again when the refusal is over (RFC 6887 §7.4)', async () => {
    const world = await DaemonWorld.open();
    const desk = world.computer(DESK);
    world.carrier.givesAway(6881);
    expect(await desk.add({ external: 6881 })).toBe('error 718');
    world.carrier.takesBack(6881);
    expect(await desk.add({ external: 6881 })).toBe('error 718');
    await world.passes(minutes(31));
    expect(await desk.add({ external: 6881 })).toBe('ok');
    expect(await disagreements(world)).toEqual([]);
  });

  it('goes to AddAnyPortMapping as another port (RFC 6970 §5.6.1, IWF-55, IWF-57, U-04)', async () => {
    const world = await DaemonWorld.open();
    world.carrier.givesAway(6881);
    const desk = world.computer(DESK, 2);
    expect(await desk.addAny({ external: 6881 })).toBe(6882);
    expect(world.tableText()).toEqual([`TCP 6882 → ${DESK}:6881 granted`]);
    expect(await disagreements(world)).toEqual([]);
  });
});

describe('a port that another computer of the LAN has', () => {
  it('is 718 without a packet, on both versions (RFC 6970 §5.6.2, U-03)', async () => {
    const world = await DaemonWorld.open();
    await world.computer(DESK).add({ external: 6881 });
    world.carrier.takeMaps();
    expect(await world.computer(CONSOLE, 1).add({ external: 6881 })).toBe('error 718');
    expect(await world.computer(CONSOLE, 2).add({ external: 6881 })).toBe('error 718');
    expect(world.carrier.takeMaps()).toEqual([]);
    expect(await disagreements(world)).toEqual([]);
  });
});

describe('a carrier that says nothing', () => {
  it('lets a control point wait four seconds, then 501, and the late grant is deleted (RFC 6970 §5.1, IWF-41, IWF-56, RFC 6887 §15)', async () => {
    const world = await DaemonWorld.open();
    const desk = world.computer(DESK);
    await desk.connectionStatus();
    world.carrier.behaves({ delay: seconds(5) });
    const start = world.clock.now();
    expect(await desk.add({ external: 6881 })).toBe('error 501');
    expect(inSeconds(between(start, world.clock.now()))).toBeCloseTo(4, 1);
    // The grant is made at 5 s and comes in at 10 s.
    await world.passes(seconds(2));
    expect(world.carrier.ports()).toContain(6881);
    await world.passes(seconds(30));
    expect(world.carrier.ports()).not.toContain(6881);
    expect(world.tableText()).toEqual([]);
    expect(await disagreements(world)).toEqual([]);
  });

  it('is known to be silent after that: the next 501 comes within a second, and the first success when it is back (RFC 6970 §5.1)', async () => {
    const world = await DaemonWorld.open();
    const desk = world.computer(DESK);
    await desk.connectionStatus();
    world.carrier.behaves({ silent: true });
    expect(await desk.add({ external: 6881 })).toBe('error 501');
    await world.passes(minutes(2));
    const start = world.clock.now();
    expect(await desk.add({ external: 6881 })).toBe('error 501');
    expect(inSeconds(between(start, world.clock.now()))).toBeLessThanOrEqual(1);
    expect(await desk.connectionStatus()).toBe('Disconnected');
    world.carrier.behaves({ silent: false });
    await world.passes(minutes(1));
    expect(await desk.add({ external: 6881 })).toBe('ok');
    expect(await desk.connectionStatus()).toBe('Connected');
    expect(await disagreements(world)).toEqual([]);
  });

  it('does not make others wait behind the one that waits (RFC 6970 §5.6.2)', async () => {
    const world = await DaemonWorld.open();
    const [desk, player] = [world.computer(DESK), world.computer(CONSOLE)];
    expect(await player.add({ external: 3074, protocol: 'UDP' })).toBe('ok');
    await desk.connectionStatus();
    world.carrier.behaves({ silent: true });
    const waiting = desk.asksToAdd({ external: 6881 });
    const start = world.clock.now();
    // What is known here is answered here.
    expect(await player.add({ external: 3074, protocol: 'UDP' })).toBe('ok');
    expect(await player.externalAddress()).toBe('1.2.3.4');
    expect((await player.entry({ external: 3074, protocol: 'UDP' }))?.get('NewInternalClient')).toBe(CONSOLE);
    expect(between(start, world.clock.now())).toBe(0);
    expect(outcomeOf(await world.clock.resolve(waiting, seconds(5)))).toBe('error 501');
    world.carrier.behaves({ silent: false });
    await world.passes(minutes(2));
    expect(await disagreements(world)).toEqual([]);
  });

  it('while a delete waits: 501, and gone when it speaks again (RFC 6970 §5.8, IWF-78, Q-09)', async () => {
    const world = await DaemonWorld.open();
    const desk = world.computer(DESK);
    expect(await desk.add({ external: 6881, lease: 0 })).toBe('ok');
    world.carrier.behaves({ silent: true });
    expect(await desk.delete({ external: 6881 })).toBe('error 501');
    expect(world.tableText()).toEqual([`TCP 6881 → ${DESK}:6881 deleting`]);
    await world.passes(minutes(10));
    world.carrier.behaves({ silent: false });
    await world.passes(minutes(2));
    expect(world.tableText()).toEqual([]);
    expect(world.carrier.ports()).toEqual([]);
    expect(await disagreements(world)).toEqual([]);
  });
});

describe('weather', () => {
  it('of every second packet lost delays, and leaves nothing behind (RFC 6887 §8.1.1, P-35)', async () => {
    const world = await DaemonWorld.open({ carrier: { faults: { loss: 0.5, duplicates: 0.3, reordering: 0.3 } } });
    const desk = world.computer(DESK, 2);
    const outcomes = new Set<string>();
    for (let port = 5001; port <= 5030; port += 1) outcomes.add(await desk.add({ external: port, lease: 7200 }));
    expect(outcomes).toEqual(new Set(['ok', 'error 501']));
    await world.passes(minutes(30));
    expect(await disagreements(world)).toEqual([]);
    world.carrier.behaves({ loss: 0 });
    await world.passes(hours(2));
    expect(world.tableText()).toEqual([]);
    expect(world.carrier.ports()).toEqual([]);
  });
});
