import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { envelope, IgdUnderTest, LAN_HOST, SERVER, soapBody } from '../../doubles/igd-under-test.ts';

const PLACE = 'igd1/WANIPConnection';
const PATH = `/control/${PLACE}`;
const TYPE1 = 'urn:schemas-upnp-org:service:WANIPConnection:1';
const TYPE2 = 'urn:schemas-upnp-org:service:WANIPConnection:2';

describe('what goes back (UDA 1.1 §3.2.1)', () => {
  it('carries EXT, DATE, SERVER and the content type, in success and fault alike', async () => {
    const igd = new IgdUnderTest();
    for (const action of ['GetStatusInfo', 'Nonsense']) {
      expect((await igd.call(PLACE, action)).response.headers).toEqual({
        'CONTENT-TYPE': 'text/xml; charset="utf-8"',
        EXT: '',
        DATE: 'Fri, 20 Nov 2026 10:30:00 GMT',
        SERVER,
      });
    }
  });

  it('names its language to whoever named one, and never repeats what it named', async () => {
    const headers = { 'accept-language': 'xx\r\nX-Evil: 1' };
    const { response } = await new IgdUnderTest().post(PATH, { body: soapBody(TYPE1, 'GetStatusInfo', {}), headers });
    expect(response.headers?.['CONTENT-LANGUAGE']).toBe('en');
  });

  it('is 200 for an answer and 500 for a fault', async () => {
    const igd = new IgdUnderTest();
    expect((await igd.call(PLACE, 'GetStatusInfo')).status).toBe(200);
    expect((await igd.call(PLACE, 'Nonsense')).status).toBe(500);
  });
});

describe('the service type a client writes', () => {
  const namespaceFor = async (place: string, header: string | undefined, inBody: string) => {
    const igd = new IgdUnderTest();
    const heard = await igd.post(`/control/${place}`, {
      body: soapBody(inBody, 'GetStatusInfo', {}),
      headers: header === undefined ? {} : { soapaction: `"${header}#GetStatusInfo"` },
    });
    expect(heard.status).toBe(200);
    return heard.namespace;
  };

  it.each([PLACE, 'igd2/WANIPConnection'])('comes back when it is a known one (%s)', async (place) => {
    for (const type of [TYPE1, TYPE2]) expect(await namespaceFor(place, type, type)).toBe(type);
    const emule = 'urn:schemas-upnp-org:service:WANCommonInterfaceConfig:1';
    expect(await namespaceFor(place, emule, TYPE1)).toBe(emule);
    expect(await namespaceFor(place, undefined, TYPE1)).toBe(TYPE1);
  });

  it('never comes back otherwise: no reflection', async () => {
    expect(await namespaceFor(PLACE, 'x" onload="alert(1)', 'urn:evil')).toBe(TYPE1);
    expect(await namespaceFor('igd2/WANIPConnection', 'urn:schemas-upnp-org:service:WANIPConnection:9', 'y')).toBe(
      TYPE2,
    );
  });
});

describe('what is turned away', () => {
  it.each(['GET', 'HEAD', 'PUT', 'SUBSCRIBE'])('%s: 405 with the method that would do', async (method) => {
    const igd = new IgdUnderTest();
    const { status, response } = await igd.post(PATH, { method });
    expect(status).toBe(405);
    expect(response.headers).toMatchObject({ ALLOW: 'POST', SERVER });
  });

  it('M-POST is as good as POST (UDA 1.0 §3.2.1)', async () => {
    const headers = { '01-soapaction': `"${TYPE1}#GetStatusInfo"` };
    const body = soapBody(TYPE1, 'GetStatusInfo', {});
    expect((await new IgdUnderTest().post(PATH, { method: 'M-POST', headers, body })).status).toBe(200);
  });

  it('what is not SOAP: 400 without a body', async () => {
    const igd = new IgdUnderTest();
    const { status, response } = await igd.post(PATH, { body: 'hello' });
    expect([status, response.body]).toEqual([400, undefined]);
    expect(igd.events).toMatchObject([{ kind: 'turned away', status: 400, peer: { address: LAN_HOST } }]);
  });

  it('a body the listener cut off: 413', async () => {
    expect((await new IgdUnderTest().post(PATH, { bodyTooLong: true })).status).toBe(413);
  });
});

describe('what the log hears', () => {
  it('the action, and for a fault its code', async () => {
    const igd = new IgdUnderTest();
    await igd.call(PLACE, 'GetStatusInfo');
    await igd.call(PLACE, 'GetGenericPortMappingEntry', { NewPortMappingIndex: '0' });
    expect(igd.events).toMatchObject([
      { kind: 'answered', serviceType: TYPE1, action: 'GetStatusInfo' },
      { kind: 'fault', serviceType: TYPE1, action: 'GetGenericPortMappingEntry', code: 713 },
    ]);
  });

  it('never a word the client made up', async () => {
    const igd = new IgdUnderTest();
    await igd.call(PLACE, 'Made_Up');
    expect(igd.events).toMatchObject([{ kind: 'fault', action: '', code: 401 }]);
  });
});

describe('whatever comes', () => {
  it('is answered with well-formed XML or with an error status', async () => {
    const igd = new IgdUnderTest();
    const name = fc.constantFrom(
      'AddPortMapping',
      'GetSpecificPortMappingEntry',
      'DeletePortMapping',
      'QueryStateVariable',
      'x',
    );
    const argument = fc.constantFrom(
      'NewRemoteHost',
      'NewExternalPort',
      'NewProtocol',
      'NewInternalPort',
      'NewInternalClient',
      'NewEnabled',
      'NewPortMappingDescription',
      'NewLeaseDuration',
      'varName',
    );
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.constantFrom('TCP', '80', '1', '', LAN_HOST.text),
    );
    await fc.assert(
      fc.asyncProperty(name, fc.dictionary(argument, text), async (action, given) => {
        const { status } = await igd.call(PLACE, action, given);
        expect([200, 500]).toContain(status);
      }),
      { numRuns: 200 },
    );
  });

  it('stored text of one client reaches another only as text', async () => {
    const igd = new IgdUnderTest();
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 100 }), async (description) => {
        igd.gateway.table.length = 0;
        await igd.call('igd2/WANIPConnection', 'AddPortMapping', {
          NewExternalPort: '80',
          NewProtocol: 'TCP',
          NewInternalPort: '80',
          NewInternalClient: LAN_HOST.text,
          NewPortMappingDescription: description,
        });
        const list = { NewStartPort: '1', NewEndPort: '99', NewProtocol: 'TCP', NewManage: '1', NewNumberOfPorts: '0' };
        const heard = await igd.call('igd2/WANIPConnection', 'GetListOfPortMappings', list);
        expect(heard.status).toBe(200);
        expect(heard.response.body).not.toMatch(/[\0-\x08\x0b\x0c\x0e-\x1f]/);
      }),
      { numRuns: 150 },
    );
  });

  it('no single changed character of a real request does harm', async () => {
    const igd = new IgdUnderTest();
    const body = envelope(
      `<u:GetGenericPortMappingEntry xmlns:u="${TYPE1}"><NewPortMappingIndex>0</NewPortMappingIndex></u:GetGenericPortMappingEntry>`,
    );
    for (let at = 0; at < body.length; at += 1) {
      const { status } = await igd.post(PATH, { body: `${body.slice(0, at)}<${body.slice(at + 1)}` });
      expect([400, 500]).toContain(status);
    }
  });
});
