import { describe, expect, it } from 'vitest';
import { parseDeviceDescription } from '../../../src/upnp/description/device-description.ts';
import { advertisementsOf } from '../../../src/upnp/ssdp/advertised-root.ts';
import { GATEWAY, IgdUnderTest } from '../../doubles/igd-under-test.ts';

const MICROSOFT = 'Microsoft-Windows/10.0 UPnP/1.0';

function rootTypeOf(text: string | undefined): string {
  const parsed = parseDeviceDescription(text ?? '');
  return parsed.ok ? `${parsed.value.deviceType} ${parsed.value.udn}` : parsed.error;
}

const IGD1 = 'urn:schemas-upnp-org:device:InternetGatewayDevice:1';
const IGD2 = 'urn:schemas-upnp-org:device:InternetGatewayDevice:2';
const UUID1 = 'uuid:11111111-0000-4000-8000-000000000001';
const UUID2 = 'uuid:22222222-0000-4000-8000-000000000001';

describe('what is announced', () => {
  it('"auto": an IGD:1 for everybody and an IGD:2 beside it, each with UUIDs of its own', () => {
    const { advertised } = new IgdUnderTest().devices;
    expect(advertised.map(({ rank, descriptionPath, root }) => [rank, descriptionPath, root.udn])).toEqual([
      ['first', '/igd1.xml', UUID1],
      ['second', '/igd2.xml', UUID2],
    ]);
    const udns = advertised.flatMap(({ root, embedded }) => [root, ...embedded].map(({ udn }) => udn));
    expect(new Set(udns).size).toBe(6);
  });

  it('"1" and "2" announce one root', () => {
    const of = (serve: '1' | '2') =>
      new IgdUnderTest({ serve }).devices.advertised.map(({ rank, descriptionPath, root }) => [
        rank,
        descriptionPath,
        root.deviceType,
      ]);
    expect(of('1')).toEqual([['first', '/igd1.xml', IGD1]]);
    expect(of('2')).toEqual([['first', '/igd2.xml', IGD2]]);
  });

  it('IGD:1 makes 10 announcements, IGD:2 with DeviceProtection 11 (UDA 1.1 §1.2.2: 3 + 2d + k)', () => {
    const count = (serve: '1' | '2') => {
      const [root] = new IgdUnderTest({ serve }).devices.advertised;
      return root === undefined ? 0 : advertisementsOf(root).length;
    };
    expect(count('1')).toBe(10);
    expect(count('2')).toBe(11);
  });
});

describe('what is served', () => {
  it('"auto" serves both descriptions, to everybody alike', () => {
    const { devices } = new IgdUnderTest();
    for (const userAgent of ['', MICROSOFT]) {
      expect(rootTypeOf(devices.document('/igd1.xml', userAgent, GATEWAY))).toBe(`${IGD1} ${UUID1}`);
      expect(rootTypeOf(devices.document('/igd2.xml', userAgent, GATEWAY))).toBe(`${IGD2} ${UUID2}`);
    }
  });

  it('"1" and "2" serve one', () => {
    const one = new IgdUnderTest({ serve: '1' }).devices;
    expect([one.document('/igd1.xml', '', GATEWAY) !== undefined, one.document('/igd2.xml', '', GATEWAY)]).toEqual([
      true,
      undefined,
    ]);
    const two = new IgdUnderTest({ serve: '2' }).devices;
    expect([two.document('/igd2.xml', '', GATEWAY) !== undefined, two.document('/igd1.xml', '', GATEWAY)]).toEqual([
      true,
      undefined,
    ]);
  });

  it.each([MICROSOFT, 'MICROSOFT-WINDOWS-NT/5.1', 'FDSSDP'])(
    '"2" shows an IGD:1 with the announced UUIDs to "%s", and its URLs work',
    async (userAgent) => {
      const igd = new IgdUnderTest({ serve: '2' });
      const text = igd.devices.document('/igd2.xml', userAgent, GATEWAY) ?? '';
      expect(rootTypeOf(text)).toBe(`${IGD1} ${UUID2}`);
      expect(text).not.toContain(':2<');
      const urls = [...text.matchAll(/<(controlURL|eventSubURL|SCPDURL)>([^<]+)</g)].map((match) => match[2] ?? '');
      expect(urls.length).toBe(9);
      for (const url of urls) {
        const { controlled, evented, document } = igd.devices;
        expect(controlled.has(url) || evented.has(url) || document(url, userAgent, GATEWAY) !== undefined, url).toBe(
          true,
        );
      }
      expect((await igd.call('igd1/WANIPConnection', 'GetStatusInfo')).status).toBe(200);
    },
  );

  it('every URL of both descriptions leads somewhere', () => {
    const { devices } = new IgdUnderTest();
    for (const path of ['/igd1.xml', '/igd2.xml']) {
      const text = devices.document(path, '', GATEWAY) ?? '';
      for (const [, name, url = ''] of text.matchAll(/<(controlURL|eventSubURL|SCPDURL)>([^<]+)</g)) {
        if (name === 'controlURL') expect(devices.controlled.has(url), url).toBe(true);
        if (name === 'eventSubURL') expect(devices.evented.has(url), url).toBe(true);
        if (name === 'SCPDURL') expect(devices.document(url, '', GATEWAY), url).toContain('<scpd ');
      }
    }
  });

  it('knows no other path', () => {
    const { devices } = new IgdUnderTest();
    for (const path of ['/', '/igd3.xml', '/scpd/', '/scpd/igd1.xml', '/scpd/../igd1.xml', '/constructor']) {
      expect(devices.document(path, '', GATEWAY)).toBeUndefined();
    }
  });

  it('makes the friendly name safe for XML', () => {
    const { devices } = new IgdUnderTest({ friendlyName: 'Ann & Bob <home>\u0007' });
    const parsed = parseDeviceDescription(devices.document('/igd1.xml', '', GATEWAY) ?? '');
    expect(parsed.ok ? parsed.value.friendlyName : parsed.error).toBe('Ann & Bob <home>');
  });
});

