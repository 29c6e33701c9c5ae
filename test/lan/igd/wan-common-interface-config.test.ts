import { describe, expect, it } from 'vitest';
import { IgdUnderTest } from '../../doubles/igd-under-test.ts';

describe.each([1, 2])('WANCommonInterfaceConfig:1 of IGD:%i', (version) => {
  const place = `igd${version}/WANCommonInterfaceConfig`;

  it('GetCommonLinkProperties shows the real link', async () => {
    const igd = new IgdUnderTest();
    const heard = await igd.call(place, 'GetCommonLinkProperties');
    expect(heard.out).toEqual({
      NewWANAccessType: 'Ethernet',
      NewLayer1UpstreamMaxBitRate: '1000000000',
      NewLayer1DownstreamMaxBitRate: '1000000000',
      NewPhysicalLinkStatus: 'Up',
    });
    if (igd.link !== undefined) igd.link = { ...igd.link, isUp: false };
    expect((await igd.call(place, 'GetCommonLinkProperties')).out).toMatchObject({ NewPhysicalLinkStatus: 'Down' });
  });

  it('a link faster than ui4 can say is shown as fast as it can', async () => {
    const igd = new IgdUnderTest();
    if (igd.link !== undefined) igd.link = { ...igd.link, bitsPerSecond: 10_000_000_000 };
    expect((await igd.call(place, 'GetCommonLinkProperties')).out).toMatchObject({
      NewLayer1DownstreamMaxBitRate: '4294967295',
    });
  });

  it('a link nobody can look at is up when the carrier answers', async () => {
    const igd = new IgdUnderTest();
    igd.link = undefined;
    expect((await igd.call(place, 'GetCommonLinkProperties')).out).toMatchObject({
      NewLayer1UpstreamMaxBitRate: '0',
      NewPhysicalLinkStatus: 'Up',
    });
    igd.gateway.status = 'Disconnected';
    expect((await igd.call(place, 'GetCommonLinkProperties')).out).toMatchObject({ NewPhysicalLinkStatus: 'Down' });
  });

  it.each([
    ['TotalBytesSent', '1000'],
    ['TotalBytesReceived', '5'],
    ['TotalPacketsSent', '10'],
    ['TotalPacketsReceived', '20'],
  ])('Get%s counts, and rolls over at 2^32', async (name, value) => {
    expect((await new IgdUnderTest().call(place, `Get${name}`)).out).toEqual({ [`New${name}`]: value });
  });

  it('counters are 0 where there is no link to look at', async () => {
    const igd = new IgdUnderTest();
    igd.link = undefined;
    expect((await igd.call(place, 'GetTotalBytesSent')).out).toEqual({ NewTotalBytesSent: '0' });
  });

  it('SetEnabledForInternet is refused, GetEnabledForInternet is 1', async () => {
    const igd = new IgdUnderTest();
    const set = async (text: string) =>
      (await igd.call(place, 'SetEnabledForInternet', { NewEnabledForInternet: text })).code;
    expect(await set('0')).toBe(version === 1 ? 501 : 606);
    expect(await set('perhaps')).toBe(402);
    expect((await igd.call(place, 'GetEnabledForInternet')).out).toEqual({ NewEnabledForInternet: '1' });
  });

  it('has one connection: GetActiveConnection names it at index 0 and answers 713 beyond', async () => {
    const igd = new IgdUnderTest();
    const get = (index: string) => igd.call(place, 'GetActiveConnection', { NewActiveConnectionIndex: index });
    const udn =
      version === 1 ? 'uuid:11111111-0000-4000-8000-00000000000a' : 'uuid:22222222-0000-4000-8000-000000000003';
    expect((await get('0')).out).toEqual({
      NewActiveConnDeviceContainer: `${udn}:WANConnectionDevice:${version}`,
      NewActiveConnectionServiceID: 'urn:upnp-org:serviceId:WANIPConn1',
    });
    expect((await get('1')).code).toBe(713);
    expect((await get('x')).code).toBe(402);
    expect((await igd.call(place, 'GetMaximumActiveConnections')).out).toEqual({ NewMaximumActiveConnections: '1' });
  });

  it('GetWANAccessProvider names nobody', async () => {
    expect((await new IgdUnderTest().call(place, 'GetWANAccessProvider')).out).toEqual({ NewWANAccessProvider: '' });
  });
});
