// systemd's journal as the reader of what we write: it takes "<4>" at the head of a line for the priority of the line
// (sd-daemon(3)).

import { fstatSync } from 'node:fs';

export const JOURNAL_ERROR = 3;

/**
 * Whether the journal reads this file descriptor. The variable alone proves nothing: a program started from a service
 * inherits it, whatever its own output is (systemd.exec(5), JOURNAL_STREAM).
 */
export function isReadByJournal(fileDescriptor: number, journalStream: string | undefined): boolean {
  if (journalStream === undefined) return false;
  try {
    const { dev, ino } = fstatSync(fileDescriptor, { bigint: true });
    return journalStream === `${dev}:${ino}`;
  } catch {
    return false;
  }
}

/** The journal makes an entry of each line, so each line gets the priority. */
export const withPriority = (priority: number, text: string): string => text.replace(/^(?=.)/gm, `<${priority}>`);
