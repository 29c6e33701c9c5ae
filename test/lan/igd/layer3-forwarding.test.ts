import { describe, expect, it } from 'vitest';
import { IgdUnderTest } from '../../doubles/igd-under-test.ts';

describe.each([
  [1, 'uuid:11111111-0000-4000-8000-00000000000a'],
  [2, 'uuid:22222222-0000-4000-8000-000000000003'],
])('Layer3Forwarding:1 of IGD:%i', (version, udn) => {
  const place = `igd${version}/Layer3Forwarding`;
  const connection = `${udn}:WANConnectionDevice:${version},urn:upnp-org:serviceId:WANIPConn1`;
  const set = async (text: string) =>
    (await new IgdUnderTest().call(place, 'SetDefaultConnectionService', { NewDefaultConnectionService: text })).code;

  it('GetDefaultConnectionService names the one connection', async () => {
    const heard = await new IgdUnderTest().call(place, 'GetDefaultConnectionService');
    expect(heard.out).toEqual({ NewDefaultConnectionService: connection });
  });

  it('can be set to what it already is, in any capitals of the UUID', async () => {
    expect(await set(connection)).toBeUndefined();
    expect(await set(connection.replace(udn, udn.toUpperCase()))).toBeUndefined();
  });

  it('answers 402 for what is no connection at all', async () => {
    expect(await set('WANIPConn1')).toBe(402);
    expect(await set(`${connection},more`)).toBe(402);
    expect((await new IgdUnderTest().call(place, 'SetDefaultConnectionService')).code).toBe(402);
  });

  it('answers 720 for another device, 721 for another service, 723 for a device that is no connection', async () => {
    expect(await set(connection.replace(udn, 'uuid:99999999-0000-4000-8000-000000000003'))).toBe(720);
    expect(await set(connection.replace('WANIPConn1', 'WANPPPConn1'))).toBe(721);
    expect(await set(connection.replace('WANConnectionDevice', 'WANDevice'))).toBe(723);
  });
});
