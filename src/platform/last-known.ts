// What the system says of itself, and what it said last, for the time in which it cannot say anything for want of file
// descriptors or memory: what was so a moment ago is nearer to the truth than "nothing there".

import { constants } from 'node:os';

const { EMFILE, ENFILE, ENOMEM, ENOBUFS } = constants.errno;
const SHORTAGES: ReadonlySet<number> = new Set([EMFILE, ENFILE, ENOMEM, ENOBUFS]);

export class LastKnown<T> {
  /** By what was asked for: a handful of paths. */
  readonly #values = new Map<string, T>();
  readonly #otherwise: T;

  /** `otherwise`: what it means when there is nothing to read. */
  constructor(otherwise: T) {
    this.#otherwise = otherwise;
  }

  read(name: string, ask: () => T): T {
    try {
      const value = ask();
      this.#values.set(name, value);
      return value;
    } catch (error) {
      if (!isShortage(error)) this.#values.delete(name);
      return this.#values.get(name) ?? this.#otherwise;
    }
  }
}

/** By number and whatever its sign: not every part of Node gives this error its name. */
const isShortage = (error: unknown): boolean => SHORTAGES.has(Math.abs((error as NodeJS.ErrnoException).errno ?? 0));
