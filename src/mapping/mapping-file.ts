// Keeps the table on disk (RFC 6970 §5.3; RFC 6887 §11.2 for the nonces). Births and ends are durable when `settled`
// says so, and so is what is owed to servers; renewals and paid debts change nothing a restart could not find out again,
// so they wait. One write at a time. A failed one is tried again until it succeeds, as a whole new snapshot: an append
// could meet a torn line.

import { calendarDate } from '../base/calendar.ts';
import type { FileProblem, FileStore } from '../base/host.ts';
import type { Log } from '../base/log.ts';
import type { Machine, Wake } from '../base/machine.ts';
import { ok, type Result, refused } from '../base/result.ts';
import { after, type Duration, type Instant, minutes, scale, seconds, shorter } from '../base/time.ts';
import { type LedgerChange, placeText } from './ledger.ts';
import { type Mapping, type MappingChange, type MappingChanges, mappingKeyText } from './mapping.ts';
import { type ClockReading, wallTimeOf } from './mapping-record.ts';
import { type JournalEntry, journalHead, journalText, readStoredTable, snapshotText } from './mapping-store.ts';
import type { MappingTable } from './mapping-table.ts';

/** Nonces open mappings: nobody else may read them. */
const FILE_MODE = 0o600;
/** Flash wears: a renewal may be forgotten by a crash, as the restart confirms every mapping anyway. */
const RENEWALS_WAIT = minutes(15);
/** The journal may grow to this many lines, or to twice the table, before it is folded into the snapshot. */
const JOURNAL_LINES = 256;
/** When wall and monotonic time drift further apart than this (NTP after boot), written times are wrong. */
const CLOCK_JUMP = minutes(1);
/** A crash right after the clock was set finds times on the disk that are wrong; so soon they are written anew. */
const LOOK_AT_CLOCK_EVERY = seconds(30);
/** After a failed write: again after a second, then after twice the time before. */
const FIRST_RETRY = seconds(1);
const LAST_RETRY = minutes(1);

export type MappingFileOutput = { readonly kind: 'write renewals' } | { readonly kind: 'write everything' };

export interface MappingFileContext {
  readonly files: FileStore;
  readonly directory: string;
  readonly table: MappingTable;
  readonly clock: () => ClockReading;
  readonly log: Log;
}

export class MappingFile implements Machine<MappingFileOutput> {
  readonly #context: MappingFileContext;
  readonly #snapshotPath: string;
  readonly #journalPath: string;
  #generation = 0;
  #pending: JournalEntry[] = [];
  /** Debts that are paid, by their place: written behind what is pending, and not for their own sake. */
  readonly #paid = new Map<string, JournalEntry>();
  #waiting = deferred();
  #inFlight: Promise<void> | undefined;
  #isWriting = false;
  /** What the disk said to the last write; undefined: it took it. */
  #problem: FileProblem | undefined;
  #hasWritten = false;
  #retryAt: Instant | undefined;
  #retryAfter: Duration = FIRST_RETRY;
  #lookAtClockAt: Instant | undefined;
  #written: Promise<void> = Promise.resolve();
  #mustFold = false;
  #journalLines = 0;
  #renewed = new Map<string, Mapping>();
  #renewalsDueAt: Instant | undefined;
  #reading: ClockReading;
  #wakeMoved: () => void = () => {};

  constructor(context: MappingFileContext) {
    this.#context = context;
    this.#snapshotPath = `${context.directory}/mappings.json`;
    this.#journalPath = `${context.directory}/mappings.journal`;
    this.#reading = context.clock();
  }

  /**
   * What was in force when the last process ended; what it owed goes to the ledger. Damage is reported, set aside, and
   * never stops the start. What cannot be read at all need not be damaged: the error says so, and nothing is touched.
   */
  async load(): Promise<Result<readonly Mapping[], FileProblem>> {
    const snapshot = await this.#read(this.#snapshotPath);
    if (!snapshot.ok) return snapshot;
    const journal = await this.#read(this.#journalPath);
    if (!journal.ok) return journal;
    const reading = this.#context.clock();
    const stored = readStoredTable(snapshot.value, journal.value, reading);
    for (const release of stored.owed) this.#context.table.ledger.owe(release, reading.now);
    this.#generation = stored.generation;
    if (stored.snapshotDamage !== undefined) await this.#setAside(this.#snapshotPath, stored.snapshotDamage);
    if (stored.journalDamage !== undefined) await this.#setAside(this.#journalPath, stored.journalDamage);
    return ok(stored.mappings);
  }

  /** From here on every change of the table is kept; what is in it now is written first. */
  async begin(): Promise<void> {
    this.#context.table.listen((changes) => this.#note(changes));
    this.#context.table.ledger.listen((change) => this.#noteOwed(change));
    this.#mustFold = true;
    this.#startWriting();
    await this.#written;
  }

