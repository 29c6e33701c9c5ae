// The PCP server restarts, moves mappings, changes its address, is replaced: what was promised comes back under the same
// external ports, once and paced; what cannot come back keeps trying, and says so.

import { describe, expect, it } from 'vitest';
import { between, hours, inSeconds, minutes, seconds } from '../../src/base/time.ts';
import { disagreements } from '../doubles/agreement.ts';
import { CARRIER, DaemonWorld, type DaemonWorldOptions, WAN } from '../doubles/daemon-world.ts';
import type { LanComputer } from '../doubles/lan-computer.ts';
import { ScenarioCarrier } from '../doubles/scenario-carrier.ts';

const DESK = '192.168.1.20';

async function worldWith(count: number, options: DaemonWorldOptions = {}): Promise<[DaemonWorld, LanComputer]> {
  const world = await DaemonWorld.open(options);
  const desk = world.computer(DESK);
  await desk.subscribe();
  for (let port = 5001; port < 5001 + count; port += 1) expect(await desk.add({ external: port, lease: 0 })).toBe('ok');
  await world.passes(seconds(60));
  world.carrier.takeMaps();
  return [world, desk];
}

const portsFrom5001 = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => 5001 + index);

describe.each(['nftables', 'none'] as const)('a server that restarts (nat = "%s")', (nat) => {
  it.each([
    ['with ANNOUNCE, without its table', { announce: true, keepTable: false }, 10],
    ['with ANNOUNCE, with its table', { announce: true, keepTable: true }, 10],
    ['without ANNOUNCE, without its table', { announce: false, keepTable: false }, 60],
    ['without ANNOUNCE, with its table', { announce: false, keepTable: true }, 60],
  ] as const)(
    '%s has everything again under the same ports, asked once (RFC 6970 §5.10, IWF-93, RFC 6887 §14.1.3, P-50, P-52, P-56)',
    async (_, how, within) => {
      const [world, desk] = await worldWith(20, { nat });
      const start = world.clock.now();
      const eventsBefore = desk.eventsHeard();
      world.carrier.restarts(how);
      await world.passes(seconds(within));
      expect(world.carrier.ports()).toEqual(portsFrom5001(20));
      const maps = world.carrier.takeMaps();
      // One mass renewal only, with PREFER_FAILURE, in spite of ten copies of the announcement.
      expect(maps).toHaveLength(20);
      expect(new Set(maps.map(({ request }) => request.externalPort)).size).toBe(20);
      expect(maps.every(({ request }) => request.options.some(({ kind }) => kind === 'prefer failure'))).toBe(true);
      const times = maps.map(({ at }) => inSeconds(between(start, at)));
      const spread = Math.max(...times) - Math.min(...times);
      expect(spread).toBeGreaterThan(2);
      expect(spread).toBeLessThanOrEqual(5.5);
      await world.passes(minutes(10));
      expect(world.carrier.takeMaps()).toEqual([]);
      expect(await disagreements(world)).toEqual([]);
      // Nobody on the LAN needs to know.
      expect(desk.heard('PortMappingNumberOfEntries').at(-1)).toBe('20');
      expect(desk.eventsHeard() - eventsBefore).toBeLessThanOrEqual(2);
    },
  );
});

describe('a mass renewal', () => {
  it('goes out at the configured rate, and a control point overtakes it (RFC 6887 §14.1.3)', async () => {
    const settings = { 'pcp.rate': '10', 'pcp.max_in_flight': '4', 'policy.requests_per_minute': '0' };
    const [world] = await worldWith(100, { settings, carrier: { faults: {} } });
    world.carrier.behaves({ delay: seconds(0.02) });
    world.carrier.restarts({ announce: true, keepTable: false });
    await world.passes(seconds(4));
    const other = world.computer('192.168.1.30');
    const start = world.clock.now();
    expect(await other.add({ external: 7001 })).toBe('ok');
    expect(inSeconds(between(start, world.clock.now()))).toBeLessThan(0.5);
    await world.passes(seconds(20));
    const times = world.carrier.takeMaps().map(({ at }) => Number(at));
    for (let index = 40; index < times.length; index += 1) {
      expect((times[index] ?? 0) - (times[index - 35] ?? 0)).toBeGreaterThan(900);
    }
    expect(world.carrier.ports()).toHaveLength(101);
    await world.passes(seconds(10));
    expect(await disagreements(world)).toEqual([]);
  });

  it('started while the server is still away ends when it is back (RFC 6887 §8.1.1)', async () => {
    const [world] = await worldWith(10);
    world.carrier.restarts({ announce: true, keepTable: false });
    await world.passes(seconds(1));
    world.carrier.behaves({ silent: true });
    await world.passes(minutes(10));
    world.carrier.behaves({ silent: false });
    await world.passes(minutes(1));
    expect(world.carrier.ports()).toEqual(portsFrom5001(10));
    expect(await disagreements(world)).toEqual([]);
  });

  it('for nothing does not happen: a forged announcement is asked back first (RFC 6887 §14.1.3, P-56)', async () => {
    const [world] = await worldWith(10);
    // Whoever is on the segment can write the server's address into a packet.
    world.carrier.announcesFalsely();
    await world.passes(minutes(1));
    expect(world.carrier.takeMaps()).toEqual([]);
    expect(await disagreements(world)).toEqual([]);
  });
});

