import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readSoapRequest, type SoapCall } from '../../../src/upnp/control/soap-request.ts';
import { envelope, httpRequest } from '../../doubles/igd-under-test.ts';

const TYPE = 'urn:schemas-upnp-org:service:WANIPConnection:1';
const BODY = envelope(`<u:GetStatusInfo xmlns:u="${TYPE}"></u:GetStatusInfo>`);

function callOf(body: string, headers: Record<string, string> = {}): SoapCall {
  const read = readSoapRequest(httpRequest({ method: 'POST', body, headers }));
  if (!read.ok) throw new Error(read.error);
  return read.value;
}

const problemOf = (body: string, headers: Record<string, string> = {}): string | undefined => {
  const read = readSoapRequest(httpRequest({ method: 'POST', body, headers }));
  return read.ok ? undefined : read.error;
};

describe('SOAPACTION (UDA 1.1 §3.2.1)', () => {
  it.each([
    ['double quotes', `"${TYPE}#GetStatusInfo"`],
    ['single quotes', `'${TYPE}#GetStatusInfo'`],
    ['no quotes', `${TYPE}#GetStatusInfo`],
    ['one quote', `"${TYPE}#GetStatusInfo`],
    ['blanks around it', ` "${TYPE}#GetStatusInfo" `],
  ])('may come in %s', (_how, soapaction) => {
    expect(callOf(BODY, { soapaction })).toEqual({ action: 'GetStatusInfo', serviceType: TYPE, arguments: [] });
  });

  it('may be missing: the body says it all', () => {
    expect(callOf(BODY)).toMatchObject({ action: 'GetStatusInfo', serviceType: TYPE });
  });

  it('may hold no type', () => {
    expect(callOf(BODY, { soapaction: 'GetStatusInfo' })).toMatchObject({ action: 'GetStatusInfo', serviceType: TYPE });
  });

  it('may be empty', () => {
    expect(callOf(BODY, { soapaction: '""' })).toMatchObject({ action: 'GetStatusInfo', serviceType: TYPE });
  });

  it('of another service than the body (eMule) is what the client expects back', () => {
    const soapaction = '"urn:schemas-upnp-org:service:WANCommonInterfaceConfig:1#GetStatusInfo"';
    expect(callOf(BODY, { soapaction }).serviceType).toBe('urn:schemas-upnp-org:service:WANCommonInterfaceConfig:1');
  });

  it('that names another action than the body names none', () => {
    expect(callOf(BODY, { soapaction: `"${TYPE}#ForceTermination"` }).action).toBe('');
  });

  it('comes under a numbered name with M-POST (UDA 1.0 §3.2.1)', () => {
    const headers = {
      man: '"http://schemas.xmlsoap.org/soap/envelope/"; ns=01',
      '01-soapaction': `"${TYPE}#GetStatusInfo"`,
    };
    expect(callOf(envelope('<GetStatusInfo/>'), headers)).toMatchObject({ action: 'GetStatusInfo', serviceType: TYPE });
  });

  it('is enough where the SOAP body is empty', () => {
    expect(callOf(envelope(''), { soapaction: `"${TYPE}#GetStatusInfo"` })).toEqual({
      action: 'GetStatusInfo',
      serviceType: TYPE,
      arguments: [],
    });
  });
});

