import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../src/base/ip-address.ts';
import { type PortNumber, portNumber } from '../../src/base/port-number.ts';
import { ok, refused } from '../../src/base/result.ts';
import { type Duration, instant, milliseconds, seconds } from '../../src/base/time.ts';
import type { Nat1Rule } from '../../src/interworking/local-nat.ts';
import type { NftCall } from '../../src/packet-filter/nft-program.ts';
import { type KeeperOutput, NftTableKeeper, STRANGERS_STAY } from '../../src/packet-filter/nft-table-keeper.ts';
import { openNftTable } from '../../src/packet-filter/open-nft-table.ts';
import { NftDouble, nftIsMissing } from '../doubles/nft-double.ts';

const WAN = IpAddress.of('100.64.0.2');
const PORT = portNumber(6881);
const NO_DOORS = { interfaces: [], addresses: [], httpPorts: [] };

const rule = (over: Partial<Nat1Rule> = {}): Nat1Rule => ({
  protocol: 'TCP',
  nat1Port: PORT,
  internalClient: IpAddress.of('192.168.1.10'),
  internalPort: PORT,
  remotePeers: [],
  externalAddress: IpAddress.of('45.76.1.1'),
  externalPort: PORT,
  ...over,
});

/** A keeper with its nft, in virtual time. */
class Bench {
  readonly nft: NftDouble;
  readonly keeper: NftTableKeeper;
  readonly answers = new Map<number, string>();
  readonly news: string[] = [];
  #ids = 0;

  private constructor(nft: NftDouble, keeper: NftTableKeeper) {
    this.nft = nft;
    this.keeper = keeper;
  }

  static async open(nft = new NftDouble(), hairpin = false, wanAddress: IpAddress | 'unknown' = WAN): Promise<Bench> {
    const options = { wanInterface: 'wan', hairpin, doors: NO_DOORS };
    const now = () => instant(nft.now);
    const opened = await openNftTable(options, async (call) => nft.run(call), now);
    if (!opened.ok) throw new Error(opened.error);
    nft.calls.length = 0;
    return new Bench(
      nft,
      new NftTableKeeper(options, opened.value, wanAddress === 'unknown' ? undefined : wanAddress, now()),
    );
  }

  apply(wanted: Nat1Rule, validFor: Duration): number {
    this.#ids += 1;
    this.#take(this.keeper.handleApply(this.#ids, wanted, validFor, instant(this.nft.now)));
    return this.#ids;
  }

  remove(wanted: Nat1Rule): number {
    this.#ids += 1;
    this.#take(this.keeper.handleRemove(this.#ids, wanted, instant(this.nft.now)));
    return this.#ids;
  }

  check(): number {
    this.#ids += 1;
    this.#take(this.keeper.handleCheck(this.#ids, instant(this.nft.now)));
    return this.#ids;
  }

  flush(): number {
    this.#ids += 1;
    this.#take(this.keeper.handleFlush(this.#ids, instant(this.nft.now)));
    return this.#ids;
  }

  move(address: IpAddress): void {
    this.#take(this.keeper.handleWanAddress(address, instant(this.nft.now)));
  }

  /** Lets `span` pass, with every wake in it. */
  pass(span: Duration = milliseconds(0)): void {
    const end = this.nft.now + span;
    for (;;) {
      const at = this.keeper.nextWake()?.at;
      if (at === undefined || at > end) break;
      this.nft.now = Math.max(this.nft.now, at);
      this.#take(this.keeper.handleTimeout(instant(this.nft.now)));
    }
    this.nft.now = end;
  }

  /** One tick without nft's answer. */
  tick(): readonly KeeperOutput[] {
    return this.keeper.handleTimeout(instant(this.nft.now));
  }

  answer(outputs: readonly KeeperOutput[]): void {
    this.#take(outputs);
  }

