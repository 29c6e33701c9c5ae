import { describe, expect, it } from 'vitest';
import { parseServiceDescription } from '../../../src/upnp/description/service-description.ts';
import { descriptorTexts } from '../../doubles/descriptor-texts.ts';

const scpd = (actions: string, variables: string): string =>
  `<scpd xmlns="urn:schemas-upnp-org:service-1-0"><actionList>${actions}</actionList>` +
  `<serviceStateTable>${variables}</serviceStateTable></scpd>`;
const argument = (direction: string, related: string): string =>
  `<argument><name>NewX</name><direction>${direction}</direction><relatedStateVariable>${related}</relatedStateVariable></argument>`;
const action = (inner: string): string => `<action><name>Do</name><argumentList>${inner}</argumentList></action>`;
const X = '<stateVariable><name>X</name><dataType>ui2</dataType></stateVariable>';

describe('reading a service description (UDA 1.1 §2.5)', () => {
  it('knows arguments, types, ranges, allowed values, defaults and events', () => {
    const parsed = parseServiceDescription(descriptorTexts().scpd.WANIPConnection2);
    if (!parsed.ok) throw new Error(parsed.error);
    const { actions, variables } = parsed.value;
    expect(actions.get('AddAnyPortMapping')?.inArguments.map(({ name }) => name)).toEqual([
      'NewRemoteHost',
      'NewExternalPort',
      'NewProtocol',
      'NewInternalPort',
      'NewInternalClient',
      'NewEnabled',
      'NewPortMappingDescription',
      'NewLeaseDuration',
    ]);
    expect(actions.get('AddAnyPortMapping')?.outArguments.map(({ name }) => name)).toEqual(['NewReservedPort']);
    expect(variables.get('PortMappingLeaseDuration')).toEqual({
      name: 'PortMappingLeaseDuration',
      dataType: 'ui4',
      isEvented: false,
      defaultValue: '3600',
      allowedValues: [],
      range: { minimum: 0, maximum: 604_800 },
    });
    expect(variables.get('PortMappingProtocol')?.allowedValues).toEqual(['TCP', 'UDP']);
    expect([...variables.values()].filter(({ isEvented }) => isEvented).map(({ name }) => name)).toEqual([
      'PossibleConnectionTypes',
      'ConnectionStatus',
      'ExternalIPAddress',
      'PortMappingNumberOfEntries',
      'SystemUpdateID',
    ]);
  });

  it('takes a variable without sendEvents as evented', () => {
    const parsed = parseServiceDescription(scpd('', X));
    expect(parsed.ok && parsed.value.variables.get('X')?.isEvented).toBe(true);
  });

  it.each([
    ['no XML', 'x', 'tag'],
    ['another document', '<root/>', 'not a service description'],
    ['an unknown type', scpd('', '<stateVariable><name>X</name><dataType>colour</dataType></stateVariable>'), 'colour'],
    ['a variable without a name', scpd('', '<stateVariable><dataType>ui2</dataType></stateVariable>'), 'no name'],
    ['a variable twice', scpd('', X + X), 'twice'],
    ['an action twice', scpd(action('') + action(''), X), 'twice'],
    ['an action without a name', scpd('<action/>', X), 'no name'],
    ['an argument going nowhere', scpd(action(argument('sideways', 'X')), X), 'sideways'],
    ['an argument related to nothing', scpd(action(argument('in', 'Y')), X), 'no state variable'],
  ])('refuses %s', (_what, text, why) => {
    const parsed = parseServiceDescription(text);
    expect(parsed.ok ? 'accepted' : parsed.error).toContain(why);
  });
});
