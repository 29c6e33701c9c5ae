import { describe, expect, it } from 'vitest';
import { portNumber } from '../../src/base/port-number.ts';
import { after, hours, instant, milliseconds, minutes, seconds } from '../../src/base/time.ts';
import { placeText } from '../../src/mapping/ledger.ts';
import type { Mapping } from '../../src/mapping/mapping.ts';
import { MappingFile } from '../../src/mapping/mapping-file.ts';
import { MappingTable } from '../../src/mapping/mapping-table.ts';
import { seededRandom } from '../doubles/seeded-random.ts';
import { SimulatedFiles } from '../doubles/simulated-files.ts';
import { settle, VirtualClock } from '../doubles/virtual-clock.ts';
import { someMapping } from './some-mapping.ts';
import { someOwed } from './some-owed-release.ts';

const SNAPSHOT = '/state/mappings.json';
const JOURNAL = '/state/mappings.journal';

function desk(files = new SimulatedFiles(), clock = new VirtualClock()) {
  const table = new MappingTable();
  const owed = table.ledger;
  const warnings: string[] = [];
  const notes: string[] = [];
  const file = new MappingFile({
    files,
    directory: '/state',
    table,
    clock: () => ({ now: clock.now(), wall: clock.wallTime() }),
    log: {
      debug() {},
      info: (message) => notes.push(message),
      warn: (message, fields) => warnings.push(`${message} ${JSON.stringify(fields)}`),
      error: (message, fields) => warnings.push(`${message} ${JSON.stringify(fields)}`),
    },
  });
  return { files, clock, table, owed, file, warnings, notes };
}

const loaded = async (file: MappingFile) => {
  const stored = await file.load();
  if (!stored.ok) throw new Error(stored.error.message);
  return stored.value;
};

const portsOnDisk = async (files: SimulatedFiles) =>
  (await loaded(desk(new SimulatedFiles(files.snapshot())).file))
    .map((mapping) => mapping.externalPort as number)
    .sort();