  #take(outputs: readonly KeeperOutput[]): void {
    for (const output of outputs) {
      if (output.kind === 'settled') {
        expect(this.answers.has(output.request), 'settled once').toBe(false);
        this.answers.set(output.request, output.outcome.ok ? 'done' : output.outcome.error);
      } else if (output.kind === 'run nft') {
        this.#take(this.keeper.handleNft(this.nft.run(output.call), instant(this.nft.now)));
      } else this.news.push(output.kind === 'put back' ? output.what : output.problem);
    }
  }
}

function callOf([output]: readonly KeeperOutput[]): NftCall {
  if (output?.kind !== 'run nft') throw new Error('nothing for nft to do');
  return output.call;
}

const IN_KEY = '100.64.0.2 . tcp . 6881';

describe('rules become elements', () => {
  it('sends what arrives at the NAT1 port to the client, and its own traffic out by the NAT1 port (IWF-49, IWF-51)', async () => {
    const bench = await Bench.open();
    const id = bench.apply(rule({ nat1Port: portNumber(46881) }), seconds(3600));
    expect(bench.answers.has(id)).toBe(false);
    bench.pass();
    expect(bench.answers.get(id)).toBe('done');
    expect(bench.nft.elements('in')).toEqual({ '100.64.0.2 . tcp . 46881': '192.168.1.10 . 6881' });
    expect(bench.nft.elements('out')).toEqual({ '192.168.1.10 . tcp . 6881': '100.64.0.2 . 46881' });
    expect(bench.nft.elements('hairpin')).toEqual({});
  });

  it('lets in the remote host alone when one is named', async () => {
    const bench = await Bench.open(new NftDouble(), true);
    bench.apply(rule({ remotePeers: [IpAddress.of('9.9.9.9'), IpAddress.of('2001:db8::9')] }), seconds(60));
    bench.pass();
    expect(bench.nft.elements('in_from')).toEqual({ [`9.9.9.9 . ${IN_KEY}`]: '192.168.1.10 . 6881' });
    expect(bench.nft.elements('in')).toEqual({});
    expect(bench.nft.elements('hairpin')).toEqual({});
  });

  it('answers the external address to LAN hosts when hairpin is on', async () => {
    const bench = await Bench.open(new NftDouble(), true);
    bench.apply(rule({ externalPort: portNumber(7000) }), seconds(60));
    bench.pass();
    expect(bench.nft.elements('hairpin')).toEqual({ '45.76.1.1 . tcp . 7000': '192.168.1.10 . 6881' });
    expect(bench.nft.elements('hairpin_source')).toEqual({ '192.168.1.10 . tcp . 6881': '45.76.1.1' });
  });

  it('gives the way out of a shared internal port to the first rule, then to the one that is left', async () => {
    const bench = await Bench.open();
    const first = rule();
    const second = rule({ nat1Port: portNumber(7000) });
    bench.apply(first, seconds(600));
    bench.apply(second, seconds(600));
    bench.pass();
    expect(bench.nft.elements('out')).toEqual({ '192.168.1.10 . tcp . 6881': '100.64.0.2 . 6881' });
    bench.remove(first);
    bench.pass();
    expect(bench.nft.elements('out')).toEqual({ '192.168.1.10 . tcp . 6881': '100.64.0.2 . 7000' });
  });

  it('refuses while the WAN address is unknown, and works once it is there', async () => {
    const bench = await Bench.open(new NftDouble(), false, 'unknown');
    const early = bench.apply(rule(), seconds(60));
    expect(bench.answers.get(early)).toContain('no IPv4 address');
    bench.move(WAN);
    const later = bench.apply(rule(), seconds(60));
    bench.pass();
    expect(bench.answers.get(later)).toBe('done');
  });
});

