// The files in `descriptors/` against the rules of the UPnP Device Architecture: which elements, in which order, how
// often, with which content. Strict readers (async_upnp_client, aMule, Windows) drop a device that breaks them.

import { describe, expect, it } from 'vitest';
import { childNamed, childText, parseXml, type XmlElement } from '../../../src/base/xml.ts';
import { SCPD_NAMES } from '../../../src/lan/igd/igd-descriptors.ts';
import { descriptorTexts } from '../../doubles/descriptor-texts.ts';
import { GATEWAY, IgdUnderTest } from '../../doubles/igd-under-test.ts';

const { devices } = new IgdUnderTest();

function tree(text: string): XmlElement {
  const parsed = parseXml(text, { characters: 100_000, tags: 10_000 });
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.value;
}

const everything = (element: XmlElement): readonly XmlElement[] => [element, ...element.children.flatMap(everything)];
const named = (element: XmlElement, name: string) => everything(element).filter((each) => each.name === name);

/** Each name at most once, in the order of `order`; those with "!" must be there. */
function expectElements(element: XmlElement, order: readonly string[]): void {
  const names = element.children.map((child) => child.name);
  const allowed = order.map((name) => name.replace('!', ''));
  expect(names).toEqual(allowed.filter((name) => names.includes(name)));
  for (const name of order) if (name.endsWith('!')) expect(names).toContain(name.replace('!', ''));
}

/** No blank line, indent or comment where a value is meant. */
function expectCleanLeaves(root: XmlElement): void {
  for (const element of everything(root)) {
    if (element.children.length === 0) expect(element.text, element.name).toBe(element.text.trim());
    else expect(element.text.trim(), element.name).toBe('');
  }
}

