// What breaks around the daemon. After each: no mapping that the table shows is missing at the carrier or in the
// kernel, none is there that the table does not know, and a restart finds the same.

import { describe, expect, it } from 'vitest';
import { refused } from '../../src/base/result.ts';
import { hours, milliseconds, minutes, seconds } from '../../src/base/time.ts';
import { disagreements } from '../doubles/agreement.ts';
import { DaemonWorld, WAN } from '../doubles/daemon-world.ts';
import { outcomeOf } from '../doubles/lan-computer.ts';

const PORTS = Array.from({ length: 12 }, (_, index) => 6000 + index);
const STATE = '/var/lib/igd2pcp';
const LAST_REPEAT = hours(1);
/** So that what nobody could notice is over soon: a clock that went back by less than a second, a packet that came after its own withdrawal. */
const SHORT_GRANTS = { carrier: { options: { longestLifetime: minutes(10) } } };
const GRANTS_HAVE_ENDED = minutes(20);

const worldWithMappings = async (options: Parameters<typeof DaemonWorld.open>[0] = {}): Promise<DaemonWorld> => {
  const world = await DaemonWorld.open(options);
  for (const external of PORTS) {
    expect(await world.computer(`192.168.1.${20 + (external % 3)}`).add({ external, lease: 86_400 })).toBe('ok');
  }
  return world;
};

const isSettled = (world: DaemonWorld): boolean => world.tableText().every((row) => row.endsWith(' granted'));

/** Everything is as it should be, and after an orderly restart still is. */
async function expectConsistent(world: DaemonWorld, rows = PORTS.length): Promise<void> {
  const now = world.clock.now();
  await world.clock.advanceUntil((now + LAST_REPEAT) as typeof now, () => isSettled(world));
  await world.passes(minutes(1));
  world.promises.doubtsAreSettledBy(world.table());
  expect(world.tableText().filter((row) => !row.endsWith(' granted'))).toEqual([]);
  expect(await disagreements(world)).toEqual([]);
  expect(world.table()).toHaveLength(rows);
  const before = world.tableText();
  await world.stops();
  await world.boots();
  await world.passes(minutes(1));
  expect(world.tableText()).toEqual(before);
  expect(await disagreements(world)).toEqual([]);
}

describe('a network that', () => {
  it('loses half, copies and reorders the rest leaves nothing behind its lifetime (RFC 6887 §8.1.1)', async () => {
    const world = await worldWithMappings(SHORT_GRANTS);
    world.simulated.network.weather = {
      loss: 0.5,
      delay: milliseconds(20),
      jitter: milliseconds(900),
      duplicates: 0.5,
    };
    const host = world.computer('192.168.1.30');
    for (let port = 7000; port < 7030; port += 1) {
      const isAdd = port % 3 !== 2;
      const answer = isAdd ? host.asksToAdd({ external: port }) : host.asksToDelete({ external: port - 1 });
      outcomeOf(await world.clock.resolve(answer, minutes(1)));
    }
    world.simulated.network.weather = { ...world.simulated.network.weather, loss: 0, duplicates: 0 };
    await world.passes(GRANTS_HAVE_ENDED);
    const own = world.table().filter(({ internalClient }) => internalClient === '192.168.1.30').length;
    await expectConsistent(world, PORTS.length + own);
  });

  it('takes the interface away while requests wait, and brings it back (RFC 6970 §5.10)', async () => {
    const world = await worldWithMappings(SHORT_GRANTS);
    world.simulated.network.weather = { ...world.simulated.network.weather, delay: milliseconds(300) };
    const waiting = [7001, 7002, 7003].map((external) => world.computer('192.168.1.31').asksToAdd({ external }));
    await world.passes(milliseconds(100));
    world.wanGoesDown();
    await world.clock.resolve(Promise.all(waiting), minutes(1));
    await world.passes(minutes(3));
    world.wanComesUp(WAN);
    await world.passes(GRANTS_HAVE_ENDED);
    const own = world.table().filter(({ internalClient }) => internalClient === '192.168.1.31').length;
    await expectConsistent(world, PORTS.length + own);
  });
});

