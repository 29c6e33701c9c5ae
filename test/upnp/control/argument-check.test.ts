import { describe, expect, it } from 'vitest';
import {
  type ArgumentLeniency,
  type CheckedArguments,
  checkArguments,
  UDA_1_0_REFUSALS,
  UDA_1_1_REFUSALS,
} from '../../../src/upnp/control/argument-check.ts';
import type { ActionDescription, StateVariable } from '../../../src/upnp/description/service-description.ts';

const variable = (more: Partial<StateVariable>): StateVariable => ({
  name: 'V',
  dataType: 'string',
  isEvented: false,
  defaultValue: undefined,
  allowedValues: [],
  range: undefined,
  ...more,
});

const action = (more: Partial<StateVariable>): ActionDescription => ({
  name: 'A',
  inArguments: [{ name: 'X', direction: 'in', variable: variable(more) }],
  outArguments: [],
});

function check(more: Partial<StateVariable>, value: string | undefined, leniency: ArgumentLeniency = {}) {
  const given = value === undefined ? [] : [{ name: 'X', value }];
  return checkArguments(action(more), given, leniency, UDA_1_1_REFUSALS);
}

const refusal = (code: number) => ({ ok: false, error: code });

function accepted(result: ReturnType<typeof check>): CheckedArguments {
  if (!result.ok) throw new Error(`refused with ${result.error}`);
  return result.value;
}

describe('integers (UDA 1.1 §2.5)', () => {
  it.each([
    ['0', 0],
    ['65535', 65_535],
    [' 80 ', 80],
    ['+80', 80],
    ['0080', 80],
  ])('"%s" is %i', (text, value) => {
    expect(accepted(check({ dataType: 'ui2' }, text)).integer('X')).toBe(value);
  });

  it.each(['', ' ', 'x', '1.5', '0x50', '1e3', '8 0', '１２', 'NaN', 'Infinity', '9'.repeat(21)])(
    '"%s" is none: 402',
    (text) => {
      expect(check({ dataType: 'ui2' }, text)).toEqual(refusal(402));
    },
  );

  it.each([
    ['ui2', '65536'],
    ['ui2', '-1'],
    ['ui4', '4294967296'],
    ['ui4', '99999999999999999999'],
  ] as const)('%s %s is out of range: 601', (dataType, text) => {
    expect(check({ dataType }, text)).toEqual(refusal(601));
  });

  it('keeps the published range, unless it is the handler’s to check', () => {
    const ranged = { dataType: 'ui2', range: { minimum: 1, maximum: 10 } } as const;
    expect(check(ranged, '0')).toEqual(refusal(601));
    expect(check(ranged, '11')).toEqual(refusal(601));
    expect(accepted(check(ranged, '10')).integer('X')).toBe(10);
    expect(accepted(check(ranged, '11', { rangeIsHandlers: ['X'] })).integer('X')).toBe(11);
    expect(check(ranged, '65536', { rangeIsHandlers: ['X'] })).toEqual(refusal(601));
  });
});

describe('booleans', () => {
  it.each([
    ['1', true],
    ['0', false],
    ['true', true],
    ['False', false],
    ['YES', true],
    ['no', false],
  ])('"%s" is %s', (text, value) => {
    expect(accepted(check({ dataType: 'boolean' }, text)).boolean('X')).toBe(value);
  });

  it.each(['', '2', 'on', 'enabled'])('"%s" is none: 402', (text) => {
    expect(check({ dataType: 'boolean' }, text)).toEqual(refusal(402));
  });
});

describe('strings', () => {
  it('take the published spelling where there is one', () => {
    expect(accepted(check({ allowedValues: ['TCP', 'UDP'] }, ' udp ')).string('X')).toBe('UDP');
    expect(check({ allowedValues: ['TCP', 'UDP'] }, 'SCTP')).toEqual(refusal(601));
    expect(check({ allowedValues: ['TCP', 'UDP'] }, '')).toEqual(refusal(601));
  });

  it('are kept as they came otherwise', () => {
    expect(accepted(check({}, ' a b ')).string('X')).toBe(' a b ');
    expect(accepted(check({}, '')).string('X')).toBe('');
  });
});

describe('presence', () => {
  it('a missing argument is 402, unless something is assumed', () => {
    expect(check({}, undefined)).toEqual(refusal(402));
    expect(accepted(check({}, undefined, { assumed: { X: 'y' } })).string('X')).toBe('y');
    expect(accepted(check({ dataType: 'ui4' }, ' ', { assumed: { X: '0' } })).integer('X')).toBe(0);
    expect(accepted(check({ dataType: 'ui4' }, '7', { assumed: { X: '0' } })).integer('X')).toBe(7);
  });

  it('an argument given twice is 402, a surplus one is ignored however often', () => {
    const twice = (name: string) => [{ name: 'X', value: '1' }, ...[1, 2].map(() => ({ name, value: '1' }))];
    expect(checkArguments(action({}), twice('X'), {}, UDA_1_1_REFUSALS)).toEqual(refusal(402));
    expect(checkArguments(action({}), twice('Y'), {}, UDA_1_1_REFUSALS).ok).toBe(true);
  });
});

it('a device of UDA 1.0 has 402 for everything', () => {
  const given = [{ name: 'X', value: '70000' }];
  expect(checkArguments(action({ dataType: 'ui2' }), given, {}, UDA_1_0_REFUSALS)).toEqual(refusal(402));
});

it('asking for what was never described is a bug, and throws', () => {
  const values = accepted(check({ dataType: 'ui2' }, '1'));
  expect(() => values.string('X')).toThrow('no string argument X');
  expect(() => values.boolean('X')).toThrow('no boolean argument X');
  expect(() => values.integer('Y')).toThrow('no integer argument Y');
});
