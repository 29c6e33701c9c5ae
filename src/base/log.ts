// How the daemon speaks to its log: a sentence for people, fields for machines. Implemented by the platform (pino).

export type LogFields = Readonly<Record<string, unknown>>;

export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export const SILENT_LOG: Log = { debug() {}, info() {}, warn() {}, error() {} };