describe('one transaction per tick', () => {
  it('puts a hundred waiting requests into one script, and what comes meanwhile into the next', async () => {
    const bench = await Bench.open();
    const ids = Array.from({ length: 100 }, (_, i) =>
      bench.apply(rule({ nat1Port: portNumber(2000 + i), internalPort: portNumber(2000 + i) }), seconds(60)),
    );
    const started = bench.tick();
    expect(started).toHaveLength(1);
    const late = bench.apply(rule(), seconds(60));
    expect(bench.keeper.nextWake()).toBeUndefined();
    bench.answer(started);
    expect(ids.map((id) => bench.answers.get(id))).toEqual(ids.map(() => 'done'));
    expect(bench.answers.has(late)).toBe(false);
    bench.pass();
    expect(bench.answers.get(late)).toBe('done');
    expect(bench.nft.calls).toHaveLength(2);
  });

  it('runs no process when the kernel holds it already', async () => {
    const bench = await Bench.open();
    bench.apply(rule(), seconds(60));
    bench.pass();
    const again = bench.apply(rule(), seconds(60));
    bench.pass();
    expect(bench.answers.get(again)).toBe('done');
    expect(bench.nft.calls).toHaveLength(1);
  });
});

describe('timeouts follow the granted lifetime', () => {
  it.each([true, false])('extends by a renewal, on kernels that extend on add: %s (IWF-53)', async (addExtends) => {
    const nft = new NftDouble();
    nft.addExtends = addExtends;
    const bench = await Bench.open(nft);
    bench.apply(rule(), seconds(120));
    bench.pass(seconds(60));
    bench.apply(rule(), seconds(120));
    bench.pass();
    expect(nft.secondsLeft('in', IN_KEY)).toBe(120);
    const scripts = nft.calls.filter((call) => call.args[0] === '-f').map((call) => call.input);
    expect(scripts.at(-1)?.includes('delete element')).toBe(!addExtends);
  });

  it.each([true, false])(
    'extends by grants of one length, however often, on kernels that extend on add: %s',
    async (addExtends) => {
      const nft = new NftDouble();
      nft.addExtends = addExtends;
      const bench = await Bench.open(nft);
      for (let renewal = 0; renewal < 5; renewal += 1) {
        bench.apply(rule(), seconds(20));
        bench.pass();
        expect(nft.secondsLeft('in', IN_KEY)).toBe(20);
        bench.pass(seconds(10));
      }
    },
  );

  it.each([true, false])(
    'is written again though the old one lingers, on kernels that extend on add: %s',
    async (addExtends) => {
      const nft = new NftDouble();
      nft.addExtends = addExtends;
      const bench = await Bench.open(nft);
      bench.apply(rule(), milliseconds(19_400));
      // Over for us, with 100 ms left in the kernel, which counts whole seconds.
      bench.pass(milliseconds(19_900));
      const again = bench.apply(rule(), milliseconds(19_400));
      bench.pass(seconds(5));
      expect(bench.answers.get(again)).toBe('done');
      expect(nft.secondsLeft('in', IN_KEY)).toBeGreaterThan(10);
    },
  );

  it('is never shorter than what was granted (IWF-54)', async () => {
    const nft = new NftDouble();
    const bench = await Bench.open(nft);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 90_000 }), { minLength: 1, maxLength: 8 }), (lifetimes) => {
        for (const lifetime of lifetimes) {
          bench.apply(rule(), milliseconds(lifetime));
          bench.pass();
          expect(nft.secondsLeft('in', IN_KEY)).toBeGreaterThanOrEqual(lifetime / 1000);
          bench.pass(milliseconds(Math.floor(lifetime / 3)));
        }
      }),
      { numRuns: 50, seed: 6970 },
    );
  });

  it('forgets a rule whose time is over instead of writing it again', async () => {
    const bench = await Bench.open();
    bench.apply(rule(), seconds(5));
    bench.pass(seconds(16));
    expect([bench.keeper.ruleCount, bench.keeper.elementCount]).toEqual([0, 0]);
    bench.pass(seconds(100));
    expect(bench.nft.elements('in')).toEqual({});
    expect(bench.news).toEqual([]);
  });
});