describe('MappingFile', () => {
  it('a birth and an end are on the disk when settled (IWF-45)', async () => {
    const { table, file, files } = desk();
    await file.begin();
    table.put(someMapping(1));
    await file.settled();
    expect(await portsOnDisk(files)).toEqual([1]);
    table.remove(someMapping(1), 'deleted', 'a test wants it');
    await file.settled();
    expect(await portsOnDisk(files)).toEqual([]);
  });

  it('changes that come at the very moment a write ends are written too', async () => {
    const { table, file, files } = desk();
    await file.begin();
    for (let port = 1; port < 60; port += 1) {
      table.put(someMapping(port));
      // Every number of turns of the microtask queue, so as to hit the one in which the writer is about to stop.
      for (let turn = 0; turn < port % 12; turn += 1) await Promise.resolve();
    }
    await settle();
    expect(await portsOnDisk(files)).toHaveLength(59);
  });

  it('changes made together cost one write', async () => {
    const { table, file, files } = desk();
    await file.begin();
    const before = files.writes;
    table.batch(() => {
      for (let port = 1; port <= 50; port += 1) table.put(someMapping(port));
    });
    await file.settled();
    expect(files.writes - before).toBe(1);
  });

  it('renewals wait a quarter of an hour and are written together, for the flash’s sake', async () => {
    const { table, file, files, clock } = desk();
    await file.begin();
    for (let port = 1; port <= 20; port += 1) table.put(someMapping(port));
    await file.settled();
    const before = files.writes;
    for (let round = 1; round <= 5; round += 1)
      for (let port = 1; port <= 20; port += 1)
        table.put(someMapping(port, {}, { expiresAt: instant(clock.now() + hours(round)) }));
    await file.settled();
    expect(files.writes).toBe(before);
    expect(file.handleTimeout(after(clock.now(), minutes(14)))).toEqual([]);
    const outputs = file.handleTimeout(after(clock.now(), minutes(15)));
    expect(outputs).toEqual([{ kind: 'write renewals' }]);
    for (const output of outputs) file.perform(output);
    await file.settled();
    expect(files.writes - before).toBe(1);
    expect(file.nextWake()?.why).not.toMatch(/renewals/);
  });

  it('a write that failed is tried again after 1, 2, 4 … 60 s, whether something changes or not', async () => {
    const { table, file, files, clock } = desk();
    await file.begin();
    files.failWith('full');
    table.put(someMapping(1));
    expect(await file.settled()).toBe(false);
    const waits: number[] = [];
    for (let count = 0; count < 8; count += 1) {
      const at = file.nextWake()?.at ?? clock.now();
      waits.push((at - clock.now()) / 1000);
      await clock.advance(milliseconds(at - clock.now()));
      for (const output of file.handleTimeout(at)) file.perform(output);
      await settle();
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
    files.failWith(undefined);
    file.perform({ kind: 'write everything' });
    expect(await file.settled()).toBe(true);
    expect(await portsOnDisk(files)).toEqual([1]);
    expect(file.nextWake()?.why).not.toMatch(/again/);
  });

  it('the calendar clock is looked at every half minute, and not at all while there is nothing to keep', async () => {
    const { table, file, files, clock } = desk();
    await file.begin();
    expect(file.nextWake()).toBeUndefined();
    table.put(someMapping(1));
    await file.settled();
    expect(file.nextWake()?.at).toBe(clock.now() + 30_000);
    await clock.advance(seconds(30));
    const before = files.writes;
    expect(file.handleTimeout(clock.now())).toEqual([]);
    clock.jumpWallTime(hours(24 * 365));
    await clock.advance(seconds(30));
    for (const output of file.handleTimeout(clock.now())) file.perform(output);
    await file.settled();
    // Snapshot and an empty journal.
    expect(files.writes - before).toBe(2);
  });

  it('a renewal written late does not bring back an entry that moved or ended (Q-08)', async () => {
    const { table, file, files } = desk();
    await file.begin();
    table.put(someMapping(1));
    table.put(someMapping(2));
    table.put(someMapping(1, {}, { expiresAt: instant(9e6) }));
    table.put(someMapping(2, {}, { expiresAt: instant(9e6) }));
    table.move(someMapping(1), { ...someMapping(1), externalPort: portNumber(9) });
    table.remove(someMapping(2), 'deleted', 'a test wants it');
    file.perform({ kind: 'write renewals' });
    await file.settled();
    expect(await portsOnDisk(files)).toEqual([9]);
  });

  it('a new nonce is written at once: without it we would be locked out (P-34)', async () => {
    const { table, file, files } = desk();
    await file.begin();
    table.put(someMapping(1));
    await file.settled();
    const before = files.writes;
    table.put(someMapping(1, {}, { nonce: 'a'.repeat(24) }));
    await file.settled();
    expect(files.writes - before).toBe(1);
  });

  it('the journal is folded into the snapshot before it grows out of hand', async () => {
    const { table, file, files } = desk();
    await file.begin();
    for (let round = 0; round < 300; round += 1) {
      table.put(someMapping(1, { description: `round ${round}` }));
      await file.settled();
    }
    expect((files.textOf(JOURNAL) ?? '').split('\n').length).toBeLessThan(260);
    expect(await portsOnDisk(files)).toEqual([1]);
  });

  it('a write that failed is made good by a whole snapshot, not by appending to a torn line', async () => {
    const { table, file, files, warnings } = desk();
    await file.begin();
    files.failWith('full');
    table.put(someMapping(1));
    await file.settled();
    expect(warnings).toHaveLength(1);
    files.failWith(undefined);
    files.put(JOURNAL, `${files.textOf(JOURNAL)}deadbeef {"put":`);
    table.put(someMapping(2));
    await file.settled();
    expect(await portsOnDisk(files)).toEqual([1, 2]);
  });

  it('says once that nothing can be written, however many changes come, and once that it is over', async () => {
    const { table, file, files, warnings, notes } = desk();
    await file.begin();
    for (const round of [1, 2]) {
      files.failWith('full');
      for (const port of [1, 2, 3]) {
        table.put(someMapping(10 * round + port));
        await file.settled();
      }
      expect(warnings).toHaveLength(round);
      files.failWith(undefined);
      table.put(someMapping(10 * round + 4));
      await file.settled();
      expect(notes).toHaveLength(round);
    }
    expect(await portsOnDisk(files)).toEqual([11, 12, 13, 14, 21, 22, 23, 24]);
  });

  it('a jump of the calendar clock has every time written anew', async () => {
    const { table, file, files, clock } = desk();
    await file.begin();
    table.put(someMapping(1));
    await file.settled();
    clock.jumpWallTime(hours(24 * 365));
    table.put(someMapping(2));
    await file.settled();
    const again = desk(new SimulatedFiles(files.snapshot()), clock);
    const leases = (await loaded(again.file)).map((mapping) => mapping.leaseEndsAt);
    expect(leases).toEqual([someMapping(1).leaseEndsAt, someMapping(2).leaseEndsAt]);
  });

  it.each([SNAPSHOT, JOURNAL])('what cannot be read is no damage: %s stays where it is', async (path) => {
    const { table, file, files } = desk();
    await file.begin();
    table.put(someMapping(1));
    await file.settled();
    const again = desk(new SimulatedFiles(files.snapshot()));
    again.files.unreadablePath = path;
    expect(await again.file.load()).toEqual({ ok: false, error: expect.objectContaining({ kind: 'denied' }) });
    expect(again.files.snapshot()).toEqual(files.snapshot());
    expect(again.warnings).toEqual([]);
  });

  it('damage is set aside with a date and reported, and never stops the start', async () => {
    const files = new SimulatedFiles();
    files.put(SNAPSHOT, 'garbage');
    files.put(JOURNAL, 'more\ngarbage\n');
    const { file, warnings, table } = desk(files);
    expect(await loaded(file)).toEqual([]);
    expect(warnings).toHaveLength(2);
    await file.begin();
    table.put(someMapping(1));
    await file.settled();
    expect(await portsOnDisk(files)).toEqual([1]);
    const aside = [...files.snapshot().keys()].filter((path) => path.includes('.damaged-2026'));
    expect(aside).toHaveLength(2);
  });

  it('nonces open mappings: nobody else may read them (RFC 6887 §18, IWF-101)', async () => {
    const modes: (number | undefined)[] = [];
    const files = new (class extends SimulatedFiles {
      override async replace(path: string, text: string, mode?: number) {
        modes.push(mode);
        return super.replace(path, text);
      }
      override async append(path: string, text: string, mode?: number) {
        modes.push(mode);
        return super.append(path, text);
      }
    })();
    const { table, file } = desk(files);
    await file.begin();
    table.put(someMapping(1));
    await file.settled();
    expect(modes).toEqual([0o600, 0o600, 0o600]);
  });

  it('closing writes what was waiting', async () => {
    const { table, file, files, clock } = desk();
    await file.begin();
    table.put(someMapping(1));
    table.put(someMapping(1, {}, { expiresAt: instant(clock.now() + hours(9)) }));
    await file.close();
    const again = desk(new SimulatedFiles(files.snapshot()), clock);
    expect((await loaded(again.file))[0]?.upstream.expiresAt).toBe(clock.now() + hours(9));
  });
});

describe('owed releases in the file (RFC 6887 §15, IWF-45, IWF-80)', () => {
  const owedOnDisk = async (files: SimulatedFiles) => {
    const { file, owed, clock } = desk(new SimulatedFiles(files.snapshot()));
    await file.load();
    return owed.all(clock.now()).map((release) => release.internalPort as number);
  };

  it('what is owed is on the disk with the end of its entry, in one write', async () => {
    const { table, owed, file, files, clock } = desk();
    await file.begin();
    table.put(someMapping(1));
    await file.settled();
    const before = files.writes;
    owed.owe(someOwed(70, { endsAt: instant(clock.now() + hours(1)) }), clock.now());
    table.remove(someMapping(1), 'deleted', 'a test wants it');
    await file.settled();
    await settle();
    expect(files.writes - before).toBe(1);
    expect(await owedOnDisk(files)).toEqual([70]);
    expect(await portsOnDisk(files)).toEqual([]);
  });

  it('what no entry stood for is written, too, before anybody is told that all is settled', async () => {
    const { owed, file, files, clock } = desk();
    await file.begin();
    const before = files.writes;
    owed.owe(someOwed(70, { endsAt: instant(clock.now() + hours(1)) }), clock.now());
    await file.settled();
    expect(files.writes - before).toBe(1);
    expect(await owedOnDisk(files)).toEqual([70]);
  });

  it('what is done costs no write: it goes with the next one, or when the daemon ends', async () => {
    const { table, owed, file, files, clock } = desk();
    await file.begin();
    const endsAt = instant(clock.now() + hours(1));
    for (const port of [70, 71]) owed.owe(someOwed(port, { endsAt }), clock.now());
    await file.settled();
    const before = files.writes;
    owed.done(someOwed(70));
    await file.settled();
    await settle();
    expect(files.writes).toBe(before);
    table.put(someMapping(1));
    await file.settled();
    expect(files.writes - before).toBe(1);
    expect(await owedOnDisk(files)).toEqual([71]);
    owed.done(someOwed(71));
    await file.close();
    expect(await owedOnDisk(files)).toEqual([]);
  });

  it('a debt that comes back behind its end is owed', async () => {
    const { owed, file, files, clock } = desk();
    await file.begin();
    const endsAt = instant(clock.now() + hours(1));
    owed.owe(someOwed(70, { endsAt }), clock.now());
    await file.settled();
    owed.done(someOwed(70));
    owed.owe(someOwed(70, { endsAt }), clock.now());
    await file.settled();
    expect(await owedOnDisk(files)).toEqual([70]);
  });
});

/** A prime: from line to line, the cuts fall on other places of a record. `property/stored-text` tries every place. */
const BYTES_BETWEEN_CUTS = 7;

/** A disk that remembers how every kill would have left it: between writes, and within an append. */
class KilledFiles extends SimulatedFiles {
  readonly states: { readonly left: ReadonlyMap<string, string>; readonly allowed: readonly string[] }[] = [];
  allowed: () => readonly string[] = () => [];

  override async replace(path: string, text: string) {
    const done = await super.replace(path, text);
    this.#keep(this.snapshot());
    return done;
  }

  override async append(path: string, text: string) {
    const before = this.textOf(path) ?? '';
    for (let cut = 0; cut < text.length; cut += BYTES_BETWEEN_CUTS)
      this.#keep(new Map([...this.snapshot(), [path, before + text.slice(0, cut)]]));
    const done = await super.append(path, text);
    this.#keep(this.snapshot());
    return done;
  }

  #keep(left: ReadonlyMap<string, string>): void {
    this.states.push({ left, allowed: this.allowed() });
  }
}

