import { readFileSync } from 'node:fs';
import { beforeEach, describe, expect, it } from 'vitest';
import { Driver } from '../../src/base/drive.ts';
import { IpAddress } from '../../src/base/ip-address.ts';
import { portNumber } from '../../src/base/port-number.ts';
import { ok, refused } from '../../src/base/result.ts';
import { after, milliseconds, seconds } from '../../src/base/time.ts';
import type { Nat1Rule } from '../../src/interworking/local-nat.ts';
import { type NftablesSession, startNftablesSession } from '../../src/packet-filter/nftables-session.ts';
import { NftDouble } from '../doubles/nft-double.ts';
import { type SimulatedHost, SimulatedWorld } from '../doubles/simulated-host.ts';

const rule = (port: number): Nat1Rule => ({
  protocol: 'UDP',
  nat1Port: portNumber(port),
  internalClient: IpAddress.of('192.168.1.10'),
  internalPort: portNumber(port),
  remotePeers: [],
  externalAddress: IpAddress.of('45.76.1.1'),
  externalPort: portNumber(port),
});

let nft: NftDouble;
let world: SimulatedWorld;
let host: SimulatedHost;
let driver: Driver;
/** How long one nft process takes. */
let nftTakes = milliseconds(5);

beforeEach(() => {
  nft = new NftDouble();
  world = new SimulatedWorld();
  host = world.host([{ name: 'wan', address: '100.64.0.2/24' }]);
  driver = new Driver(host.clock);
  nftTakes = milliseconds(5);
  host.programs = {
    run: (program, args, input) => {
      if (program !== 'nft') return Promise.resolve(refused(`${program}: not installed`));
      nft.now = host.clock.now();
      const outcome = nft.run({ args, input });
      return new Promise((done) => host.clock.wakeAt(after(host.clock.now(), nftTakes), () => done(outcome)));
    },
  };
});

const OPTIONS = {
  wanInterface: 'wan',
  hairpin: false,
  wanAddress: IpAddress.of('100.64.0.2'),
  obstacle: () => undefined,
};

async function settle<T>(promise: Promise<T>, within = seconds(1)): Promise<T> {
  await world.clock.advance(within);
  return promise;
}

async function start(): Promise<NftablesSession> {
  const session = await settle(startNftablesSession(host, driver, OPTIONS));
  if (!session.ok) throw new Error(session.error);
  nft.calls.length = 0;
  return session.value;
}

