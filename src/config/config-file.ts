// The TOML file as values with the line each stands on. What the values may be is not decided here.

import { parse, TomlError } from 'smol-toml';
import { ok, type Result, refused } from '../base/result.ts';

export interface ConfigFile {
  /** "section.key" to what stood there; an unknown top-level key or section comes under its own name. */
  readonly values: ReadonlyMap<string, unknown>;
  readonly emptySections: readonly string[];
  /** The line of a key: "lan.http_port", "policy.rule.1.client" (indexes count from 0). */
  readonly lines: ReadonlyMap<string, number>;
}

export interface TomlProblem {
  readonly line: number;
  readonly message: string;
}

export function readConfigFile(fileText: string): Result<ConfigFile, TomlProblem> {
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
