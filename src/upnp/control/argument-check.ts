// Text arguments become checked values, by the action's own description: any order, extras ignored, types and ranges as
// published. Wrong or missing is 402; a value outside what is allowed is 601, where the device's architecture knows it.

import { ok, type Result, refused } from '../../base/result.ts';
import type { ActionDescription, DataType, StateVariable } from '../description/service-description.ts';
import type { UpnpErrorCode } from '../upnp-error.ts';
import type { GivenArgument } from './soap-request.ts';

/** UDA 1.0 §3.2.2 has only "Invalid Args"; UDA 1.1 §3.2.2 tells apart why. */
export interface ArgumentRefusals {
  readonly invalidValue: UpnpErrorCode;
  readonly outOfRange: UpnpErrorCode;
}

export const UDA_1_0_REFUSALS: ArgumentRefusals = { invalidValue: 402, outOfRange: 402 };
export const UDA_1_1_REFUSALS: ArgumentRefusals = { invalidValue: 600, outOfRange: 601 };

/** What an action forgives beyond its description. */
export interface ArgumentLeniency {
  /** What an argument counts as that was left out or left empty. The handler answers for it: it may be out of range. */
  readonly assumed?: Readonly<Record<string, string>>;
  /** Arguments whose published range is enforced by the handler, because another code or none belongs to it. */
  readonly rangeIsHandlers?: readonly string[];
}

type CheckedValue = string | number | boolean;

/** The values of one call. Asking for what the description does not promise is a bug of ours, and throws. */
export class CheckedArguments {
  readonly #values: ReadonlyMap<string, CheckedValue>;

  constructor(values: ReadonlyMap<string, CheckedValue>) {
    this.#values = values;
  }

  string(name: string): string {
    const value = this.#values.get(name);
    if (typeof value !== 'string') throw new Error(`no string argument ${name}`);
    return value;
  }

  integer(name: string): number {
    const value = this.#values.get(name);
    if (typeof value !== 'number') throw new Error(`no integer argument ${name}`);
    return value;
  }

  boolean(name: string): boolean {
    const value = this.#values.get(name);
    if (typeof value !== 'boolean') throw new Error(`no boolean argument ${name}`);
    return value;
  }
}

export function checkArguments(
  action: ActionDescription,
  all: readonly GivenArgument[],
  leniency: ArgumentLeniency,
  refusals: ArgumentRefusals,
): Result<CheckedArguments, UpnpErrorCode> {
  const values = new Map<string, CheckedValue>();
  let isOutOfRange = false;
  for (const { name, variable } of action.inArguments) {
    const texts = all.filter((argument) => argument.name === name).map((argument) => argument.value);
    if (texts.length > 1) return refused(402);
    const [given] = texts;
    const assumed = given === undefined || given.trim() === '' ? leniency.assumed?.[name] : undefined;
    const text = assumed ?? given;
    if (text === undefined) return refused(402);
    const value = readValue(text, variable);
    if (value === undefined) return refused(402);
    const rangeIsHandlers = leniency.rangeIsHandlers?.includes(name) ?? false;
    if (assumed === undefined && !isAllowed(value, variable, rangeIsHandlers)) isOutOfRange = true;
    values.set(name, value);
  }
  // Only when every argument could be read: "unreadable" is said before "out of range".
  return isOutOfRange ? refused(refusals.outOfRange) : ok(new CheckedArguments(values));
}

/** Undefined: not a value of that type. */
function readValue(text: string, variable: StateVariable): CheckedValue | undefined {
  switch (variable.dataType) {
    case 'ui2':
    case 'ui4':
      return /^\s*[+-]?\d{1,20}\s*$/.test(text) ? Number(text) : undefined;
    case 'boolean':
      return readBoolean(text);
    case 'string':
    case 'bin.base64':
      return spelledAsAllowed(text, variable);
  }
}

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ['1', true],
  ['true', true],
  ['yes', true],
  ['0', false],
  ['false', false],
  ['no', false],
]);

/** UDA 1.1 §2.5: 0 and 1, and the words older clients use. */
const readBoolean = (text: string): boolean | undefined => BOOLEANS.get(text.trim().toLowerCase());

/** Control points write "tcp" and " TCP" too: a value that is allowed but for that gets its published spelling. */
function spelledAsAllowed(text: string, variable: StateVariable): string {
  const wanted = text.trim().toUpperCase();
  return variable.allowedValues.find((allowed) => allowed.toUpperCase() === wanted) ?? text;
}

const MAXIMUM: Readonly<Partial<Record<DataType, number>>> = { ui2: 0xffff, ui4: 0xffff_ffff };

function isAllowed(value: CheckedValue, variable: StateVariable, rangeIsHandlers: boolean): boolean {
  if (typeof value === 'boolean') return true;
  if (typeof value === 'string') return variable.allowedValues.length === 0 || variable.allowedValues.includes(value);
  if (value < 0 || value > (MAXIMUM[variable.dataType] ?? 0)) return false;
  const range = rangeIsHandlers ? undefined : variable.range;
  return range === undefined || (value >= range.minimum && value <= range.maximum);
}