describe('a kill at any moment', () => {
  it('leaves a state directory that restores what was settled, or what was being written (IWF-45)', async () => {
    const random = seededRandom(9);
    const files = new KilledFiles();
    const { table, file } = desk(files);
    const portsNow = () => portsText([...table.all()]);
    let settled = portsNow();
    files.allowed = () => [settled, portsNow()];
    await file.begin();
    for (let step = 0; step < 24; step += 1) {
      const port = 1 + Math.floor(random.unit() * 6);
      changeAtRandom(table, port, random.unit());
      if (random.unit() < 0.1) await file.close();
      await file.settled();
      settled = portsNow();
    }
    expect(files.states.length).toBeGreaterThan(900);
    for (const { left, allowed } of files.states) {
      const { file: reader, warnings } = desk(new SimulatedFiles(left));
      expect(allowed).toContain(portsText(await loaded(reader)));
      expect(warnings).toEqual([]);
    }
  });
});

describe('a kill at any moment of a range delete (RFC 6887 §15, IWF-45, U-14)', () => {
  it('leaves each mapping either in the table or owed to the server: none is forgotten', async () => {
    const random = seededRandom(4);
    const files = new KilledFiles();
    const { table, owed, file, clock } = desk(files);
    const range = [1, 2, 3].map((port) => ({ mapping: someMapping(port), release: owedFor(port, clock) }));
    /** What the server has, and nobody but us knows of. */
    const atServer = new Set<string>();
    files.allowed = () => [...atServer];
    await file.begin();
    for (let step = 0; step < 5; step += 1) {
      for (const { mapping, release } of range) {
        owed.done(release);
        table.put(mapping);
      }
      await file.settled();
      for (const { release } of range) atServer.add(placeText(release));
      table.batch(() => {
        for (const { mapping, release } of range) {
          owed.owe(release, clock.now());
          table.remove(mapping, 'deleted', 'a range');
        }
      });
      await file.settled();
      const answered = owedFor(1 + Math.floor(random.unit() * 3), clock);
      atServer.delete(placeText(answered));
      owed.done(answered);
      if (random.unit() < 0.3) await file.close();
    }
    expect(files.states.length).toBeGreaterThan(900);
    const wrong: string[] = [];
    for (const state of files.states) wrong.push(...(await forgottenIn(state, clock)));
    expect(wrong).toEqual([]);
  });
});