describe('a Mapping Update', () => {
  it('with another address is taken over, evented at once and acknowledged (RFC 6970 §5.10, RFC 6887 §14.2, IWF-95, P-54, Q-10)', async () => {
    const [world, desk] = await worldWith(5);
    world.carrier.changesAddress('9.8.7.6', 'mapping updates');
    await world.passes(seconds(1));
    expect(desk.heard('ExternalIPAddress').at(-1)).toBe('9.8.7.6');
    expect(await desk.externalAddress()).toBe('9.8.7.6');
    await world.passes(minutes(2));
    // One acknowledgement each, and then peace.
    expect(world.carrier.takeMaps()).toHaveLength(5);
    expect(world.tableText()).toHaveLength(5);
    expect(await disagreements(world)).toEqual([]);
  });

  it('with another port degrades a published one, which returns when the carrier has it again (RFC 6970 §5.10, IWF-94, Q-08)', async () => {
    const [world, desk] = await worldWith(2);
    world.carrier.moves(5001, 6001);
    await world.passes(minutes(3));
    expect(world.tableText()).toEqual([`TCP 5001 → ${DESK}:5001 degraded`, `TCP 5002 → ${DESK}:5002 granted`]);
    // The hole stays open at the other port; the promise is still listed under the published one.
    expect(world.carrier.ports()).toEqual([5002, expect.not.toBeOneOf([5001])]);
    expect((await desk.entry({ external: 5001 }))?.get('NewInternalClient')).toBe(DESK);
    expect(world.logged(/^warn TCP 5001 .* only at port /).length).toBeGreaterThan(0);
    expect(await disagreements(world)).toEqual([]);
    world.carrier.takesBack(5001);
    await world.passes(hours(3));
    expect(world.tableText()).toEqual([`TCP 5001 → ${DESK}:5001 granted`, `TCP 5002 → ${DESK}:5002 granted`]);
    expect(await disagreements(world)).toEqual([]);
  });

  it('with another port moves an entry of AddAnyPortMapping along (RFC 6887 §11.2.1, P-43)', async () => {
    const world = await DaemonWorld.open();
    const desk = world.computer(DESK, 2);
    await desk.subscribe();
    expect(await desk.addAny({ external: 5001 })).toBe(5001);
    await world.passes(seconds(1));
    world.carrier.moves(5001, 6001);
    await world.passes(minutes(3));
    expect(world.tableText()).toEqual([`TCP 6001 → ${DESK}:5001 granted`]);
    expect(desk.heard('SystemUpdateID')).toEqual(['0', '1', '2']);
    expect(await disagreements(world)).toEqual([]);
  });

  it('that puts one mapping of ours on the port another one has published: both have their own again (RFC 6887 §11.3, Q-08)', async () => {
    const world = await DaemonWorld.open({ nat: 'none', carrier: { options: { longestLifetime: minutes(10) } } });
    const [desk, phone] = [world.computer(DESK, 2), world.computer('192.168.1.21', 2)];
    expect(await desk.addAny({ external: 5001, lease: 0 })).toBe(5001);
    expect(await phone.add({ external: 5002, lease: 0 })).toBe('ok');
    world.carrier.moves(5002, 5003);
    await world.passes(seconds(5));
    world.carrier.takesBack(5002);
    world.carrier.moves(5001, 5002);
    await world.passes(seconds(5));
    world.carrier.takesBack(5001);
    await world.passes(hours(2));
    expect(world.tableText()).toEqual([`TCP 5001 → ${DESK}:5001 granted`, 'TCP 5002 → 192.168.1.21:5002 granted']);
    expect(await disagreements(world)).toEqual([]);
  });

  it('that takes the port away: another one keeps the hole open, the published one is tried again (RFC 6887 §14.2, Q-08)', async () => {
    const [world] = await worldWith(2);
    world.carrier.revokes(5001);
    await world.passes(minutes(3));
    expect(world.tableText()).toEqual([`TCP 5001 → ${DESK}:5001 degraded`, `TCP 5002 → ${DESK}:5002 granted`]);
    expect(world.carrier.ports()).toHaveLength(2);
    expect(await disagreements(world)).toEqual([]);
    world.carrier.takesBack(5001);
    await world.passes(hours(3));
    expect(world.carrier.ports()).toEqual([5001, 5002]);
    expect(await disagreements(world)).toEqual([]);
  });
});

