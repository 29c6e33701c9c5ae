// The log over pino: JSON lines on standard output, a readable line each on a terminal. No worker thread, no transport.

import { destination, pino } from 'pino';
import type { Log, LogFields } from '../base/log.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

export interface LogOptions {
  readonly level: LogLevel;
  readonly style: 'json' | 'pretty';
  readonly isColoured: boolean;
}

export function createNodeLog(options: LogOptions): Log {
  const stream = options.style === 'json' ? destination({ dest: 1, sync: true }) : new PrettyStream(options.isColoured);
  const logger = pino({ level: options.level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, stream);
  const at =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, fields?: LogFields): void =>
      logger[level](fields ?? {}, message);
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

const LEVEL_NAMES: Readonly<Record<number, readonly [name: string, colour: string]>> = {
  20: ['debug', '\x1b[2m'],
  30: ['info ', '\x1b[32m'],
  40: ['warn ', '\x1b[33m'],
  50: ['error', '\x1b[31m'],
};

class PrettyStream {
  readonly #isColoured: boolean;

  constructor(isColoured: boolean) {
    this.#isColoured = isColoured;
  }

  write(line: string): void {
    const { level, time, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
    const [name, colour] = LEVEL_NAMES[Number(level)] ?? ['', ''];
    const clock = String(time).slice(11, 19);
    const details = Object.entries(fields)
      .map(([key, value]) => ` ${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
      .join('');
    const paint = (text: string, code: string): string => (this.#isColoured ? `${code}${text}\x1b[0m` : text);
    process.stdout.write(`${clock} ${paint(name, colour)} ${String(msg)}${paint(details, '\x1b[2m')}\n`);
  }
}