describe('the body', () => {
  it.each([
    [
      'any prefix',
      `<SOAP-ENV:Envelope xmlns:SOAP-ENV="x"><SOAP-ENV:Body><m:A xmlns:m="t"><m:X>1</m:X></m:A></SOAP-ENV:Body></SOAP-ENV:Envelope>`,
    ],
    ['default namespaces', `<Envelope xmlns="x"><Body><A xmlns="t"><X xmlns="">1</X></A></Body></Envelope>`],
    [
      'white space',
      `\r\n <s:Envelope xmlns:s="x">\n<s:Body>\n\t<u:A xmlns:u="t">\n<X>1</X>\n</u:A> </s:Body></s:Envelope>\r\n\r\n`,
    ],
    [
      'a byte order mark',
      `\ufeff<?xml version="1.0"?><s:Envelope xmlns:s="x"><s:Body><u:A xmlns:u="t"><X>1</X></u:A></s:Body></s:Envelope>`,
    ],
    [
      'a SOAP header',
      `<s:Envelope xmlns:s="x"><s:Header/><s:Body><u:A xmlns:u="t"><X>1</X></u:A></s:Body></s:Envelope>`,
    ],
    [
      'typed arguments',
      `<s:Envelope xmlns:s="x"><s:Body><u:A xmlns:u="t"><X xmlns:dt="urn:schemas-microsoft-com:datatypes" dt:dt="ui2">1</X></u:A></s:Body></s:Envelope>`,
    ],
    [
      'comments',
      `<s:Envelope xmlns:s="x"><!-- a --><s:Body><u:A xmlns:u="t"><X>1<!-- b --></X></u:A></s:Body></s:Envelope>`,
    ],
    ['trailing NULs', `<s:Envelope xmlns:s="x"><s:Body><u:A xmlns:u="t"><X>1</X></u:A></s:Body></s:Envelope>\0\0`],
    ['undeclared prefixes', `<s:Envelope><s:Body><u:A><X>1</X></u:A></s:Body></s:Envelope>`],
  ])('may have %s', (_what, body) => {
    expect(callOf(body)).toMatchObject({ action: 'A', arguments: [{ name: 'X', value: '1' }] });
  });

  it.each([
    ['nothing', ''],
    ['no XML', 'NewExternalPort=80'],
    ['JSON', '{"action":"A"}'],
    ['another document', '<html><body/></html>'],
    ['an envelope without a body', '<s:Envelope xmlns:s="x"><s:Header/></s:Envelope>'],
    ['a body without an action, and no header', envelope('')],
    ['a document type', `<!DOCTYPE x>${BODY}`],
    [
      'a billion laughs',
      '<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><s:Envelope><s:Body><A>&b;</A></s:Body></s:Envelope>',
    ],
    [
      'a file of ours',
      '<!DOCTYPE l [<!ENTITY a SYSTEM "file:///etc/passwd">]><s:Envelope><s:Body><A>&a;</A></s:Body></s:Envelope>',
    ],
    ['too deep a tree', envelope(`${'<a>'.repeat(40)}${'</a>'.repeat(40)}`)],
    ['too many arguments', envelope(`<A>${'<x>1</x>'.repeat(200)}</A>`)],
    ['a cut-off body', BODY.slice(0, -20)],
  ])('%s is not SOAP', (_what, body) => {
    expect(problemOf(body)).toBeTypeOf('string');
  });
});

describe('an ampersand that was not escaped (miniupnpc)', () => {
  const described = (text: string): string =>
    envelope(
      `<u:AddPortMapping xmlns:u="${TYPE}"><NewPortMappingDescription>${text}</NewPortMappingDescription></u:AddPortMapping>`,
    );

  it.each([
    ['Tom & Jerry', 'Tom & Jerry'],
    ['R&B', 'R&B'],
    ['R&amp;B &#38; &lt;x&gt;', 'R&B & <x>'],
    ['<![CDATA[R&B]]>', 'R&B'],
  ])('"%s" is read as "%s"', (text, value) => {
    expect(callOf(described(text)).arguments).toEqual([{ name: 'NewPortMappingDescription', value }]);
  });

  it('does not let a body grow beyond the limit', () => {
    expect(problemOf(described('&'.repeat(16_000)))).toContain('longer than');
  });
});

describe('whatever comes', () => {
  it('never throws, whatever bytes and headers', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), fc.string({ maxLength: 50 }), (body, soapaction) => {
        expect(typeof readSoapRequest(httpRequest({ method: 'POST', body, headers: { soapaction } })).ok).toBe(
          'boolean',
        );
      }),
      { numRuns: 400 },
    );
  });

  it('no cut and no changed character of a real request throws', () => {
    for (let at = 0; at < BODY.length; at += 1) {
      expect(typeof problemOf(BODY.slice(0, at))).toBe('string');
      for (const replacement of ['<', '>', '&', '"', '\0', 'x']) {
        const changed = BODY.slice(0, at) + replacement + BODY.slice(at + 1);
        expect(() => problemOf(changed)).not.toThrow();
      }
    }
  });
});
