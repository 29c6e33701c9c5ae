// House rule 6: every action a description names has exactly one handler, and no handler serves an action that is not
// described, there or in a newer version of the service. Each action is also called once with plausible arguments, so that what it answers is what is described.

import { describe, expect, it } from 'vitest';
import type { StateVariable } from '../../src/upnp/description/service-description.ts';
import { IgdUnderTest } from '../doubles/igd-under-test.ts';

const services = [...new IgdUnderTest().devices.controlled];

function plausible(variable: StateVariable): string {
  if (variable.allowedValues.length > 0) return variable.allowedValues.at(-1) ?? '';
  if (variable.name === 'InternalClient') return '192.168.1.77';
  return variable.dataType === 'string' ? (variable.defaultValue ?? '') : '1';
}

describe.each(services)('%s', (path, service) => {
  it('has a handler for each action of its description and no other', () => {
    expect(Object.keys(service.actions).sort()).toEqual([...service.description.actions.keys()].sort());
  });

  it('serves beyond its description only what a newer version of it describes', () => {
    const beyond = service.undescribed;
    if (beyond === undefined) return;
    const names = Object.keys(beyond.actions);
    expect(names.filter((name) => service.description.actions.has(name))).toEqual([]);
    expect(names.filter((name) => !beyond.description.actions.has(name))).toEqual([]);
  });

  it('forgives only arguments its actions have', () => {
    for (const [name, row] of Object.entries(service.actions)) {
      const known = service.description.actions.get(name)?.inArguments.map((argument) => argument.name) ?? [];
      const forgiven = [...Object.keys(row.assumed ?? {}), ...(row.rangeIsHandlers ?? [])];
      expect(
        forgiven.filter((argument) => !known.includes(argument)),
        name,
      ).toEqual([]);
    }
  });

  it.each([...service.description.actions.keys()])('%s answers what is described, or a fault', async (name) => {
    const action = service.description.actions.get(name);
    if (action === undefined) throw new Error(`no ${name}`);
    const given = Object.fromEntries(action.inArguments.map(({ name: key, variable }) => [key, plausible(variable)]));
    const heard = await new IgdUnderTest().call(path.replace('/control/', ''), name, given);
    expect([200, 500]).toContain(heard.status);
    if (heard.status === 200) expect(heard.order).toEqual(action.outArguments.map((argument) => argument.name));
    else expect(heard.code).not.toBe(401);
  });
});