describe('the NAT of this box over nft', () => {
  it('answers a request only after its rule is in the kernel', async () => {
    const session = await start();
    let isAnswered = false;
    const applied = session.apply(rule(6881), seconds(60)).then((outcome) => {
      isAnswered = true;
      return outcome;
    });
    await world.clock.advance(milliseconds(3));
    expect(isAnswered).toBe(false);
    expect(await settle(applied)).toEqual(ok(undefined));
    expect(nft.elements('in')).toHaveProperty('100.64.0.2 . udp . 6881');
  });

  it('writes what waited while nft ran in one more transaction', async () => {
    const session = await start();
    const first = session.apply(rule(2000), seconds(60));
    await world.clock.advance(milliseconds(2));
    const others = Array.from({ length: 200 }, (_, i) => session.apply(rule(3000 + i), seconds(60)));
    const outcomes = await settle(Promise.all([first, ...others]));
    expect(outcomes.every((outcome) => outcome.ok)).toBe(true);
    expect(nft.calls).toHaveLength(2);
    expect(session.figures()).toMatchObject({ rules: 201, transactions: 2, lastTransaction: { elements: 400 } });
  });

  it('refuses to start without nft, in a sentence that says what to mend', async () => {
    nft.broken = refused('nft: no such program');
    const session = await settle(startNftablesSession(host, driver, OPTIONS));
    expect(session).toEqual(
      refused('nat = "nftables" needs a working nft, run as root or with CAP_NET_ADMIN: nft: no such program'),
    );
  });

  it('refuses an interface name that is none', async () => {
    const session = await settle(startNftablesSession(host, driver, { ...OPTIONS, wanInterface: '"; flush ruleset' }));
    expect(session.ok).toBe(false);
    expect(nft.calls).toEqual([]);
  });

  it('answers with the problem when nft fails later, and logs it', async () => {
    const session = await start();
    nft.broken = ok({ exitCode: 1, stdout: '', stderr: 'Error: Could not process rule: Cannot allocate memory\n' });
    const outcome = await settle(session.apply(rule(6881), seconds(60)));
    expect(outcome).toEqual(refused('nft failed: Error: Could not process rule: Cannot allocate memory'));
    expect(host.logged('error')).toHaveLength(1);
    expect(session.figures()).toMatchObject({ failures: 1, problem: expect.stringContaining('Cannot allocate') });
    nft.broken = undefined;
    await settle(session.apply(rule(6881), seconds(60)));
    expect(session.figures().problem).toBeUndefined();
  });

  it('warns at the start when the firewall will drop what comes in', async () => {
    nft.ruleset = readFileSync(new URL('./rulesets/debian-drop.json', import.meta.url), 'utf8');
    const session = await start();
    await settle(session.check());
    expect(host.logged('warn').filter((line) => line.includes('ct status dnat accept'))).toHaveLength(1);
    expect(session.figures().problem).toContain('chain "inet filter forward" has the policy "drop"');
    nft.ruleset = '{"nftables": []}';
    await settle(session.check());
    expect(session.figures().problem).toBeUndefined();
  });

  it('sees by itself that the firewall was mended', async () => {
    nft.ruleset = readFileSync(new URL('./rulesets/debian-drop.json', import.meta.url), 'utf8');
    const session = await start();
    expect(session.figures().problem).toContain('has the policy "drop"');
    nft.ruleset = '{"nftables": []}';
    await world.clock.advance(seconds(20));
    expect(session.figures().problem).toBeUndefined();
    session.close();
    expect(driver.wakes()).toEqual([]);
  });

  it('waits at the start for its table, not for the look at the firewall', async () => {
    const { run } = host.programs;
    host.programs = {
      run: (program, args, input, within) =>
        args.at(-1) === 'ruleset' ? new Promise(() => {}) : run.call(host.programs, program, args, input, within),
    };
    const session = await start();
    expect(nft.table?.maps.has('in')).toBe(true);
    expect(await settle(session.apply(rule(6881), seconds(60)))).toEqual(ok(undefined));
  });

  it('calls no problem what merely may be one', async () => {
    nft.ruleset = 'not JSON';
    const session = await start();
    expect(host.logged('warn').some((line) => line.includes('could not read the firewall'))).toBe(true);
    expect(session.figures().problem).toBeUndefined();
  });

  it('keeps away from ports that programs here listen on', async () => {
    const line = '   0: 00000000:1AE1 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1056 1';
    await host.files.replace('/proc/net/tcp', `  sl  local_address\n${line}\n`);
    const session = await start();
    expect(await session.reserve('TCP', portNumber(6881))).not.toBe(6881);
    expect(await session.reserve('UDP', portNumber(6881))).toBe(6881);
    // Cannot be read for a moment: they listen all the same.
    host.files.unreadable = 'failed';
    await world.clock.advance(seconds(2));
    expect(await session.reserve('TCP', portNumber(6881))).not.toBe(6881);
    host.files.unreadable = undefined;
    await host.files.remove('/proc/net/tcp');
    await world.clock.advance(seconds(2));
    expect(await session.reserve('TCP', portNumber(6881))).toBe(6881);
  });

  it('and from one that a program has listened on for a moment only; a burst of requests reads the tables once', async () => {
    const session = await start();
    expect(await session.reserve('TCP', portNumber(6880))).toBe(6880);
    const line = '   0: 00000000:1AE1 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1056 1';
    await host.files.replace('/proc/net/tcp', `  sl  local_address\n${line}\n`);
    await world.clock.advance(seconds(1));
    expect(await session.reserve('TCP', portNumber(6881))).not.toBe(6881);
    let reads = 0;
    const { read } = host.files;
    host.files.read = (path) => {
      reads += 1;
      return read.call(host.files, path);
    };
    await world.clock.advance(seconds(1));
    await Promise.all(Array.from({ length: 50 }, (_, i) => session.reserve('TCP', portNumber(7000 + i))));
    expect(reads).toBe(4);
  });

  it('puts back what somebody flushed, by itself and on request, and says so', async () => {
    const session = await start();
    await settle(session.apply(rule(6881), seconds(600)));
    nft.table = undefined;
    expect(await settle(session.check())).toEqual(ok(undefined));
    expect(Object.keys(nft.elements('in'))).toHaveLength(1);
    nft.table = undefined;
    await world.clock.advance(seconds(20));
    expect(Object.keys(nft.elements('in'))).toHaveLength(1);
    expect(host.logged('warn').filter((line) => line.includes('somebody changed'))).toHaveLength(2);
  });

  it('moves to another WAN address', async () => {
    const session = await start();
    await settle(session.apply(rule(6881), seconds(600)));
    session.wanAddressChanged(IpAddress.of('100.64.0.9'));
    await world.clock.advance(seconds(1));
    expect(nft.elements('in')).toEqual({ '100.64.0.9 . udp . 6881': '192.168.1.10 . 6881' });
  });

  it('leaves the rules when it closes, and takes them along when told to flush', async () => {
    const first = await start();
    await settle(first.apply(rule(6881), seconds(600)));
    first.close();
    await world.clock.advance(seconds(100));
    nft.now = host.clock.now();
    expect(Object.keys(nft.elements('in'))).toHaveLength(1);
    expect(driver.wakes()).toEqual([]);
    const second = await start();
    expect(await settle(second.flush())).toEqual(ok(undefined));
    expect(nft.table).toBeUndefined();
  });

  it('answers whoever still waits when it closes', async () => {
    const session = await start();
    const waiting = session.apply(rule(6881), seconds(600));
    session.close();
    expect(await settle(waiting)).toEqual(refused('the daemon ends'));
  });
});