describe('never a half mapping', () => {
  it('refuses when nft is gone, and has forgotten the rule when it is back', async () => {
    const bench = await Bench.open();
    bench.nft.broken = nftIsMissing;
    const id = bench.apply(rule(), seconds(600));
    bench.pass();
    expect(bench.answers.get(id)).toContain('no such program');
    bench.nft.broken = undefined;
    bench.pass(seconds(30));
    expect(bench.nft.elements('in')).toEqual({});
  });

  it('keeps the earlier lifetime when an extension fails', async () => {
    const bench = await Bench.open();
    bench.apply(rule(), seconds(600));
    bench.pass();
    bench.nft.broken = ok({ exitCode: 1, stdout: '', stderr: 'netlink: Error: cache initialization failed\n' });
    const id = bench.apply(rule({ internalClient: IpAddress.of('192.168.1.66') }), seconds(900));
    bench.pass();
    expect(bench.answers.get(id)).toBe('nft failed: netlink: Error: cache initialization failed');
    bench.nft.broken = undefined;
    bench.pass(seconds(30));
    expect(bench.nft.elements('in')).toEqual({ [IN_KEY]: '192.168.1.10 . 6881' });
  });

  it('lets a later request stand when the one before it for the same port failed', async () => {
    const bench = await Bench.open();
    const first = bench.apply(rule(), seconds(600));
    const [run] = bench.tick();
    expect(run?.kind).toBe('run nft');
    const second = bench.apply(rule({ internalClient: IpAddress.of('192.168.1.11') }), seconds(600));
    const looking = bench.keeper.handleNft(refused('killed'), instant(0));
    expect(looking.map((output) => output.kind)).toEqual(['run nft']);
    bench.answer(bench.keeper.handleNft(refused('killed'), instant(0)));
    expect(bench.answers.get(first)).toBe('killed');
    bench.pass();
    expect(bench.answers.get(second)).toBe('done');
    expect(bench.nft.elements('in')).toEqual({ [IN_KEY]: '192.168.1.11 . 6881' });
  });

  it('has nothing to do with what came while it looked, when it fails', async () => {
    const bench = await Bench.open();
    bench.apply(rule(), seconds(600));
    const [writing] = bench.tick();
    const looking = bench.keeper.handleNft(refused('killed'), instant(0));
    const late = bench.apply(rule({ nat1Port: portNumber(7000) }), seconds(600));
    const repairing = bench.keeper.handleNft(bench.nft.run(callOf(looking)), instant(0));
    expect([writing?.kind, callOf(repairing).input.includes('tcp . 7000')]).toEqual(['run nft', false]);
    bench.answer(bench.keeper.handleNft(refused('killed'), instant(0)));
    expect(bench.answers.has(late)).toBe(false);
    bench.pass();
    expect(bench.answers.get(late)).toBe('done');
    expect(Object.keys(bench.nft.elements('in'))).toEqual(['100.64.0.2 . tcp . 7000']);
  });

  const port = (nat1Port: number, client = '192.168.1.10'): Nat1Rule =>
    rule({
      nat1Port: portNumber(nat1Port),
      internalPort: portNumber(nat1Port),
      internalClient: IpAddress.of(client),
    });
  const inPorts = (bench: Bench): readonly number[] =>
    Object.keys(bench.nft.elements('in')).map((key) => Number(key.split(' ').at(-1)));

  it('finds the one rule that nft refuses among those of its transaction, and writes the others', async () => {
    const bench = await Bench.open();
    const good = [2001, 2002, 2003, 2005, 2006, 2007].map((each) => bench.apply(port(each), seconds(600)));
    const bad = bench.apply(port(2004, '2001:db8::4'), seconds(600));
    bench.pass();
    expect(good.map((id) => bench.answers.get(id))).toEqual(good.map(() => 'done'));
    expect(bench.answers.get(bad)).toContain('Address family');
    expect([...inPorts(bench)].sort()).toEqual([2001, 2002, 2003, 2005, 2006, 2007]);
    expect(bench.news).toHaveLength(1);
    expect(bench.keeper.ruleCount).toBe(6);
  });

  it('asks an nft that says no to everything only so often', async () => {
    const bench = await Bench.open();
    bench.nft.broken = ok({ exitCode: 1, stdout: '', stderr: 'Error: Operation not permitted\n' });
    const ids = Array.from({ length: 1000 }, (_, i) => bench.apply(port(2000 + i), seconds(600)));
    bench.nft.calls.length = 0;
    bench.pass();
    expect(ids.every((id) => bench.answers.get(id)?.includes('not permitted'))).toBe(true);
    expect(bench.nft.calls.length).toBeLessThan(80);
  });

  it('does not halve what an nft that hangs was told', async () => {
    const bench = await Bench.open();
    bench.nft.broken = refused('nft did not end within 10 s and was stopped');
    const ids = Array.from({ length: 100 }, (_, i) => bench.apply(port(2000 + i), seconds(600)));
    bench.nft.calls.length = 0;
    bench.pass();
    expect(ids.every((id) => bench.answers.has(id))).toBe(true);
    expect(bench.nft.calls).toHaveLength(2);
  });

  it('removes in the next check what it could not remove at once', async () => {
    const bench = await Bench.open();
    bench.apply(rule(), seconds(6000));
    bench.pass(STRANGERS_STAY);
    bench.nft.broken = nftIsMissing;
    const id = bench.remove(rule());
    bench.pass();
    expect(bench.answers.get(id)).toContain('no such program');
    bench.nft.broken = undefined;
    bench.pass(seconds(30));
    expect(bench.nft.elements('in')).toEqual({});
    expect(bench.nft.elements('out')).toEqual({});
    bench.nft.calls.length = 0;
    bench.pass(seconds(40));
    expect(bench.nft.calls.filter((call) => !call.args.includes('-t'))).toEqual([]);
  });
});

