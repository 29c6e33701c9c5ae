import { describe, expect, it } from 'vitest';
import { parseXml } from '../../../src/base/xml.ts';
import { IgdUnderTest } from '../../doubles/igd-under-test.ts';

const place = 'igd2/DeviceProtection';

describe('DeviceProtection:1', () => {
  it('everybody is Public', async () => {
    expect((await new IgdUnderTest().call(place, 'GetAssignedRoles')).out).toEqual({ RoleList: 'Public' });
  });

  it('supports no protocol to become anything else', async () => {
    const list = (await new IgdUnderTest().call(place, 'GetSupportedProtocols')).out['ProtocolList'] ?? '';
    const parsed = parseXml(list, { characters: 1000, tags: 10 });
    expect(parsed).toMatchObject({
      ok: true,
      value: { name: 'SupportedProtocols', namespace: 'urn:schemas-upnp-org:gw:DeviceProtection', children: [] },
    });
  });

  it('refuses to set anything up: 600, 402 where an argument is missing', async () => {
    const igd = new IgdUnderTest();
    const given = { ProtocolType: 'WPS', InMessage: 'AAAA' };
    expect((await igd.call(place, 'SendSetupMessage', given)).code).toBe(600);
    expect((await igd.call(place, 'SendSetupMessage', { ProtocolType: 'WPS' })).code).toBe(402);
  });

  it('has no logins: 401', async () => {
    const igd = new IgdUnderTest();
    for (const action of ['UserLogin', 'GetACLData', 'AddRolesForIdentity']) {
      expect((await igd.call(place, action)).code).toBe(401);
    }
  });

  it('is not there on IGD:1', () => {
    const paths = [...new IgdUnderTest().devices.controlled.keys()];
    expect(paths.filter((path) => path.includes('DeviceProtection'))).toEqual(['/control/igd2/DeviceProtection']);
  });
});
