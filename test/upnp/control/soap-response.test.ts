import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { childNamed, parseXml, type XmlElement } from '../../../src/base/xml.ts';
import {
  type OutArguments,
  renderFault,
  renderResponse,
  renderVariable,
} from '../../../src/upnp/control/soap-response.ts';
import type { ActionDescription } from '../../../src/upnp/description/service-description.ts';
import { UPNP_ERRORS, type UpnpErrorCode } from '../../../src/upnp/upnp-error.ts';

const TYPE = 'urn:schemas-upnp-org:service:WANIPConnection:1';
const ENVELOPE = 'http://schemas.xmlsoap.org/soap/envelope/';
const CODES = Object.keys(UPNP_ERRORS).map((code) => Number(code) as UpnpErrorCode);

const action: ActionDescription = {
  name: 'Get',
  inArguments: [],
  outArguments: ['NewA', 'NewB', 'NewC', 'NewD'].map((name) => ({
    name,
    direction: 'out',
    variable: {
      name,
      dataType: 'string',
      isEvented: false,
      defaultValue: undefined,
      allowedValues: [],
      range: undefined,
    },
  })),
};

function bodyOf(text: string): XmlElement {
  const parsed = parseXml(text, { characters: 100_000, tags: 1000 });
  if (!parsed.ok) throw new Error(parsed.error);
  expect(parsed.value).toMatchObject({ name: 'Envelope', namespace: ENVELOPE });
  expect(parsed.value.attributes.get('s:encodingStyle')).toBe('http://schemas.xmlsoap.org/soap/encoding/');
  const element = childNamed(parsed.value, 'Body')?.children[0];
  if (element === undefined) throw new Error('empty body');
  return element;
}

describe('a response (UDA 1.1 §3.2.1)', () => {
  it('has the out arguments in published order, in no namespace', () => {
    const values: OutArguments = { NewD: { cdata: '<d/>' }, NewC: true, NewB: 7, NewA: 'a<b' };
    const element = bodyOf(renderResponse(action, TYPE, values));
    expect(element).toMatchObject({ name: 'GetResponse', namespace: TYPE });
    expect(element.children.map(({ name, namespace, text }) => [name, namespace, text])).toEqual([
      ['NewA', '', 'a<b'],
      ['NewB', '', '7'],
      ['NewC', '', '1'],
      ['NewD', '', '<d/>'],
    ]);
  });

  it('throws when the handler forgot a value or has one too many', () => {
    const values = { NewA: '', NewB: '', NewC: '', NewD: '' };
    expect(() => renderResponse(action, TYPE, { ...values, NewE: '' })).toThrow('too many');
    const { NewD: _left, ...without } = values;
    expect(() => renderResponse(action, TYPE, without)).toThrow('without NewD');
  });

  it('is well-formed and tells the truth whatever the texts are', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (plain, listing) => {
        const values = { NewA: plain, NewB: '', NewC: false, NewD: { cdata: listing } };
        const [a, , c] = bodyOf(renderResponse(action, TYPE, values)).children;
        expect(c?.text).toBe('0');
        expect(a?.text.length).toBeLessThanOrEqual(plain.length);
        bodyOf(renderVariable(plain));
      }),
      { numRuns: 200 },
    );
  });
});

describe('a fault (UDA 1.1 §3.2.2)', () => {
  it.each(CODES)('%i has its code and a description', (code) => {
    const fault = bodyOf(renderFault(code));
    expect(fault).toMatchObject({ name: 'Fault', namespace: ENVELOPE });
    expect(fault.children.map(({ name, text }) => [name, text])).toEqual([
      ['faultcode', 's:Client'],
      ['faultstring', 'UPnPError'],
      ['detail', ''],
    ]);
    const error = childNamed(fault, 'detail')?.children[0];
    expect(error).toMatchObject({ name: 'UPnPError', namespace: 'urn:schemas-upnp-org:control-1-0' });
    expect(error?.children.map(({ name, text }) => [name, text])).toEqual([
      ['errorCode', String(code)],
      ['errorDescription', UPNP_ERRORS[code]],
    ]);
  });
});
