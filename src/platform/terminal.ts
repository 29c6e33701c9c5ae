// The terminal the process was started from: how wide it is, whether it shows colour, what stops us.

import type { WriteStream } from 'node:tty';
import { isReadByJournal, JOURNAL_ERROR, withPriority } from './systemd.ts';

export interface NodeTerminal {
  readonly isTerminal: boolean;
  /** systemd's journal reads our output. */
  readonly isJournal: boolean;
  readonly hasColour: boolean;
  columns(): number;
  rows(): number;
  print(text: string): void;
  complain(text: string): void;
  /** Aborted by Ctrl-C, SIGTERM, SIGHUP, or when nobody reads our output any more. */
  readonly stopped: AbortSignal;
  /** From now on SIGHUP does this, and stops nothing. */
  onHangUp(work: () => void): void;
}

/** What pipes and files are formatted for. */
const STANDARD_COLUMNS = 80;
const STANDARD_ROWS = 24;

export function openTerminal(): NodeTerminal {
  const out: Partial<WriteStream> & NodeJS.WriteStream = process.stdout;
  const journalStream = process.env['JOURNAL_STREAM'];
  const isErrorRead = isReadByJournal(2, journalStream);
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort());
  let hangUp = (): void => stop.abort();
  process.on('SIGHUP', () => hangUp());
  // `igd2pcp list | head`: the reader is gone, and that is no error.
  process.stdout.on('error', () => stop.abort());
  return {
    isTerminal: process.stdout.isTTY === true,
    isJournal: isReadByJournal(1, journalStream),
    // https://no-color.org: any value that is not empty.
    hasColour:
      process.stdout.isTTY === true && (process.env['NO_COLOR'] ?? '') === '' && process.env['TERM'] !== 'dumb',
    // A terminal that nobody told its size says 0.
    columns: () => out.columns || STANDARD_COLUMNS,
    rows: () => out.rows || STANDARD_ROWS,
    print: (text) => {
      process.stdout.write(text);
    },
    complain: (text) => {
      process.stderr.write(isErrorRead ? withPriority(JOURNAL_ERROR, text) : text);
    },
    stopped: stop.signal,
    onHangUp: (work) => {
      hangUp = work;
    },
  };
}
