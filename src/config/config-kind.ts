// What a configuration value may be: how it is read from the TOML file, from a flag or the environment, and how it is
// shown. Kinds that speak of networks are in config-network-kinds.ts, the permission rules in config-rule-kind.ts.

import { durationText, parseDuration } from '../base/duration-text.ts';
import { ok, type Result, refused } from '../base/result.ts';
import type { Duration } from '../base/time.ts';

/** Why a value does not fit; `message` completes the sentence "KEY ...". */
export interface Misfit {
  /** Which part of the value: indexes and keys, outermost first; empty for the whole. */
  readonly at: readonly (string | number)[];
  readonly message: string;
}

export const misfit = (message: string, at: Misfit['at'] = []): Result<never, Misfit> => refused({ at, message });

export interface Kind<T> {
  /** What stands for the value in usage lines; undefined for a switch, whose flag alone says "true". */
  readonly placeholder: string | undefined;
  /** The flag may be given again, once for each item. */
  readonly isRepeatable: boolean;
  /** "a port from 1 to 65535". */
  readonly expected: string;
  fromFile(value: unknown): Result<T, Misfit>;
  /** One text for each time the flag was given; never empty. */
  fromTexts(texts: readonly string[]): Result<T, Misfit>;
  /** The items one environment variable holds. */
  split(text: string): readonly string[];
  /** As TOML. */
  show(value: T): string;
}

/** "must be a port from 1 to 65535, not "x"". */
export const mustBe = (expected: string, value: unknown): string => `must be ${expected}, not ${shown(value)}`;

function shown(value: unknown): string {
  if (value instanceof Date) return 'a date';
  if (typeof value === 'bigint') return String(value);
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

interface Scalar<T> {
  readonly placeholder: string;
  readonly expected: string;
  /** From what TOML has: a string, a number, a boolean. Undefined: not of this kind. */
  readonly read: (value: unknown) => T | undefined;
  /** From a flag's text; left out: the text is read as a TOML string would be. */
  readonly readText?: (text: string) => T | undefined;
  readonly show: (value: T) => string;
}

export function scalar<T>(scalarKind: Scalar<T>): Kind<T> {
  const { placeholder, expected, read, show } = scalarKind;
  const readText = scalarKind.readText ?? read;
  const settle = (value: T | undefined, given: unknown): Result<T, Misfit> =>
    value === undefined ? misfit(mustBe(expected, given)) : ok(value);
  return {
    placeholder,
    expected,
    isRepeatable: false,
    fromFile: (value) => settle(read(value), value),
    fromTexts: (texts) => {
      const [first = '', ...rest] = texts;
      return rest.length > 0 ? misfit('may be given only once') : settle(readText(first), first);
    },
    split: (text) => [text],
    show,
  };
}

const quoted = (text: string): string => JSON.stringify(text);

export const text = (placeholder: string, expected: string, isFine: (value: string) => boolean): Kind<string> =>
  scalar({
    placeholder,
    expected,
    read: (value) => (typeof value === 'string' && isFine(value) ? value : undefined),
    show: quoted,
  });

/** A file or directory; "" means none where `mayBeEmpty`. */
export const path = (placeholder: string, mayBeEmpty = false): Kind<string> =>
  text(
    placeholder,
    mayBeEmpty ? 'an absolute path, or "" for none' : 'an absolute path',
    (value) => (mayBeEmpty && value === '') || (value.startsWith('/') && !value.includes('\0')),
  );

export const choice = <const C extends readonly string[]>(...choices: C): Kind<C[number]> =>
  scalar<C[number]>({
    placeholder: choices.join('|'),
    expected: `one of ${choices.map(quoted).join(', ')}`,
    read: (value) => choices.find((one) => one === value),
    show: quoted,
  });

export const whole = (placeholder: string, least: number, most: number, what = 'a whole number'): Kind<number> => {
  const check = (value: unknown): number | undefined => {
    const number = typeof value === 'bigint' ? Number(value) : value;
    return typeof number === 'number' && Number.isInteger(number) && number >= least && number <= most
      ? number
      : undefined;
  };
  return scalar({
    placeholder,
    expected: `${what} from ${least} to ${most}`,
    read: check,
    readText: (given) => (/^\d{1,15}$/.test(given) ? check(Number(given)) : undefined),
    show: String,
  });
};

export const duration = (least: Duration, most: Duration): Kind<Duration> =>
  scalar({
    placeholder: 'DURATION',
    expected: `a duration such as "4s" or "1h30m", from ${durationText(least)} to ${durationText(most)}`,
    read: (value) => {
      const span = typeof value === 'string' ? parseDuration(value) : undefined;
      return span !== undefined && span >= least && span <= most ? span : undefined;
    },
    show: (span) => quoted(durationText(span)),
  });

const TRUE_TEXTS: ReadonlySet<string> = new Set(['true', 'yes', 'on', '1']);
const FALSE_TEXTS: ReadonlySet<string> = new Set(['false', 'no', 'off', '0']);

export const yesOrNo: Kind<boolean> = {
  ...scalar<boolean>({
    placeholder: '',
    expected: 'true or false',
    read: (value) => (typeof value === 'boolean' ? value : undefined),
    readText: (given) => (TRUE_TEXTS.has(given) ? true : FALSE_TEXTS.has(given) ? false : undefined),
    show: String,
  }),
  placeholder: undefined,
};

/** Several of a kind: an array in the file, a repeated flag, items between blanks or commas in the environment. */
export function listOf<T>(item: Kind<T>, most: number, separator = /[\s,]+/): Kind<readonly T[]> {
  const all = (given: readonly unknown[], read: (one: unknown) => Result<T, Misfit>): Result<readonly T[], Misfit> => {
    if (given.length > most) return misfit(`may have ${most} items at most, not ${given.length}`);
    const values: T[] = [];
    for (const [index, one] of given.entries()) {
      const value = read(one);
      if (!value.ok) return misfit(value.error.message, [index, ...value.error.at]);
      values.push(value.value);
    }
    return ok(values);
  };
  return {
    placeholder: item.placeholder,
    expected: `a list, each ${item.expected}`,
    isRepeatable: true,
    fromFile: (value) =>
      Array.isArray(value)
        ? all(value, (one) => item.fromFile(one))
        : misfit(mustBe(`a list in [ ], each ${item.expected}`, value)),
    fromTexts: (texts) => all(texts, (one) => item.fromTexts([String(one)])),
    split: (given) => given.split(separator).filter((part) => part !== ''),
    show: (values) => `[${values.map((value) => item.show(value)).join(', ')}]`,
  };
}
