// The LAN side of this box changes under the daemon: another address, one more, none for a while.

import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../src/base/ip-address.ts';
import { milliseconds, seconds } from '../../src/base/time.ts';
import { disagreements } from '../doubles/agreement.ts';
import { DaemonWorld, ROUTER } from '../doubles/daemon-world.ts';

const DESK = '192.168.1.20';
const MOVED = '192.168.50.1';
const MOVED_DESK = '192.168.50.20';
const NOTICED = seconds(15);

const urls = (world: DaemonWorld): readonly string[] =>
  world.daemon.operator.snapshot().lan.flatMap((lan) => lan.descriptionUrls);

describe('the LAN of this box', () => {
  it('gets another address: served there within seconds and no longer where it was; what was mapped stays', async () => {
    const world = await DaemonWorld.open();
    const desk = world.computer(DESK);
    expect(await desk.add({ external: 5001, lease: 0 })).toBe('ok');
    world.lanMovesTo(MOVED);
    await world.passes(NOTICED);
    expect(urls(world)).toEqual([`http://${MOVED}:5000/igd1.xml`, `http://${MOVED}:5000/igd2.xml`]);
    expect(world.simulated.network.hasHttp({ address: IpAddress.of(ROUTER), port: 5000 })).toBe(false);
    expect(await world.computer(MOVED_DESK).add({ external: 5002, lease: 0 })).toBe('ok');
    expect(world.carrier.ports()).toEqual([5001, 5002]);
    expect(await disagreements(world)).toEqual([]);
  });

  it('is served at a new address at once after SIGHUP', async () => {
    const world = await DaemonWorld.open();
    world.lanMovesTo(MOVED);
    await world.reloads({});
    expect(await world.computer(MOVED_DESK).add({ external: 5002, lease: 0 })).toBe('ok');
  });

  it('gets one more address: both are served', async () => {
    const world = await DaemonWorld.open();
    world.box.addInterface({ name: 'br-lan', address: `${MOVED}/24`, segment: 'lan' });
    await world.passes(NOTICED);
    expect(await world.computer(DESK).add({ external: 5001, lease: 0 })).toBe('ok');
    world.lanAddress = MOVED;
    expect(await world.computer(MOVED_DESK).add({ external: 5002, lease: 0 })).toBe('ok');
  });

  it('gets another netmask: whoever is in it now is served', async () => {
    const world = await DaemonWorld.open();
    const neighbour = '192.168.2.20';
    world.box.removeInterface('br-lan');
    world.box.addInterface({ name: 'br-lan', address: `${ROUTER}/16`, segment: 'lan' });
    await world.passes(NOTICED);
    expect(await world.computer(neighbour).add({ external: 5001, lease: 0 })).toBe('ok');
  });

  it('has no address for a while: the doors stay, and the same one is served as before when it is back', async () => {
    const world = await DaemonWorld.open();
    world.box.removeInterface('br-lan');
    await world.passes(seconds(60));
    world.lanMovesTo(ROUTER);
    expect(await world.computer(DESK).add({ external: 5001, lease: 0 })).toBe('ok');
    expect(world.logged(/no longer serving/)).toEqual([]);
  });

  it('gets an address whose port is taken: said once a minute, and served as soon as it is free', async () => {
    const world = await DaemonWorld.open();
    const endpoint = { address: IpAddress.of(MOVED), port: 5000 };
    const limits = {
      bodyBytes: 1,
      headBytes: 1,
      headWithin: seconds(1),
      requestWithin: seconds(1),
      takenWithin: seconds(1),
    };
    const place = { kind: 'tcp', endpoint } as const;
    world.lanMovesTo(MOVED);
    const other = await world.box.http.listen(
      place,
      { ...limits, connections: 1, connectionsPerPeer: 1 },
      async () => ({
        status: 404,
      }),
    );
    if (!other.ok) throw new Error(other.error);
    await world.passes(seconds(55));
    expect(world.logged(/a new LAN address cannot be served yet/)).toHaveLength(1);
    expect(urls(world)).toEqual([]);
    await other.value.close();
    await world.passes(NOTICED);
    expect(await world.computer(MOVED_DESK).add({ external: 5001, lease: 0 })).toBe('ok');
  });

  it('changes while the daemon ends: nothing is opened any more', async () => {
    const world = await DaemonWorld.open();
    world.lanMovesTo(MOVED);
    const ending = world.daemon.close();
    void world.daemon.check();
    await world.clock.resolve(ending, seconds(10));
    await world.passes(milliseconds(1));
    expect(world.simulated.network.hasHttp({ address: IpAddress.of(MOVED), port: 5000 })).toBe(false);
  });
});