describe('CONFIGID (UDA 1.1 §1.2.2)', () => {
  it('stays the same over restarts and changes with what is described', () => {
    const first = new IgdUnderTest().devices.configId;
    expect(new IgdUnderTest().devices.configId).toBe(first);
    expect(new IgdUnderTest({ friendlyName: 'Another' }).devices.configId).not.toBe(first);
    expect(new IgdUnderTest({ version: '0.2.0' }).devices.configId).not.toBe(first);
    expect(new IgdUnderTest({ serve: '2' }).devices.configId).not.toBe(first);
  });

  it('fits in 24 bits and stands in the description of IGD:2 alone', () => {
    const { configId, document } = new IgdUnderTest().devices;
    expect(configId).toBeGreaterThanOrEqual(0);
    expect(configId).toBeLessThan(2 ** 24);
    expect(document('/igd2.xml', '', GATEWAY)).toContain(` configId="${configId}"`);
    expect(document('/igd1.xml', '', GATEWAY)).not.toContain('configId');
  });
});

describe('service types that may be echoed', () => {
  it('are those served and every older version', () => {
    expect(
      [...new IgdUnderTest().devices.serviceTypes].map((type) => type.split(':').slice(-2).join(':')).sort(),
    ).toEqual([
      'DeviceProtection:1',
      'Layer3Forwarding:1',
      'WANCommonInterfaceConfig:1',
      'WANIPConnection:1',
      'WANIPConnection:2',
    ]);
  });
});

describe('evented variables', () => {
  const variablesOf = (igd: IgdUnderTest, path: string) =>
    Object.fromEntries(igd.devices.evented.get(path)?.variables() ?? []);

  it('WANIPConnection:1 events four, WANIPConnection:2 five (U-02)', () => {
    const igd = new IgdUnderTest();
    const four = {
      PossibleConnectionTypes: 'IP_Routed',
      ConnectionStatus: 'Connected',
      ExternalIPAddress: '198.51.100.7',
      PortMappingNumberOfEntries: '0',
    };
    expect(variablesOf(igd, '/event/igd1/WANIPConnection')).toEqual(four);
    expect(variablesOf(igd, '/event/igd2/WANIPConnection')).toEqual({ ...four, SystemUpdateID: '0' });
  });

  it('an unknown external address is evented empty', () => {
    const igd = new IgdUnderTest();
    igd.gateway.address = undefined;
    expect(variablesOf(igd, '/event/igd1/WANIPConnection')).toMatchObject({ ExternalIPAddress: '' });
  });

  it('the other services event their own', async () => {
    const igd = new IgdUnderTest();
    expect(variablesOf(igd, '/event/igd1/Layer3Forwarding')).toEqual({
      DefaultConnectionService:
        'uuid:11111111-0000-4000-8000-00000000000a:WANConnectionDevice:1,urn:upnp-org:serviceId:WANIPConn1',
    });
    expect(variablesOf(igd, '/event/igd2/DeviceProtection')).toEqual({ SetupReady: '0' });
    const link = { EnabledForInternet: '1', NumberOfActiveConnections: '1', PhysicalLinkStatus: 'Up' };
    expect(variablesOf(igd, '/event/igd1/WANCommonInterfaceConfig')).toEqual(link);
    if (igd.link !== undefined) igd.link = { ...igd.link, isUp: false };
    await igd.devices.refreshLink();
    expect(variablesOf(igd, '/event/igd1/WANCommonInterfaceConfig')).toEqual({ ...link, PhysicalLinkStatus: 'Down' });
  });

  it('each service has a key and a path of its own', () => {
    const services = [...new IgdUnderTest().devices.evented.values()];
    expect(services.map(({ key }) => key).sort()).toEqual([
      'igd1/Layer3Forwarding',
      'igd1/WANCommonInterfaceConfig',
      'igd1/WANIPConnection',
      'igd2/DeviceProtection',
      'igd2/Layer3Forwarding',
      'igd2/WANCommonInterfaceConfig',
      'igd2/WANIPConnection',
    ]);
    expect(services.every(({ key, path }) => path === `/event/${key}`)).toBe(true);
  });
});
