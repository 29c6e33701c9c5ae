// Flags, environment and file become one `Config`: flags beat the environment, the environment beats the file, the file
// beats the defaults. Everything wrong is reported together, each with its place. Reads no file and no process.

import { parse, TomlError } from 'smol-toml';
import { ok, type Result, refused } from '../base/result.ts';
import {
  type AnyConfigOption,
  CONFIG_OPTIONS,
  type Config,
  type ConfigKey,
  environmentName,
  propertyPath,
} from './config.ts';
import { type ConfigPurpose, contradictionsIn } from './config-checks.ts';
import type { Misfit } from './config-kind.ts';
import { type ConfigProblem, nearestName } from './config-problem.ts';

/** Flags as they were given: each flag's texts in order, a bare switch as "true" or "false". */
export type FlagTexts = ReadonlyMap<string, readonly string[]>;

export interface ConfigSources {
  readonly args: FlagTexts;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Undefined: there is no file. */
  readonly fileText?: string | undefined;
  readonly fileName: string;
  readonly purpose: ConfigPurpose;
}

type Reading = Result<unknown, ConfigProblem> | undefined;

const OPTIONS: readonly AnyConfigOption[] = CONFIG_OPTIONS;
const KEYS: readonly string[] = OPTIONS.map((row) => row.key);
const SECTIONS: ReadonlySet<string> = new Set(KEYS.map((key) => key.split('.')[0] ?? ''));

export function readConfig(sources: ConfigSources): Result<Config, readonly ConfigProblem[]> {
  const file = readFile(sources);
  if (!file.ok) return refused([file.error]);
  const problems: ConfigProblem[] = unknownKeys(file.value, sources.fileName);
  const sections: Record<string, Record<string, unknown>> = {};
  for (const row of OPTIONS) {
    const reading = fromFlag(row, sources) ?? fromEnvironment(row, sources) ?? fromFile(row, file.value, sources);
    if (reading?.ok === false) problems.push(reading.error);
    const { section, property } = propertyPath(row.key);
    sections[section] = { ...sections[section], [property]: reading?.ok ? reading.value : row.standard };
  }
  if (problems.length > 0) return refused(problems);
  const config = sections as Config;
  const contradictions = contradictionsIn(config, sources.purpose);
  if (contradictions.length === 0) return ok(config);
  return refused(
    contradictions.map(({ key, message }) => ({ where: placeOf(key, file.value, sources), key, message })),
  );
}

/** The keys whose values differ: what a reload changes. */
export function changedKeys(before: Config, now: Config): readonly ConfigKey[] {
  return OPTIONS.filter((row) => row.kind.show(valueIn(before, row.key)) !== row.kind.show(valueIn(now, row.key))).map(
    (row) => row.key,
  );
}

export function valueIn(config: Config, key: ConfigKey): unknown {
  const { section, property } = propertyPath(key);
  const sections: Readonly<Record<string, Readonly<Record<string, unknown>>>> = config;
  return sections[section]?.[property];
}

function readFile({ fileText, fileName }: ConfigSources): Result<ConfigFile, ConfigProblem> {
  const file = readConfigFile(fileText ?? '');
  if (file.ok) return file;
  return refused({ where: `${fileName}:${file.error.line}`, key: undefined, message: file.error.message });
}

function fromFlag(row: AnyConfigOption, { args }: ConfigSources): Reading {
  const texts = args.get(row.flag);
  return texts === undefined ? undefined : place(row, row.kind.fromTexts(texts), () => `--${row.flag}`);
}

function fromEnvironment(row: AnyConfigOption, { env }: ConfigSources): Reading {
  const name = environmentName(row.flag);
  const given = env[name];
  if (given === undefined) return undefined;
  return place(row, row.kind.fromTexts(row.kind.split(given)), () => name);
}

function fromFile(row: AnyConfigOption, file: ConfigFile, { fileName }: ConfigSources): Reading {
  if (!file.values.has(row.key)) return undefined;
  return place(row, row.kind.fromFile(file.values.get(row.key)), (misfit) => {
    const line = lineOf([row.key, ...misfit.at].join('.'), file);
    return line === undefined ? fileName : `${fileName}:${line}`;
  });
}

function place(row: AnyConfigOption, read: Result<unknown, Misfit>, where: (misfit: Misfit) => string): Reading {
  if (read.ok) return read;
  return refused({ where: where(read.error), key: partText(row.key, read.error.at), message: read.error.message });
}

/** "policy.rule, item 2, client": people count from 1. */
const partText = (key: string, at: Misfit['at']): string =>
  [key, ...at.map((part) => (typeof part === 'number' ? `item ${part + 1}` : part))].join(', ');

