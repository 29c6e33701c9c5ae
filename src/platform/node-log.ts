// The log over pino, in the form its reader understands: a coloured line on a terminal, text with priorities for systemd's
// journal, text on two streams for other supervisors, JSON for programs. No worker thread, no transport.

import { writeSync } from 'node:fs';
import { pino } from 'pino';
import type { Log, LogFields } from '../base/log.ts';
import { UNPRINTABLE } from '../base/texts.ts';
import { withPriority } from './systemd.ts';

type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/**
 * "journal": lines with "<4>" before them. "syslog": warnings and errors go to standard error, because OpenWrt's procd makes
 * no other difference between lines.
 */
type LogStyle = 'json' | 'pretty' | 'journal' | 'syslog';

interface LogOptions {
  readonly level: LogLevel;
  readonly style: LogStyle;
  readonly isColoured: boolean;
}

interface LogReader {
  readonly isTerminal: boolean;
  readonly isJournal: boolean;
}

/** What `log.format` means where our output goes. */
export function logStyle(format: 'auto' | 'text' | 'json', reader: LogReader): LogStyle {
  if (format === 'json') return 'json';
  if (reader.isTerminal) return 'pretty';
  if (reader.isJournal) return 'journal';
  return format === 'text' ? 'syslog' : 'json';
}

export interface NodeLog extends Log {
  /** Lines that could not be written. */
  dropped(): number;
}

const STANDARD_OUTPUT = 1;
const STANDARD_ERROR = 2;

export function createNodeLog(options: LogOptions, descriptor = STANDARD_OUTPUT): NodeLog {
  const sayDropped = (lines: number, why: string): void =>
    log.warn(`${lines} lines of this log could not be written: ${why}`);
  const out = new LogOutput(descriptor, sayDropped);
  const err = new LogOutput(STANDARD_ERROR, sayDropped);
  const logger = pino(
    { level: options.level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    streamFor(options, out, err),
  );
  const at =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, fields?: LogFields): void =>
      logger[level](fields ?? {}, message);
  const log: NodeLog = {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    dropped: () => out.dropped + err.dropped,
  };
  return log;
}

interface LineStream {
  write(line: string): void;
}

function streamFor({ style, isColoured }: LogOptions, out: LogOutput, err: LogOutput): LineStream {
  if (style === 'json') return { write: (line) => out.write(`${jsonLine(line)}\n`) };
  if (style === 'pretty') return { write: (line) => out.write(`${prettyLine(line, isColoured)}\n`) };
  if (style === 'journal') return { write: (line) => out.write(`${journalLine(line)}\n`) };
  return { write: (line) => (isSerious(line) ? err : out).write(`${textLine(line)}\n`) };
}

interface LevelOfPino {
  readonly name: string;
  readonly colour: string;
  /** Of syslog(3). */
  readonly priority: number;
}

const LEVELS: Readonly<Record<number, LevelOfPino>> = {
  20: { name: 'debug', colour: '\x1b[2m', priority: 7 },
  30: { name: 'info', colour: '\x1b[32m', priority: 6 },
  40: { name: 'warn', colour: '\x1b[33m', priority: 4 },
  50: { name: 'error', colour: '\x1b[31m', priority: 3 },
};
const PRIORITY_OF_WARNINGS = 4;

function parsed(line: string) {
  const { level, time, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const known = LEVELS[Number(level)] ?? { name: '', colour: '', priority: 6 };
  return { ...known, clock: String(time).slice(11, 19), message: String(msg), fields: Object.entries(fields) };
}

/** Escaped, nothing is lost: who reads the JSON has every character back. */
export const jsonLine = (line: string): string => onOneLine(line.trimEnd());

export function prettyLine(line: string, isColoured: boolean): string {
  const { name, colour, clock, message, fields } = parsed(line);
  const details = fields.map(([key, value]) => ` ${key}=${fieldText(value)}`).join('');
  const paint = (text: string, code: string): string => (isColoured ? `${code}${text}\x1b[0m` : text);
  return `${clock} ${paint(name.padEnd(5), colour)} ${onOneLine(message)}${paint(details, '\x1b[2m')}`;
}

/** Without a clock: who collects such lines notes the time. */
export function textLine(line: string): string {
  const { name, message, fields } = parsed(line);
  const head = name === 'info' ? '' : `${name}: `;
  return `${head}${onOneLine(message)}${fields.map(([key, value]) => ` ${key}=${fieldText(value)}`).join('')}`;
}

export const journalLine = (line: string): string => withPriority(parsed(line).priority, textLine(line));

export const isSerious = (line: string): boolean => parsed(line).priority <= PRIORITY_OF_WARNINGS;

/** What a LAN host chose must neither begin a line of its own nor look like a second field. */
function fieldText(value: unknown): string {
  const isPlain = typeof value === 'string' && /^[\w.:/,+@-]+$/.test(value);
  return isPlain ? value : onOneLine(JSON.stringify(value) ?? 'undefined');
}

const onOneLine = (text: string): string =>
  text.replace(UNPRINTABLE, (character) => (character === '\n' ? '\\n' : escapeOf(character)));

/** As JSON writes it: in UTF-16. */
const escapeOf = (character: string): string =>
  Array.from({ length: character.length }, (_, unit) => character.charCodeAt(unit))
    .map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`)
    .join('');

// Where log lines go. A disk that is full, or a reader that is slow or gone, costs lines, never the daemon: a few wait, the
// others are counted, and their number is said once when lines can be written again.

const MOST_WAITING_OCTETS = 16 * 1024;
const NOTHING: Buffer = Buffer.alloc(0);

export class LogOutput {
  readonly #descriptor: number;
  readonly #sayDropped: (lines: number, why: string) => void;
  /** Begins with the rest of a line of which a part was written. */
  #waiting = NOTHING;
  #dropped = 0;
  #unsaid = 0;
  #why = '';

  /** `sayDropped` may write through this output. */
  constructor(descriptor: number, sayDropped: (lines: number, why: string) => void) {
    this.#descriptor = descriptor;
    this.#sayDropped = sayDropped;
  }

  get dropped(): number {
    return this.#dropped;
  }

  write(line: string): void {
    const octets = Buffer.from(line);
    this.#writeWaiting();
    if (this.#waiting.length > 0 && this.#waiting.length + octets.length > MOST_WAITING_OCTETS) {
      this.#dropped += 1;
      this.#unsaid += 1;
      return;
    }
    this.#waiting = this.#waiting.length === 0 ? octets : Buffer.concat([this.#waiting, octets]);
    this.#writeWaiting();
    if (this.#waiting.length > 0 || this.#unsaid === 0) return;
    const lines = this.#unsaid;
    this.#unsaid = 0;
    this.#sayDropped(lines, this.#why);
  }

  #writeWaiting(): void {
    try {
      // A disk that is nearly full takes a part first.
      while (this.#waiting.length > 0)
        this.#waiting = this.#waiting.subarray(writeSync(this.#descriptor, this.#waiting));
    } catch (error) {
      this.#why = (error as Error).message;
    }
  }
}