describe('the rules of the table', () => {
  const other = { wanInterface: 'pppoe-wan', hairpin: false, doors: NO_DOORS };

  it('move to another interface in one transaction with the elements; what is open stays open', async () => {
    const bench = await Bench.open();
    bench.apply(rule(), seconds(600));
    bench.pass();
    bench.keeper.handleRuleset(other, instant(bench.nft.now));
    bench.move(IpAddress.of('100.64.0.9'));
    bench.nft.calls.length = 0;
    bench.pass();
    expect(bench.nft.calls).toHaveLength(1);
    expect(bench.nft.rules('arrivals').every((text) => text.includes('"pppoe-wan"'))).toBe(true);
    expect(Object.keys(bench.nft.elements('in'))).toEqual(['100.64.0.9 . tcp . 6881']);
    bench.pass(seconds(120));
    expect(bench.news).toEqual([]);
  });

  it('that could not be written are written at the next check', async () => {
    const bench = await Bench.open();
    bench.nft.broken = nftIsMissing;
    bench.keeper.handleRuleset(other, instant(bench.nft.now));
    bench.pass();
    bench.nft.broken = undefined;
    bench.pass(seconds(20));
    expect(bench.nft.rules('arrivals').every((text) => text.includes('"pppoe-wan"'))).toBe(true);
  });

  it('that somebody changed are not taken for ours when they could not be put right at once', async () => {
    const bench = await Bench.open();
    bench.nft.table?.chains.get('arrivals')?.rules.pop();
    bench.check();
    const writing = bench.keeper.handleNft(bench.nft.run(callOf(bench.tick())), instant(0));
    expect(callOf(writing).input).toContain('add chain');
    bench.answer(bench.keeper.handleNft(nftIsMissing, instant(0)));
    bench.pass(seconds(20));
    expect(bench.nft.rules('arrivals')).toHaveLength(2);
  });
});