describe.each([
  ['/igd1.xml', '1', '0'],
  ['/igd2.xml', '2', '1'],
])('the device description %s (UDA 1.1 §2.3)', (path, version, minor) => {
  const text = devices.document(path, '', GATEWAY) ?? '';
  const root = tree(text);

  it('has its root, its version and nothing between the tags', () => {
    expect(root).toMatchObject({ name: 'root', namespace: 'urn:schemas-upnp-org:device-1-0' });
    expectElements(root, ['specVersion!', 'device!']);
    const specVersion = childNamed(root, 'specVersion');
    expect(specVersion?.children.map((child) => `${child.name} ${child.text}`)).toEqual(['major 1', `minor ${minor}`]);
    expectCleanLeaves(root);
  });

  it('has every element in one namespace, and no blank left open', () => {
    expect(everything(root).every((element) => element.namespace === root.namespace)).toBe(true);
    expect(text).not.toMatch(/\{\{|\}\}/);
  });

  it('has the elements of each device in order, the required ones present', () => {
    for (const device of named(root, 'device')) {
      expectElements(device, [
        'deviceType!',
        'friendlyName!',
        'manufacturer!',
        'manufacturerURL',
        'modelDescription',
        'modelName!',
        'modelNumber',
        'modelURL',
        'serialNumber',
        'UDN!',
        'UPC',
        'iconList',
        'serviceList',
        'deviceList',
        'presentationURL',
      ]);
      expect(childText(device, 'UDN')).toMatch(/^uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
      for (const short of ['friendlyName', 'manufacturer', 'modelDescription', 'modelName', 'modelNumber']) {
        const value = childText(device, short) ?? '';
        expect(value.length, short).toBeGreaterThan(0);
        expect(value.length, short).toBeLessThan(64);
      }
    }
  });

  it('has the five elements of each service in order, with paths from the root', () => {
    for (const service of named(root, 'service')) {
      expectElements(service, ['serviceType!', 'serviceId!', 'SCPDURL!', 'controlURL!', 'eventSubURL!']);
      for (const url of ['SCPDURL', 'controlURL', 'eventSubURL']) {
        expect(childText(service, url)).toMatch(/^\/[\w/.]+$/);
      }
      expect(childText(service, 'serviceId')).toMatch(/^urn:upnp-org:serviceId:\w{1,64}$/);
    }
  });

  it('gives each device a UDN of its own and each service URLs of its own', () => {
    const udns = named(root, 'UDN').map((element) => element.text);
    expect(new Set(udns).size).toBe(3);
    const urls = [...named(root, 'controlURL'), ...named(root, 'eventSubURL')].map((element) => element.text);
    expect(new Set(urls).size).toBe(urls.length);
  });

  it('has no URLBase, and a page for people (Windows shows only gateways that have one)', () => {
    expect(named(root, 'URLBase')).toEqual([]);
    expect(named(root, 'presentationURL').map((element) => element.text)).toEqual(['http://192.168.1.1:5000/']);
  });

  it(`has the device tree of IGD:${version}`, () => {
    const types = [...named(root, 'deviceType'), ...named(root, 'serviceType')].map((element) =>
      element.text.replace('urn:schemas-upnp-org:', ''),
    );
    expect(types).toEqual([
      `device:InternetGatewayDevice:${version}`,
      `device:WANDevice:${version}`,
      `device:WANConnectionDevice:${version}`,
      'service:Layer3Forwarding:1',
      ...(version === '2' ? ['service:DeviceProtection:1'] : []),
      'service:WANCommonInterfaceConfig:1',
      `service:WANIPConnection:${version}`,
    ]);
    expect(named(root, 'serviceId').map((element) => element.text.replace('urn:upnp-org:serviceId:', ''))).toEqual([
      'L3Forwarding1',
      ...(version === '2' ? ['DeviceProtection1'] : []),
      'WANCommonIFC1',
      'WANIPConn1',
    ]);
  });
});

describe.each(SCPD_NAMES)('the service description %s (UDA 1.1 §2.5)', (name) => {
  const root = tree(devices.document(`/scpd/${name}.xml`, '', GATEWAY) ?? '');
  const variables = named(root, 'stateVariable');
  const variableNames = variables.map((variable) => childText(variable, 'name'));

  it('has its root, its version and nothing between the tags', () => {
    expect(root).toMatchObject({ name: 'scpd', namespace: 'urn:schemas-upnp-org:service-1-0' });
    expectElements(root, ['specVersion!', 'actionList!', 'serviceStateTable!']);
    expect(everything(root).every((element) => element.namespace === root.namespace)).toBe(true);
    expectCleanLeaves(root);
  });

  it('has actions whose names and argument names occur once', () => {
    const actions = named(root, 'action');
    const names = actions.map((action) => childText(action, 'name'));
    expect(new Set(names).size).toBe(names.length);
    for (const action of actions) {
      expectElements(action, ['name!', 'argumentList']);
      const given = named(action, 'argument').map((argument) => childText(argument, 'name'));
      expect(new Set(given).size).toBe(given.length);
      if (childNamed(action, 'argumentList') !== undefined) expect(given.length).toBeGreaterThan(0);
    }
  });

  it('has arguments in order, "in" before "out", each related to a variable that exists', () => {
    for (const action of named(root, 'action')) {
      const argumentsOfAction = named(action, 'argument');
      for (const argument of argumentsOfAction) {
        expectElements(argument, ['name!', 'direction!', 'retval', 'relatedStateVariable!']);
        expect(variableNames).toContain(childNamed(argument, 'relatedStateVariable')?.text);
      }
      const directions = argumentsOfAction.map((argument) => childNamed(argument, 'direction')?.text);
      expect(directions).toEqual([...directions].sort());
      expect(directions.every((direction) => direction === 'in' || direction === 'out')).toBe(true);
    }
  });

  it('has variables in order, each once, with a known type and "yes" or "no" to events', () => {
    expect(new Set(variableNames).size).toBe(variableNames.length);
    for (const variable of variables) {
      expect([...variable.attributes.keys()]).toEqual(['sendEvents']);
      expect(['yes', 'no']).toContain(variable.attributes.get('sendEvents'));
      expectElements(variable, ['name!', 'dataType!', 'defaultValue', 'allowedValueList', 'allowedValueRange']);
      expect(['ui2', 'ui4', 'boolean', 'string', 'bin.base64']).toContain(childNamed(variable, 'dataType')?.text);
    }
  });

  it('has allowed values for strings alone and ranges for numbers alone, with the default among them', () => {
    for (const variable of variables) {
      const type = childNamed(variable, 'dataType')?.text;
      const list = childNamed(variable, 'allowedValueList');
      const range = childNamed(variable, 'allowedValueRange');
      const preset = childText(variable, 'defaultValue');
      if (list !== undefined) {
        expect(type).toBe('string');
        const values = list.children.map((child) => child.text);
        expect(values.every((value) => value.length > 0 && value.length < 32)).toBe(true);
        if (preset !== undefined) expect(values).toContain(preset);
      }
      if (range !== undefined) {
        expect(type).toMatch(/^ui[24]$/);
        expectElements(range, ['minimum!', 'maximum!', 'step']);
        const [minimum, maximum] = [Number(childText(range, 'minimum')), Number(childText(range, 'maximum'))];
        expect(minimum).toBeLessThanOrEqual(maximum);
        if (preset !== undefined) expect(Number(preset) >= minimum && Number(preset) <= maximum).toBe(true);
      }
    }
  });

  it('is served without the indentation of its file', () => {
    expect(devices.document(`/scpd/${name}.xml`, '', GATEWAY)).not.toMatch(/>\s+</);
  });

  it('has no variable nobody needs: each is evented, an argument’s, or asked for by name', () => {
    const related = new Set(named(root, 'relatedStateVariable').map((element) => element.text));
    const idle = variables.filter(
      (variable) => variable.attributes.get('sendEvents') === 'no' && !related.has(childText(variable, 'name') ?? ''),
    );
    expect(idle.map((variable) => childText(variable, 'name'))).toEqual([]);
  });
});

describe('version 1', () => {
  it('names no action of version 2', () => {
    const names = named(tree(descriptorTexts().scpd.WANIPConnection1), 'action').map((action) =>
      childText(action, 'name'),
    );
    for (const later of ['AddAnyPortMapping', 'DeletePortMappingRange', 'GetListOfPortMappings']) {
      expect(names).not.toContain(later);
    }
    expect(names).toHaveLength(18);
  });

  it('has no SystemUpdateID and no type of version 2', () => {
    const text = descriptorTexts().scpd.WANIPConnection1;
    expect(text).not.toContain('SystemUpdateID');
    expect(text).not.toContain('A_ARG_TYPE');
  });
});