function owedFor(port: number, clock: VirtualClock) {
  const { protocol, upstream } = someMapping(port);
  const { server, internalAddress, internalPort, nonce } = upstream;
  return someOwed(port, {
    protocol,
    server,
    internalAddress,
    internalPort,
    nonce,
    endsAt: after(clock.now(), hours(1)),
  });
}

async function forgottenIn({ left, allowed }: KilledFiles['states'][number], clock: VirtualClock) {
  const { file, owed, warnings } = desk(new SimulatedFiles(left), clock);
  const entries = (await loaded(file)).map(({ protocol, upstream }) => placeText({ protocol, ...upstream }));
  const debts = owed.all(clock.now()).map(placeText);
  const known = new Set([...entries, ...debts]);
  const forgotten = allowed.filter((place) => !known.has(place)).map((place) => `forgotten: ${place}`);
  const doubled = debts.filter((debt) => entries.includes(debt)).map((place) => `owed and there: ${place}`);
  return [...forgotten, ...doubled, ...warnings];
}

const portsText = (mappings: readonly Mapping[]): string =>
  mappings
    .map((mapping) => mapping.externalPort)
    .sort((a, b) => a - b)
    .join();

function changeAtRandom(table: MappingTable, port: number, dice: number): void {
  const canMove = table.find(someMapping(port)) !== undefined && table.find(someMapping(port + 10)) === undefined;
  if (dice < 0.4) table.remove(someMapping(port), 'deleted', 'random');
  else if (dice < 0.6 && canMove)
    table.move(someMapping(port), { ...someMapping(port), externalPort: portNumber(port + 10) });
  else table.put(someMapping(port, { description: `dice ${dice}` }));
}