describe('a carrier that restarts', () => {
  it.each([0.2, 1, 3, 7])('again %s s into the recovery has everything in the end (RFC 6887 §14)', async (pause) => {
    const world = await worldWithMappings(SHORT_GRANTS);
    await world.passes(minutes(30));
    world.carrier.restarts({ announce: true, keepTable: false });
    await world.passes(seconds(pause));
    world.carrier.restarts({ announce: true, keepTable: false });
    await world.passes(seconds(15));
    // RFC 6887 §8.5 allows clocks to differ by a second or two: only a longer first life can be seen to have ended.
    if (pause > 2) expect(world.carrier.ports()).toEqual(PORTS);
    await world.passes(GRANTS_HAVE_ENDED);
    await expectConsistent(world);
  });

  it('five times a minute apart, in silence, has everything in the end', async () => {
    const world = await worldWithMappings(SHORT_GRANTS);
    for (let count = 0; count < 5; count += 1) {
      world.carrier.restarts({ announce: false, keepTable: count % 2 === 1 });
      await world.passes(minutes(1));
    }
    await world.passes(minutes(15));
    await expectConsistent(world);
  });
});

describe('a calendar clock that', () => {
  it.each([
    ['a day forwards', hours(24)],
    ['a year back', hours(-24 * 365)],
  ])('jumps %s changes no lease and no lifetime of a running daemon (RFC 6887 §8.5)', async (_, jump) => {
    const world = await worldWithMappings();
    const before = world.table().map(({ leaseLeft }) => leaseLeft);
    world.clock.jumpWallTime(jump);
    expect(world.table().map(({ leaseLeft }) => leaseLeft)).toEqual(before);
    await world.passes(minutes(2));
    // Written anew with the next change, so that a restart counts by the clock as it is now.
    expect(await world.computer('192.168.1.20').add({ external: 6100, lease: 86_400 })).toBe('ok');
    await expectConsistent(world, PORTS.length + 1);
  });

  it('is set half a minute after a boot in 1970: a crash after that drops no lease', async () => {
    const world = await DaemonWorld.open();
    world.clock.jumpWallTime(milliseconds(40_000 - world.clock.wallTime()));
    await world.stops();
    await world.boots();
    const host = world.computer('192.168.1.20');
    for (const external of PORTS) expect(await host.add({ external, lease: 86_400 })).toBe('ok');
    world.clock.jumpWallTime(milliseconds(Date.UTC(2026, 10, 1)));
    await world.passes(seconds(31));
    world.kill();
    await world.boots();
    await world.passes(seconds(30));
    await expectConsistent(world);
  });
});

describe('a disk that', () => {
  it.each(['full', 'denied'] as const)(
    'is %s for a while: no port is promised that a crash would forget, and what ended then stays ended',
    async (trouble) => {
      const world = await worldWithMappings();
      const host = world.computer('192.168.1.20');
      world.box.files.failWith(trouble);
      expect(await host.delete({ external: 6000 })).toBe('error 501');
      for (const external of [6100, 6101]) expect(await host.add({ external, lease: 86_400 })).toBe('error 501');
      expect(await disagreements(world)).toEqual([]);
      expect(world.logged(/error .*disk/)).toHaveLength(1);
      world.box.files.failWith(undefined);
      // Nobody asks for anything: the daemon tries again by itself.
      await world.passes(minutes(2));
      world.kill();
      await world.boots();
      await world.passes(seconds(30));
      const ports = world.table().map(({ externalPort }) => externalPort as number);
      expect(ports.sort()).toEqual(PORTS.filter((port) => port !== 6000));
      expect(await host.add({ external: 6000, lease: 86_400 })).toBe('ok');
      await expectConsistent(world);
    },
  );

  it('fills up while a port is being opened: the port is closed again, and the control point hears 501', async () => {
    const world = await worldWithMappings();
    world.box.files.failWith('full');
    expect(await world.computer('192.168.1.20').add({ external: 6100, lease: 86_400 })).toBe('error 501');
    await world.passes(seconds(5));
    expect(await disagreements(world)).toEqual([]);
    expect(world.table().map(({ externalPort }) => externalPort)).not.toContain(6100);
  });

  it('is full when the daemon starts: it keeps what it had, and promises nothing new until there is room', async () => {
    const world = await worldWithMappings();
    await world.stops();
    world.box.files.failWith('full');
    await world.boots();
    await world.passes(seconds(30));
    expect(world.table()).toHaveLength(PORTS.length);
    const host = world.computer('192.168.1.20');
    expect(await host.add({ external: 6100 })).toBe('error 501');
    world.box.files.failWith(undefined);
    await world.passes(minutes(2));
    expect(await host.add({ external: 6100 })).toBe('ok');
    expect(await disagreements(world)).toEqual([]);
  });

  it('may not be written at all: it serves, and said so at the start', async () => {
    const world = await DaemonWorld.open();
    await world.stops();
    world.box.files.failWith('denied');
    await world.boots();
    expect(world.logged(/warn mappings will not survive a restart/)).toHaveLength(1);
    expect(await world.computer('192.168.1.20').add({ external: 6000 })).toBe('ok');
    expect(await disagreements(world)).toEqual([]);
  });

  it('was pulled out in the middle of any write leaves a start that agrees with the carrier', async () => {
    const world = await worldWithMappings();
    const journal = world.box.files.textOf(`${STATE}/mappings.journal`) ?? '';
    expect(journal.split('\n').length).toBeGreaterThan(PORTS.length);
    // The last two births; every place in every line is tried where the text is read (test/property/stored-text).
    const lastLines = journal.trimEnd().split('\n').slice(-2).join('\n').length + 1;
    for (let end = journal.length; end > journal.length - lastLines; end -= 97) {
      world.kill();
      world.box.files.put(`${STATE}/mappings.journal`, journal.slice(0, end));
      await world.boots();
      await world.passes(seconds(30));
      const known = new Set(world.table().map(({ externalPort }) => externalPort));
      expect(PORTS.slice(0, -2).filter((port) => !known.has(port as never))).toEqual([]);
      expect(world.tableText().filter((row) => !row.endsWith(' granted'))).toEqual([]);
    }
  });
});