  /**
   * Settles when every change announced so far is on the disk: true; or when the disk has refused it: false. Where nothing
   * may be written at all, the operator was warned at the start, and it is true: a gateway without memory is better than none.
   */
  async settled(): Promise<boolean> {
    if (this.#pending.length > 0 || this.#mustFold) await this.#waiting.promise;
    else await this.#inFlight;
    return !this.isFailing;
  }

  /** What is promised now would not be on the disk. */
  get isFailing(): boolean {
    return this.#problem !== undefined && (this.#hasWritten || this.#problem.kind === 'full');
  }

  /** Why changes are not on the disk, for the person at the box; undefined: they are. */
  get problem(): string | undefined {
    return this.#problem?.message;
  }

  /** Called when `nextWake` may have moved outside of a timeout. */
  onWakeMoved(listener: () => void): void {
    this.#wakeMoved = listener;
  }

  nextWake(): Wake | undefined {
    const wakes: Wake[] = [];
    if (this.#retryAt !== undefined) wakes.push({ at: this.#retryAt, why: 'try again to write the table to disk' });
    if (this.#renewalsDueAt !== undefined)
      wakes.push({ at: this.#renewalsDueAt, why: `write ${this.#renewed.size} renewals to disk` });
    if (this.#lookAtClockAt !== undefined)
      wakes.push({ at: this.#lookAtClockAt, why: 'see whether the calendar clock was set' });
    return wakes.sort((a, b) => a.at - b.at)[0];
  }

  handleTimeout(now: Instant): readonly MappingFileOutput[] {
    const isDue = (at: Instant | undefined): boolean => at !== undefined && at <= now;
    const isRetry = isDue(this.#retryAt);
    const isRenewals = isDue(this.#renewalsDueAt);
    const isLook = isDue(this.#lookAtClockAt);
    if (isRetry) this.#retryAt = undefined;
    if (isRenewals) this.#renewalsDueAt = undefined;
    if (isLook) this.#lookAtClockAt = this.#isEmpty(now) ? undefined : after(now, LOOK_AT_CLOCK_EVERY);
    if (isRetry || (isLook && this.#hasClockJumped(this.#context.clock()))) return [{ kind: 'write everything' }];
    return isRenewals ? [{ kind: 'write renewals' }] : [];
  }

  perform(output: MappingFileOutput): void {
    if (output.kind === 'write renewals') this.#pending.push(...this.#takeRenewals());
    else this.#mustFold = true;
    this.#startWriting();
  }

  #isEmpty(now: Instant): boolean {
    return this.#context.table.size === 0 && this.#context.table.ledger.count(now) === 0;
  }

  /** Writes everything, renewals too. */
  async close(): Promise<void> {
    this.#mustFold = true;
    this.#startWriting();
    await this.#written;
  }

  #note(changes: MappingChanges): void {
    const entries = changes.flatMap((change) => this.#entryOf(change));
    if (entries.length === 0) return;
    this.#pending.push(...entries);
    this.#startWriting();
  }

  /**
   * What is owed stands before the end of the entry it comes from, and is written with it: a breath is waited for that.
   * What is paid stands behind everything, as the entry that took its place must not be lost alone; and it waits for the
   * next write of something else, as paying twice does no harm (RFC 6887 §15).
   */
  #noteOwed(change: LedgerChange): void {
    if (change.kind === 'done') {
      this.#paid.set(placeText(change.place), change);
      return;
    }
    this.#paid.delete(placeText(change.release));
    this.#pending.push(change);
    void Promise.resolve().then(() => this.#startWriting());
  }

  #entryOf(change: MappingChange): readonly JournalEntry[] {
    const text = mappingKeyText(change.mapping);
    if (change.kind === 'updated' && isMereRenewal(change)) {
      this.#renewed.set(text, change.mapping);
      if (this.#renewalsDueAt === undefined) {
        this.#renewalsDueAt = after(this.#context.clock().now, RENEWALS_WAIT);
        this.#wakeMoved();
      }
      return [];
    }
    this.#renewed.delete(text);
    if (change.kind === 'updated') this.#renewed.delete(mappingKeyText(change.previous));
    if (change.kind === 'removed') return [{ kind: 'gone', key: change.mapping }];
    if (change.kind === 'updated' && mappingKeyText(change.previous) !== text)
      return [{ kind: 'put', mapping: change.mapping, insteadOf: change.previous }];
    return [{ kind: 'put', mapping: change.mapping }];
  }

  #takeRenewals(): readonly JournalEntry[] {
    const entries = [...this.#renewed.values()].map((mapping) => ({ kind: 'put' as const, mapping }));
    this.#renewed.clear();
    this.#renewalsDueAt = undefined;
    return entries;
  }

  #startWriting(): void {
    if (this.#isWriting) return;
    this.#isWriting = true;
    this.#written = this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    while (this.#pending.length > 0 || this.#mustFold) {
      const entries = [...this.#pending, ...this.#paid.values()];
      const waiting = this.#waiting;
      this.#pending = [];
      this.#paid.clear();
      this.#waiting = deferred();
      this.#inFlight = waiting.promise;
      const reading = this.#context.clock();
      const problem = this.#shouldFold(entries.length, reading)
        ? await this.#fold(reading)
        : await this.#append(entries, reading);
      this.#tell(problem);
      this.#planNextWrite(problem, reading.now);
      waiting.settle();
    }
    // No `await` between the last check and this line: a change made in between would never be written.
    this.#isWriting = false;
  }

  /** Once for each time it begins: a full disk is no reason for a line per change. */
  #tell(problem: FileProblem | undefined): void {
    const { log } = this.#context;
    if (problem !== undefined && this.#problem === undefined)
      log.error('The mapping table could not be written to disk; it is tried again', { problem: problem.message });
    if (problem === undefined && this.#problem !== undefined) log.info('The mapping table is written to disk again');
    this.#problem = problem;
  }

  #planNextWrite(problem: FileProblem | undefined, now: Instant): void {
    const before = this.nextWake()?.at;
    if (problem === undefined) {
      this.#hasWritten = true;
      this.#retryAt = undefined;
      this.#retryAfter = FIRST_RETRY;
      this.#lookAtClockAt ??= this.#isEmpty(now) ? undefined : after(now, LOOK_AT_CLOCK_EVERY);
    } else {
      // The journal may end in a torn line now: the next write is a whole snapshot.
      this.#journalLines = Number.POSITIVE_INFINITY;
      this.#retryAt = after(now, this.#retryAfter);
      this.#retryAfter = shorter(scale(this.#retryAfter, 2), LAST_RETRY);
    }
    if (this.nextWake()?.at !== before) this.#wakeMoved();
  }

  #shouldFold(entries: number, reading: ClockReading): boolean {
    const { table } = this.#context;
    const most = Math.max(JOURNAL_LINES, 2 * (table.size + table.ledger.count(reading.now)));
    return this.#mustFold || this.#journalLines + entries > most || this.#hasClockJumped(reading);
  }

  /** Since the last snapshot. */
  #hasClockJumped(reading: ClockReading): boolean {
    return Math.abs(wallTimeOf(reading.now, this.#reading) - reading.wall) > CLOCK_JUMP;
  }

  async #append(entries: readonly JournalEntry[], reading: ClockReading): Promise<FileProblem | undefined> {
    this.#journalLines += entries.length;
    return problemOf(await this.#context.files.append(this.#journalPath, journalText(entries, reading), FILE_MODE));
  }

  /** Snapshot first, then an empty journal of the same generation: a crash in between leaves a journal to be ignored. */
  async #fold(reading: ClockReading): Promise<FileProblem | undefined> {
    this.#mustFold = false;
    this.#reading = reading;
    this.#takeRenewals();
    this.#generation += 1;
    const { files, table } = this.#context;
    const snapshot = snapshotText(this.#generation, table.all(), reading, table.ledger.all(reading.now));
    const head = journalHead(this.#generation);
    const problem =
      problemOf(await files.replace(this.#snapshotPath, snapshot, FILE_MODE)) ??
      problemOf(await files.replace(this.#journalPath, head, FILE_MODE));
    if (problem === undefined) this.#journalLines = 0;
    return problem;
  }

  /** Undefined: there is no such file. */
  async #read(path: string): Promise<Result<string | undefined, FileProblem>> {
    const text = await this.#context.files.read(path);
    if (text.ok) return text;
    return text.error.kind === 'missing' ? ok(undefined) : refused(text.error);
  }

  async #setAside(path: string, why: string): Promise<void> {
    const aside = `${path}.damaged-${calendarDate(this.#context.clock().wall)}`;
    const moved = await this.#context.files.rename(path, aside);
    this.#context.log.warn('A state file was damaged; what could be read of it is used', {
      path,
      why,
      setAsideAs: moved.ok ? aside : undefined,
    });
  }
}

/** Nothing in it that a restart could not find out by asking the server again with the nonce it has. */
function isMereRenewal(change: MappingChange & { kind: 'updated' }): boolean {
  const { mapping, previous } = change;
  return (
    !change.isVisible &&
    mapping.nat1Port === previous.nat1Port &&
    mapping.upstream.nonce === previous.upstream.nonce &&
    mapping.upstream.server === previous.upstream.server &&
    mapping.upstream.internalPort === previous.upstream.internalPort &&
    mapping.upstream.assignedPort === previous.upstream.assignedPort &&
    (mapping.state === 'deleting') === (previous.state === 'deleting')
  );
}

interface Deferred {
  readonly promise: Promise<void>;
  settle(): void;
}

function deferred(): Deferred {
  let settle: () => void = () => {};
  const promise = new Promise<void>((resolve) => {
    settle = resolve;
  });
  return { promise, settle };
}

const problemOf = (result: Result<void, FileProblem>): FileProblem | undefined =>
  result.ok ? undefined : result.error;