describe('another external address', () => {
  it('after a restart of the server is evented within seconds, and the ports stay (RFC 6970 §5.10, Q-15)', async () => {
    const [world, desk] = await worldWith(5);
    world.carrier.changesAddress('9.8.7.6', 'restart announcement');
    await world.passes(seconds(10));
    expect(desk.heard('ExternalIPAddress').at(-1)).toBe('9.8.7.6');
    expect(world.carrier.ports()).toEqual(portsFrom5001(5));
    expect(await disagreements(world)).toEqual([]);
  });
});

describe('another server', () => {
  const SECOND = '100.64.1.3';

  it('behind the same interface takes over with the same ports, and the old one is told to let go (RFC 6887 §8.1, P-31)', async () => {
    const [world, desk] = await worldWith(5);
    const second = await ScenarioCarrier.open(world.simulated, SECOND, {});
    world.wanComesUp(WAN, SECOND);
    await world.passes(minutes(1));
    expect(second.ports()).toEqual(portsFrom5001(5));
    expect(await disagreements(world, second)).toEqual([]);
    expect(desk.heard('PortMappingNumberOfEntries').at(-1)).toBe('5');
    // New nonces for a new server.
    const before = new Set(world.carrier.mappings().map(({ nonce }) => nonce));
    for (const { request } of second.takeMaps()) expect(before.has(request.nonce)).toBe(false);
  });

  it('listed second steps in when the first is silent, and steps back when it speaks (RFC 6887 §8.1, RFC 7488 §4)', async () => {
    const settings = { 'pcp.servers': `["${CARRIER}", "${SECOND}"]` };
    const world = await DaemonWorld.open({ settings });
    const second = await ScenarioCarrier.open(world.simulated, SECOND, {});
    await world.passes(minutes(1));
    const desk = world.computer(DESK);
    expect(await desk.add({ external: 5001, lease: 0 })).toBe('ok');
    expect(world.carrier.ports()).toEqual([5001]);
    world.carrier.behaves({ silent: true });
    await world.passes(minutes(3));
    expect(second.ports()).toContain(5001);
    expect(await disagreements(world, second)).toEqual([]);
    world.carrier.behaves({ silent: false });
    await world.passes(minutes(20));
    expect(world.carrier.ports()).toContain(5001);
    expect(await disagreements(world)).toEqual([]);
    expect(second.ports()).toEqual([]);
  });
});

describe('a carrier that was away while no mapping was held', () => {
  async function backAfterAnHour() {
    const world = await DaemonWorld.open();
    const desk = world.computer(DESK, 1);
    expect(await desk.add({ external: 5001 })).toBe('ok');
    expect(await desk.delete({ external: 5001 })).toBe('ok');
    world.carrier.behaves({ silent: true });
    expect(await desk.add({ external: 5001 })).toBe('error 501');
    await world.passes(hours(1));
    expect(await desk.connectionStatus()).toBe('Disconnected');
    world.carrier.behaves({ silent: false });
    // Between two of the daemon's own looks at the server.
    await world.passes(seconds(20));
    return desk;
  }

  it('is found at once by who asks for the state of the connection, and the error is over (RFC 6970 §5.1)', async () => {
    const desk = await backAfterAnHour();
    expect(await desk.connectionStatus()).toBe('Connected');
    const asked = await desk.connectionError();
    expect(asked).toBe('ERROR_NONE');
    expect(await desk.add({ external: 5001 })).toBe('ok');
  });

  it('is found by the first AddPortMapping, which succeeds (RFC 6970 §5.1)', async () => {
    const desk = await backAfterAnHour();
    expect(await desk.add({ external: 5001 })).toBe('ok');
  });

  it('is found by who asks for the external address', async () => {
    const desk = await backAfterAnHour();
    expect(await desk.externalAddress()).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
  });
});