describe('an nft that', () => {
  it('fails says 501, leaves nothing at the carrier, and works again afterwards (RFC 6970 §5.5)', async () => {
    const world = await worldWithMappings();
    world.nft.broken = refused('nft is not installed');
    const host = world.computer('192.168.1.33');
    for (const external of [7001, 7002]) expect(await host.add({ external })).toBe('error 501');
    await world.passes(minutes(1));
    expect(world.carrier.ports()).toEqual(PORTS);
    world.nft.broken = undefined;
    expect(await host.add({ external: 7001 })).toBe('ok');
    await expectConsistent(world, PORTS.length + 1);
  });

  it('hangs keeps nobody waiting for ever, and the daemon serves what needs no kernel', async () => {
    const world = await worldWithMappings();
    const { run } = world.box.programs;
    let hung = 0;
    world.box.programs = {
      run: async (program, _args, _input, endWithin) => {
        hung += 1;
        await new Promise<void>((wake) => world.clock.wakeAt((world.clock.now() + endWithin) as never, () => wake()));
        return refused(`${program} did not end in time and was stopped`);
      },
    };
    const host = world.computer('192.168.1.33');
    const waiting = host.asksToAdd({ external: 7001 });
    await world.passes(seconds(1));
    expect(await host.connectionStatus()).toBe('Connected');
    expect(outcomeOf(await world.clock.resolve(waiting, minutes(2)))).toBe('error 501');
    expect(hung).toBeGreaterThan(0);
    world.box.programs = { run };
    await world.passes(minutes(1));
    await expectConsistent(world);
  });
});

describe('SIGTERM', () => {
  it.each([0, 5, 25, 60])(
    '%s ms into a crowd of requests ends in time, and the next start agrees with the carrier',
    async (ms) => {
      const world = await worldWithMappings();
      world.simulated.network.weather = { ...world.simulated.network.weather, delay: milliseconds(10) };
      const host = world.computer('192.168.1.34');
      const crowd = [
        ...[7001, 7002, 7003, 7004].map((external) => host.asksToAdd({ external, lease: 86_400 })),
        ...[6000, 6003].map((external) => world.computer('192.168.1.20').asksToDelete({ external })),
      ];
      for (const answer of crowd) answer.catch(() => undefined);
      await world.passes(milliseconds(ms));
      await world.stops();
      await world.passes(seconds(5));
      await world.boots();
      await world.passes(minutes(2));
      world.promises.doubtsAreSettledBy(world.table());
      expect(world.tableText().filter((row) => !row.endsWith(' granted'))).toEqual([]);
      const known = new Set(world.table().map(({ assignedPort }) => assignedPort));
      // What was asked in the last moment may be the carrier's until its lifetime ends, if its answer came too late.
      expect(world.carrier.ports().filter((port) => !known.has(port as never) && port < 7000)).toEqual([]);
      expect([...known].filter((port) => !world.carrier.ports().includes(port))).toEqual([]);
    },
  );
});
