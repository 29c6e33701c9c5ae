// Splits what follows the command into words and flags: "--flag VALUE", "--flag=VALUE", switches "--flag" and
// "--no-flag"; "--" ends the flags. Which flags there are comes from the command's row and the table of options.

import { ok, type Result, refused } from '../base/result.ts';
import { type AnyConfigOption, CONFIG_OPTIONS } from '../config/config.ts';
import type { Kind } from '../config/config-kind.ts';
import { nearestName } from '../config/config-problem.ts';
import type { FlagTexts } from '../config/config-reader.ts';
import { COMMANDS, type CommandName } from './command-table.ts';

export interface FlagSet {
  readonly words: readonly string[];
  /** The command's own flags. */
  readonly own: FlagTexts;
  readonly configuration: FlagTexts;
}

/** The configuration flags a command takes. */
export function configFlagsOf(command: CommandName): readonly AnyConfigOption[] {
  const all: readonly AnyConfigOption[] = CONFIG_OPTIONS;
  const { configuration } = COMMANDS[command];
  if (configuration === 'all') return all;
  return configuration === 'admin' ? all.filter((row) => row.key === 'admin.socket') : [];
}

interface KnownFlag {
  readonly kind: Kind<unknown>;
  readonly texts: Map<string, string[]>;
}

export function readFlags(command: CommandName, given: readonly string[]): Result<FlagSet, string> {
  const own = new Map<string, string[]>();
  const configuration = new Map<string, string[]>();
  const known = new Map<string, KnownFlag>();
  for (const { flag, kind } of COMMANDS[command].options) known.set(flag, { kind, texts: own });
  for (const { flag, kind } of configFlagsOf(command)) known.set(flag, { kind, texts: configuration });
  const words: string[] = [];
  for (let index = 0; index < given.length; index += 1) {
    const argument = given[index] ?? '';
    if (argument === '--') {
      words.push(...given.slice(index + 1));
      break;
    }
    if (!argument.startsWith('-') || argument === '-') {
      words.push(argument);
      continue;
    }
    const read = readFlag(argument, given[index + 1], known);
    if (!read.ok) return refused(strangerText(command, read.error, known));
    if (read.value.tookNext) index += 1;
  }
  return ok({ words, own, configuration });
}

/** The error is a sentence, or the flag that nobody knows. */
type FlagError =
  | { readonly kind: 'sentence'; readonly text: string }
  | { readonly kind: 'stranger'; readonly flag: string };

function readFlag(
  argument: string,
  next: string | undefined,
  known: ReadonlyMap<string, KnownFlag>,
): Result<{ readonly tookNext: boolean }, FlagError> {
  const [, flag = '', value] = /^--([^=]+)(?:=(.*))?$/s.exec(argument) ?? [];
  const entry = known.get(flag);
  const negated = entry === undefined && flag.startsWith('no-') ? known.get(flag.slice(3)) : undefined;
  if (negated !== undefined && negated.kind.placeholder === undefined && value === undefined) {
    negated.texts.set(flag.slice(3), ['false']);
    return ok({ tookNext: false });
  }
  if (entry === undefined) return refused({ kind: 'stranger', flag: argument.split('=')[0] ?? argument });
  if (entry.kind.placeholder === undefined) {
    entry.texts.set(flag, [value ?? 'true']);
    return ok({ tookNext: false });
  }
  const text = value ?? next;
  if (text === undefined) {
    return refused({ kind: 'sentence', text: `--${flag} needs a value: ${entry.kind.expected}` });
  }
  entry.texts.set(flag, [...(entry.texts.get(flag) ?? []), text]);
  return ok({ tookNext: value === undefined });
}

function strangerText(command: CommandName, error: FlagError, known: ReadonlyMap<string, KnownFlag>): string {
  if (error.kind === 'sentence') return error.text;
  const near = nearestName(error.flag.replace(/^-+/, ''), known.keys());
  const advice = near === undefined ? `see: igd2pcp help ${command}` : `did you mean --${near}?`;
  return `"${command}" has no flag ${error.flag}; ${advice}`;
}