describe('a box without /etc/protocols', () => {
  it('has the same table: nobody is said to have changed it, and nothing is written again', async () => {
    const bench = await Bench.open();
    bench.nft.knowsProtocolNames = false;
    bench.apply(rule(), seconds(6000));
    bench.apply(rule({ protocol: 'UDP', nat1Port: portNumber(17), internalPort: portNumber(6) }), seconds(6000));
    bench.pass();
    bench.nft.calls.length = 0;
    bench.check();
    bench.pass(seconds(300));
    expect(bench.news).toEqual([]);
    expect(bench.nft.calls.filter((call) => call.args[0] === '-f')).toEqual([]);
  });
});

describe('what somebody else changed', () => {
  const busy = async (): Promise<Bench> => {
    const bench = await Bench.open();
    for (const port of [2001, 2002, 2003]) {
      bench.apply(rule({ nat1Port: portNumber(port), internalPort: portNumber(port) }), seconds(6000));
    }
    bench.pass();
    return bench;
  };

  it('puts a flushed table back, by itself within the check period', async () => {
    const bench = await busy();
    bench.nft.table = undefined;
    bench.pass(seconds(20));
    expect(Object.keys(bench.nft.elements('in'))).toHaveLength(3);
    expect(bench.nft.rules('arrivals')).toHaveLength(2);
    expect(bench.news).toEqual(['the table was gone; made anew with 6 elements']);
    bench.pass(seconds(60));
    expect(bench.news).toHaveLength(1);
  });

  it('puts it back at once on a signal', async () => {
    const bench = await busy();
    bench.nft.table?.maps.get('in')?.elements.clear();
    const id = bench.check();
    bench.pass();
    expect(bench.answers.get(id)).toBe('done');
    expect(Object.keys(bench.nft.elements('in'))).toHaveLength(3);
    expect(bench.news).toEqual(['3 elements were gone or changed']);
  });

  it('makes the rules anew when one was removed by hand', async () => {
    const bench = await busy();
    bench.nft.table?.chains.get('arrivals')?.rules.pop();
    bench.pass(seconds(20));
    expect(bench.nft.table?.chains.get('arrivals')?.rules).toHaveLength(2);
    expect(Object.keys(bench.nft.elements('in'))).toHaveLength(3);
  });

  it('puts it back before it answers a request that came at that moment', async () => {
    const bench = await busy();
    bench.nft.table = undefined;
    const id = bench.apply(rule(), seconds(600));
    bench.pass();
    expect(bench.answers.get(id)).toBe('done');
    expect(Object.keys(bench.nft.elements('in'))).toHaveLength(4);
  });

  const full = async (mappings: number, nft = new NftDouble()): Promise<Bench> => {
    const bench = await Bench.open(nft);
    for (let port = 2000; port < 2000 + mappings; port += 1) {
      bench.apply(rule({ nat1Port: portNumber(port), internalPort: portNumber(port) }), seconds(100_000));
    }
    bench.pass();
    bench.nft.calls.length = 0;
    return bench;
  };
  const isListing = (call: NftCall): boolean => !call.args.includes('-t') && call.args[0] === '-j';

  it('glances at a large table every 15 s, and lists it once in minutes', async () => {
    const bench = await full(500);
    bench.pass(seconds(600));
    expect(bench.nft.calls.filter((call) => call.args.includes('-t')).length).toBeGreaterThanOrEqual(36);
    expect(bench.nft.calls.filter(isListing).length).toBeLessThanOrEqual(3);
    expect(bench.news).toEqual([]);
  });

  it('glances less often at a table so large that even that takes its time', async () => {
    const bench = await full(1000);
    bench.pass(seconds(40));
    bench.nft.calls.length = 0;
    bench.pass(seconds(210));
    expect(bench.nft.calls.filter((call) => call.args.includes('-t'))).toHaveLength(10);
  });

  it('asks for another element of each map at each glance', async () => {
    const bench = await full(3);
    bench.pass(seconds(46));
    const asked = bench.nft.calls.filter((call) => call.args.includes('-t')).map((call) => call.input.split('\n'));
    expect(asked.map((lines) => lines.length)).toEqual([4, 4, 4]);
    expect(new Set(asked.map((lines) => lines.join(' '))).size).toBe(3);
  });

  it('asks for no element that is about to time out', async () => {
    const bench = await Bench.open();
    bench.apply(rule(), seconds(16));
    bench.pass(seconds(15));
    expect(bench.nft.calls.at(-1)?.input).toBe('list table inet igd2pcp\n');
  });

  it.each(['in', 'out'])('finds a large map that was emptied within 15 s: %s', async (map) => {
    const bench = await full(500);
    bench.nft.table?.maps.get(map)?.elements.clear();
    bench.pass(seconds(15));
    expect(Object.keys(bench.nft.elements(map))).toHaveLength(500);
    expect(bench.news).toEqual(['500 elements were gone or changed']);
  });

  it('finds rules of a large table that were changed within 15 s', async () => {
    const bench = await full(500);
    bench.nft.table?.chains.get('departures')?.rules.pop();
    bench.pass(seconds(15));
    expect(bench.nft.rules('departures')).toHaveLength(1);
    expect(Object.keys(bench.nft.elements('in'))).toHaveLength(500);
  });

  it('finds one element of a thousand that was taken away within 60 s and 150 ms for each', async () => {
    const bench = await full(500);
    bench.nft.table?.maps.get('in')?.elements.delete('100.64.0.2 . tcp . 2499');
    bench.pass(seconds(60 + 149));
    expect(bench.nft.calls.filter(isListing)).toEqual([]);
    bench.pass(seconds(1));
    expect(bench.nft.elements('in')).toHaveProperty('100.64.0.2 . tcp . 2499');
    expect(bench.news).toEqual(['1 elements were gone or changed']);
  });

  it('looks less often where nft cannot answer a glance', async () => {
    const nft = new NftDouble();
    nft.answersGet = false;
    const bench = await full(500, nft);
    bench.pass(seconds(350));
    expect(bench.nft.calls.filter(isListing).length).toBeLessThanOrEqual(10);
    expect(bench.news).toEqual([]);
    bench.nft.table = undefined;
    bench.pass(seconds(35));
    expect(bench.news).toEqual(['the table was gone; made anew with 1000 elements']);
  });

  it('answers a request that came at the time of a glance after its own transaction', async () => {
    const bench = await full(3);
    bench.pass(seconds(14));
    bench.nft.now += 1000;
    const id = bench.apply(rule(), seconds(600));
    const glance = bench.tick();
    expect(glance).toMatchObject([{ kind: 'run nft', call: { args: expect.arrayContaining(['-t']) } }]);
    expect(bench.answers.has(id)).toBe(false);
    bench.answer(bench.keeper.handleNft(bench.nft.run(callOf(glance)), instant(bench.nft.now)));
    expect(bench.answers.get(id)).toBe('done');
    expect(bench.nft.elements('in')).toHaveProperty(IN_KEY);
  });

  it('is silent when nothing is wrong', async () => {
    const bench = await busy();
    const calls = bench.nft.calls.length;
    bench.pass(seconds(100));
    expect(bench.news).toEqual([]);
    expect(bench.nft.calls.slice(calls).every((call) => call.args[0] === '-j')).toBe(true);
  });
});