/** Of the key itself, or of what holds it. */
function lineOf(key: string, file: ConfigFile): number | undefined {
  for (let name = key; name !== ''; name = name.slice(0, Math.max(0, name.lastIndexOf('.')))) {
    const line = file.lines.get(name);
    if (line !== undefined) return line;
  }
  return undefined;
}

function placeOf(key: ConfigKey, file: ConfigFile, { args, env, fileName }: ConfigSources): string {
  const flag = OPTIONS.find((row) => row.key === key)?.flag ?? '';
  if (args.has(flag)) return `--${flag}`;
  if (env[environmentName(flag)] !== undefined) return environmentName(flag);
  const line = file.lines.get(key);
  return line === undefined ? fileName : `${fileName}:${line}`;
}

// Only the file: the environment belongs to others as well (Kubernetes, for one, sets NAME_PORT for a service "name").
function unknownKeys(file: ConfigFile, fileName: string): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const strangers = [
    ...[...file.values.keys()].filter((key) => !KEYS.includes(key)),
    ...file.emptySections.filter((section) => !SECTIONS.has(section)),
  ];
  for (const key of strangers) {
    const line = lineOf(key, file);
    problems.push({ where: line === undefined ? fileName : `${fileName}:${line}`, key, message: strangerText(key) });
  }
  return problems;
}

function strangerText(key: string): string {
  const near = nearestName(key, KEYS);
  if (near !== undefined) return `is unknown; did you mean ${near}?`;
  const [section = ''] = key.split('.');
  const siblings = KEYS.filter((known) => known.startsWith(`${section}.`)).map((known) =>
    known.slice(section.length + 1),
  );
  if (siblings.length > 0) return `is unknown; [${section}] has ${siblings.join(', ')}`;
  return `is unknown; the sections are ${[...SECTIONS].map((name) => `[${name}]`).join(' ')}`;
}

// The TOML file as values with the line each stands on. What the values may be is not decided here.

interface ConfigFile {
  /** "section.key" to what stood there; an unknown top-level key or section comes under its own name. */
  readonly values: ReadonlyMap<string, unknown>;
  readonly emptySections: readonly string[];
  /** The line of a key: "lan.http_port", "policy.rule.1.client" (indexes count from 0). */
  readonly lines: ReadonlyMap<string, number>;
}

interface TomlProblem {
  readonly line: number;
  readonly message: string;
}

function readConfigFile(fileText: string): Result<ConfigFile, TomlProblem> {
  let document: Record<string, unknown>;
  try {
    document = parse(fileText);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const [reason = ''] = error.message.split('\n');
    return refused({ line: error.line, message: `is not TOML: ${reason.replace('Invalid TOML document: ', '')}` });
  }
  const values = new Map<string, unknown>();
  const emptySections: string[] = [];
  for (const [section, content] of Object.entries(document)) {
    if (isTable(content)) {
      if (Object.keys(content).length === 0) emptySections.push(section);
      for (const [name, value] of Object.entries(content)) values.set(`${section}.${name}`, value);
    } else {
      values.set(section, content);
    }
  }
  return ok({ values, emptySections, lines: linesOfKeys(fileText) });
}

const isTable = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);

const KEY = /^\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=/;
const HEADING = /^\s*(\[\[?)\s*([^\]]+?)\s*\]/;

const plainName = (name: string): string =>
  name
    .split('.')
    .map((part) => part.trim().replace(/^["']|["']$/g, ''))
    .join('.');

/** The parser keeps no positions. A line scan finds them: it may err inside multi-line strings, which no option needs. */
function linesOfKeys(fileText: string): Map<string, number> {
  const lines = new Map<string, number>();
  const tablesSeen = new Map<string, number>();
  let prefix = '';
  const note = (key: string, line: number): void => {
    if (!lines.has(key)) lines.set(key, line);
  };
  for (const [index, line] of fileText.split('\n').entries()) {
    const [, brackets, heading] = HEADING.exec(line) ?? [];
    if (heading !== undefined) {
      const name = plainName(heading);
      const count = tablesSeen.get(name) ?? 0;
      tablesSeen.set(name, count + 1);
      note(name, index + 1);
      prefix = brackets === '[[' ? `${name}.${count}` : name;
      note(prefix, index + 1);
      continue;
    }
    const [, key] = KEY.exec(line) ?? [];
    if (key !== undefined) note(prefix === '' ? plainName(key) : `${prefix}.${plainName(key)}`, index + 1);
  }
  return lines;
}