describe('across restarts and address changes', () => {
  it('keeps the elements of the run before until their mappings are applied again', async () => {
    const before = await Bench.open();
    before.apply(rule(), seconds(600));
    before.pass(seconds(10));
    const next = await Bench.open(before.nft);
    expect(next.nft.elements('in')).toEqual({ [IN_KEY]: '192.168.1.10 . 6881' });
    next.apply(rule(), seconds(600));
    next.pass();
    expect(next.nft.secondsLeft('in', IN_KEY)).toBe(600);
  });

  it('removes what nobody claims a minute after the start', async () => {
    const before = await Bench.open();
    before.apply(rule(), seconds(600));
    before.pass();
    const next = await Bench.open(before.nft);
    next.pass(seconds(50));
    expect(Object.keys(next.nft.elements('in'))).toHaveLength(1);
    // Without a listing of a table that is filled by now.
    for (let port = 2000; port < 2100; port += 1) {
      next.apply(rule({ nat1Port: portNumber(port), internalPort: portNumber(port) }), seconds(600));
    }
    next.nft.calls.length = 0;
    next.pass(seconds(25));
    expect(next.nft.elements('in')).not.toHaveProperty(IN_KEY);
    expect(Object.keys(next.nft.elements('in'))).toHaveLength(100);
    expect(next.nft.calls.every((call) => call.args.includes('-f'))).toBe(true);
  });

  it('moves everything to a new WAN address in one transaction', async () => {
    const bench = await Bench.open();
    bench.apply(rule(), seconds(600));
    bench.pass();
    bench.move(IpAddress.of('100.64.0.9'));
    bench.pass();
    expect(bench.nft.elements('in')).toEqual({ '100.64.0.9 . tcp . 6881': '192.168.1.10 . 6881' });
    expect(bench.nft.elements('out')).toEqual({ '192.168.1.10 . tcp . 6881': '100.64.0.9 . 6881' });
    expect(bench.nft.calls).toHaveLength(2);
  });

  it('removes its table on request, and nothing after that', async () => {
    const bench = await Bench.open();
    bench.apply(rule(), seconds(600));
    bench.pass();
    const id = bench.flush();
    bench.pass();
    expect(bench.answers.get(id)).toBe('done');
    expect(bench.nft.table).toBeUndefined();
    const late = bench.apply(rule(), seconds(600));
    expect(bench.answers.get(late)).toContain('given up');
    expect(bench.keeper.nextWake()).toBeUndefined();
  });
});

describe('whatever happens in whatever order', () => {
  const step = fc.record({
    what: fc.constantFrom('apply', 'remove', 'pass', 'flush', 'clear', 'break', 'mend'),
    port: fc.integer({ min: 2000, max: 2005 }),
    seconds: fc.integer({ min: 1, max: 40 }),
  });

  /** Ports that were applied, with success, and not removed since. */
  function play(bench: Bench, steps: readonly { what: string; port: number; seconds: number }[]): ReadonlySet<number> {
    const alive = new Set<number>();
    const acts: Record<string, (port: PortNumber, span: Duration) => void> = {
      apply: (port) => {
        const id = bench.apply(rule({ nat1Port: port, internalPort: port }), seconds(100_000));
        bench.pass();
        if (bench.answers.get(id) === 'done') alive.add(port);
      },
      remove: (port) => {
        bench.remove(rule({ nat1Port: port, internalPort: port }));
        bench.pass();
        alive.delete(port);
      },
      pass: (_port, span) => bench.pass(span),
      flush: () => {
        bench.nft.table = undefined;
      },
      clear: () => bench.nft.table?.maps.get('in')?.elements.clear(),
      break: () => {
        bench.nft.broken = nftIsMissing;
      },
      mend: () => {
        bench.nft.broken = undefined;
      },
    };
    for (const { what, port, seconds: span } of steps) acts[what]?.(portNumber(port), seconds(span));
    return alive;
  }

  it('ends with the kernel holding exactly what was applied and not removed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.boolean(), async (steps, addExtends) => {
        const nft = new NftDouble();
        nft.addExtends = addExtends;
        const bench = await Bench.open(nft);
        const alive = play(bench, steps);
        nft.broken = undefined;
        bench.pass(seconds(200));
        const ports = [...alive].sort().map((port) => `100.64.0.2 . tcp . ${port}`);
        expect(Object.keys(nft.elements('in')).sort()).toEqual(ports);
        expect(Object.keys(nft.elements('out'))).toHaveLength(ports.length);
      }),
      { numRuns: 150, seed: 6970 },
    );
  });
});
