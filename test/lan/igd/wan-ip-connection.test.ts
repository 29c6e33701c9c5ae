import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../../src/base/ip-address.ts';
import { minutes, seconds } from '../../../src/base/time.ts';
import { childText, parseXml } from '../../../src/base/xml.ts';
import { type RefusalReason, refusal } from '../../../src/interworking/refusal.ts';
import type { UpnpErrorCode } from '../../../src/upnp/upnp-error.ts';
import { GATEWAY, IgdUnderTest, LAN_HOST } from '../../doubles/igd-under-test.ts';

const ADD = {
  NewRemoteHost: '',
  NewExternalPort: '6881',
  NewProtocol: 'TCP',
  NewInternalPort: '6882',
  NewInternalClient: LAN_HOST.text,
  NewEnabled: '1',
  NewPortMappingDescription: 'libtorrent',
  NewLeaseDuration: '3600',
};
const NAME = { NewRemoteHost: '', NewExternalPort: '6881', NewProtocol: 'TCP' };
const RANGE = { NewStartPort: '6000', NewEndPort: '7000', NewProtocol: 'TCP', NewManage: '0' };

type OwnReason = Exclude<RefusalReason, 'upstream refused'>;
const no = (reason: OwnReason) => refusal(reason, 'as the test wants it');

/** On IGD:1 the refusals of UDA 1.0: it knows neither 600 nor 601. */
const onEach = (version: number, code1: number, code2: number): number => (version === 1 ? code1 : code2);

describe.each([1, 2])('WANIPConnection:%i', (version) => {
  const place = `igd${version}/WANIPConnection`;

  describe('AddPortMapping', () => {
    it('hands the request over as values and answers with no arguments (IWF-18, RFC 6970 §4.2)', async () => {
      const igd = new IgdUnderTest();
      const heard = await igd.call(place, 'AddPortMapping', ADD);
      expect(heard).toMatchObject({ status: 200, code: undefined, order: [] });
      expect(igd.gateway.lastWish()).toMatchObject({
        protocol: 'TCP',
        externalPort: 6881,
        internalPort: 6882,
        remoteHost: '',
        remotePeers: [],
        isExact: true,
        description: 'libtorrent',
        leaseSeconds: 3600,
      });
      expect(igd.gateway.lastWish().internalClient.equals(LAN_HOST)).toBe(true);
      expect(igd.gateway.askers.at(-1)).toMatchObject({ address: LAN_HOST, via: `IGD:${version}` });
    });

    it('counts an empty or missing lease as 0, which is a week in version 2 (nat-api, Q-02)', async () => {
      const igd = new IgdUnderTest();
      await igd.call(place, 'AddPortMapping', { ...ADD, NewLeaseDuration: '' });
      expect(igd.gateway.lastWish().leaseSeconds).toBe(onEach(version, 0, 604_800));
      const { NewLeaseDuration: _left, ...without } = ADD;
      await igd.call(place, 'AddPortMapping', without);
      expect(igd.gateway.lastWish().leaseSeconds).toBe(onEach(version, 0, 604_800));
    });

    it('counts a missing or empty NewEnabled as 1 (Q-03)', async () => {
      const igd = new IgdUnderTest();
      expect(await igd.call(place, 'AddPortMapping', { ...ADD, NewEnabled: '' })).toMatchObject({ status: 200 });
    });

    it.each([
      ['1', true],
      ['true', true],
      ['YES', true],
      [' 1 ', true],
      ['0', false],
      ['False', false],
      ['no', false],
    ])(
      'with NewEnabled "%s" asks for a port: %s; a disabled mapping is 501 (RFC 6970 §4.1, IWF-04, Q-03)',
      async (text, isAsked) => {
        const igd = new IgdUnderTest();
        const { code } = await igd.call(place, 'AddPortMapping', { ...ADD, NewEnabled: text });
        expect([code, igd.gateway.wishes.length]).toEqual(isAsked ? [undefined, 1] : [501, 0]);
      },
    );

    it.each(['', '*', '0.0.0.0', ' '])('counts the remote host "%s" as everybody (Q-22)', async (text) => {
      const igd = new IgdUnderTest();
      await igd.call(place, 'AddPortMapping', { ...ADD, NewRemoteHost: text });
      expect(igd.gateway.lastWish()).toMatchObject({ remoteHost: '', remotePeers: [] });
    });

    it('turns a remote host address into the one peer that may come in (IWF-08)', async () => {
      const igd = new IgdUnderTest();
      await igd.call(place, 'AddPortMapping', { ...ADD, NewRemoteHost: '198.51.100.9' });
      expect(igd.gateway.lastWish().remoteHost).toBe('198.51.100.9');
      expect(igd.gateway.lastWish().remotePeers.map(String)).toEqual(['198.51.100.9']);
    });

    it('resolves a remote host name, keeps the name, and takes four addresses at most (Q-22, IWF-08)', async () => {
      const igd = new IgdUnderTest();
      igd.names.set('peer.example', ['2001:db8::1', ...[1, 2, 3, 4, 5].map((n) => `198.51.100.${n}`)]);
      await igd.call(place, 'AddPortMapping', { ...ADD, NewRemoteHost: 'peer.example' });
      expect(igd.gateway.lastWish().remoteHost).toBe('peer.example');
      expect(igd.gateway.lastWish().remotePeers.map(String)).toEqual([
        '198.51.100.1',
        '198.51.100.2',
        '198.51.100.3',
        '198.51.100.4',
      ]);
    });

    it('takes the own address of the asker among those of an internal client name (IWF-12)', async () => {
      const igd = new IgdUnderTest();
      igd.names.set('laptop', ['192.168.1.5', LAN_HOST.text]);
      await igd.call(place, 'AddPortMapping', { ...ADD, NewInternalClient: 'laptop' });
      expect(igd.gateway.lastWish().internalClient.text).toBe(LAN_HOST.text);
      igd.names.set('nas', ['192.168.1.5', '192.168.1.6']);
      await igd.call(place, 'AddPortMapping', { ...ADD, NewInternalClient: 'nas' });
      expect(igd.gateway.lastWish().internalClient.text).toBe('192.168.1.5');
    });

    it('lets the broadcast address through: whether it may be mapped is not decided here', async () => {
      const igd = new IgdUnderTest();
      await igd.call(place, 'AddPortMapping', { ...ADD, NewInternalClient: '255.255.255.255' });
      expect(igd.gateway.lastWish().internalClient.text).toBe('255.255.255.255');
    });

    it('answers 402 or 501 for a name nobody knows (Q-22)', async () => {
      const igd = new IgdUnderTest();
      const code = onEach(version, 402, 501);
      expect(await igd.call(place, 'AddPortMapping', { ...ADD, NewRemoteHost: 'nobody.example' })).toMatchObject({
        code,
      });
      expect(await igd.call(place, 'AddPortMapping', { ...ADD, NewInternalClient: 'nobody' })).toMatchObject({ code });
    });

    it('accepts the protocol in any capitals', async () => {
      const igd = new IgdUnderTest();
      await igd.call(place, 'AddPortMapping', { ...ADD, NewProtocol: ' udp' });
      expect(igd.gateway.lastWish().protocol).toBe('UDP');
    });

    it('accepts the arguments in any order, and others beside them (BiglyBT, Syncthing)', async () => {
      const igd = new IgdUnderTest();
      const shuffled = Object.fromEntries(Object.entries({ ...ADD, X_Vendor: 'x' }).reverse());
      expect(await igd.call(place, 'AddPortMapping', shuffled)).toMatchObject({ status: 200 });
    });

    it('keeps 256 characters of a description', async () => {
      const igd = new IgdUnderTest();
      await igd.call(place, 'AddPortMapping', { ...ADD, NewPortMappingDescription: '😀'.repeat(300) });
      expect(igd.gateway.lastWish().description).toBe('😀'.repeat(256));
    });

    it.each<[string, Partial<typeof ADD>, UpnpErrorCode, UpnpErrorCode]>([
      ['a port that is no number: 402', { NewExternalPort: 'http' }, 402, 402],
      ['an empty port: 402', { NewExternalPort: '' }, 402, 402],
      ['a fraction as a port: 402', { NewInternalPort: '80.5' }, 402, 402],
      ['a lease that is no number: 402', { NewLeaseDuration: 'forever' }, 402, 402],
      ['an unreadable boolean: 402', { NewEnabled: 'maybe' }, 402, 402],
      ['a protocol other than TCP and UDP: 601 (IWF-11)', { NewProtocol: 'ICMP' }, 402, 601],
      ['no protocol: 601', { NewProtocol: '' }, 402, 601],
      ['an external port above 65535: 601', { NewExternalPort: '65536' }, 402, 601],
      ['a negative internal port: 601', { NewInternalPort: '-1' }, 402, 601],
      ['a lease beyond 32 bits: 601', { NewLeaseDuration: '4294967296' }, 402, 601],
      ['no internal client: 715', { NewInternalClient: '' }, 715, 715],
      ['any internal client: 715', { NewInternalClient: '0.0.0.0' }, 715, 715],
      ['an internal client that is neither address nor name: 600', { NewInternalClient: '192.168.1.999' }, 402, 600],
      ['an internal client with leading zeros: 600', { NewInternalClient: '192.168.001.077' }, 402, 600],
      ['an internal client of several words: 600', { NewInternalClient: '0039 not a host' }, 402, 600],
      ['an internal client that is a number: 600', { NewInternalClient: '0039' }, 402, 600],
      ['an internal client with a port: 600', { NewInternalClient: '192.168.1.77:80' }, 402, 600],
      ['an internal client that is a URL: 600', { NewInternalClient: 'http://192.168.1.77/' }, 402, 600],
      ['an IPv6 internal client: 600', { NewInternalClient: '2001:db8::1' }, 402, 600],
      ['a remote host that is neither address nor name: 600', { NewRemoteHost: 'a b' }, 402, 600],
      ['a remote host longer than any name: 605', { NewRemoteHost: 'a.'.repeat(200) }, 402, 605],
      ['internal port 0: 732', { NewInternalPort: '0' }, 402, 732],
      ['external port 0: 716', { NewExternalPort: '0' }, 716, 716],
    ])('refuses %s', async (_what, change, code1, code2) => {
      const igd = new IgdUnderTest();
      const heard = await igd.call(place, 'AddPortMapping', { ...ADD, ...change });
      expect(heard).toMatchObject({ status: 500, code: onEach(version, code1, code2) });
      expect(igd.gateway.wishes).toEqual([]);
    });

    it.each(Object.keys(ADD).filter((name) => !/RemoteHost|Enabled|Description|Lease/.test(name)))(
      'refuses to do without %s: 402',
      async (name) => {
        const given = Object.fromEntries(Object.entries(ADD).filter(([key]) => key !== name));
        expect(await new IgdUnderTest().call(place, 'AddPortMapping', given)).toMatchObject({ code: 402 });
      },
    );

    it('refuses an argument given twice: 402', async () => {
      const igd = new IgdUnderTest();
      const service = `urn:schemas-upnp-org:service:WANIPConnection:${version}`;
      const twice = '<NewExternalPort>1</NewExternalPort>'.repeat(2);
      const heard = await igd.post(`/control/${place}`, {
        body: `<e:Envelope xmlns:e="x"><e:Body><u:AddPortMapping xmlns:u="${service}">${twice}</u:AddPortMapping></e:Body></e:Envelope>`,
      });
      expect(heard.code).toBe(402);
    });

    it('says first what is unreadable, then what is out of range, then wildcards', async () => {
      const igd = new IgdUnderTest();
      const wrong = { ...ADD, NewExternalPort: '0', NewInternalPort: '0', NewInternalClient: '', NewProtocol: 'X' };
      const codes: (number | undefined)[] = [];
      for (const mend of [
        { NewEnabled: 'x' },
        {},
        { NewProtocol: 'TCP' },
        { NewProtocol: 'TCP', NewInternalClient: 'a b' },
        { NewProtocol: 'TCP', NewInternalClient: '192.168.1.77' },
        { NewProtocol: 'TCP', NewInternalClient: '192.168.1.77', NewInternalPort: '1' },
      ]) {
        codes.push((await igd.call(place, 'AddPortMapping', { ...wrong, ...mend })).code);
      }
      expect(codes).toEqual(version === 1 ? [402, 402, 715, 402, 402, 716] : [402, 601, 715, 600, 732, 716]);
    });

    it('does not limit a lease itself: too long a one is shortened, not refused', async () => {
      const igd = new IgdUnderTest();
      expect(await igd.call(place, 'AddPortMapping', { ...ADD, NewLeaseDuration: '9999999' })).toMatchObject({
        status: 200,
      });
      expect(igd.gateway.lastWish().leaseSeconds).toBe(onEach(version, 9_999_999, 604_800));
    });

    it.each<[OwnReason, number, number]>([
      ['unanswered', 501, 501],
      ['not allowed', 718, 606],
      ['taken', 718, 718],
      ['over quota', 501, 728],
      ['used by this box', 718, 729],
    ])('says "%s" of the core as %i, in version 2 as %i', async (reason, version1, version2) => {
      const igd = new IgdUnderTest();
      igd.gateway.refuse = no(reason);
      const code = onEach(version, version1, version2);
      expect(await igd.call(place, 'AddPortMapping', ADD)).toMatchObject({ status: 500, code });
    });
  });

  describe('DeletePortMapping', () => {
    it('deletes what the three arguments name (IWF-20)', async () => {
      const igd = new IgdUnderTest();
      await igd.call(place, 'AddPortMapping', ADD);
      expect(await igd.call(place, 'DeletePortMapping', NAME)).toMatchObject({ status: 200, order: [] });
      expect(igd.gateway.table).toEqual([]);
    });

    it('answers 714 where nothing matches (IWF-76)', async () => {
      expect(await new IgdUnderTest().call(place, 'DeletePortMapping', NAME)).toMatchObject({ code: 714 });
    });

    it('accepts the order of BiglyBT and a missing remote host', async () => {
      const igd = new IgdUnderTest();
      await igd.call(place, 'AddPortMapping', ADD);
      const given = { NewProtocol: 'TCP', NewExternalPort: '6881' };
      expect(await igd.call(place, 'DeletePortMapping', given)).toMatchObject({ status: 200 });
    });

    it('leaves it to the gateway which mapping is meant without a protocol (js-libp2p)', async () => {
      const igd = new IgdUnderTest();
      await igd.call(place, 'AddPortMapping', ADD);
      const heard = await igd.call(place, 'DeletePortMapping', { ...NAME, NewProtocol: '' });
      expect(heard).toMatchObject({ status: 200, code: undefined });
      expect(igd.gateway.table).toEqual([]);
    });

    it('refuses a protocol that is none: 601', async () => {
      const heard = await new IgdUnderTest().call(place, 'DeletePortMapping', { ...NAME, NewProtocol: 'SCTP' });
      expect(heard.code).toBe(onEach(version, 402, 601));
    });

    it.each<[OwnReason, number, number]>([
      ['unanswered', 501, 501],
      ['not yours', 714, 606],
      ['ambiguous', 402, 601],
    ])('says "%s" of the core as %i, in version 2 as %i', async (reason, version1, version2) => {
      const igd = new IgdUnderTest();
      igd.gateway.refuse = no(reason);
      const code = onEach(version, version1, version2);
      expect(await igd.call(place, 'DeletePortMapping', NAME)).toMatchObject({ code });
    });
  });

  describe('GetSpecificPortMappingEntry', () => {
    it('shows the entry, arguments in the published order (IWF-70)', async () => {
      const igd = new IgdUnderTest();
      await igd.call(place, 'AddPortMapping', { ...ADD, NewPortMappingDescription: '<b>&"\u0007x' });
      const heard = await igd.call(place, 'GetSpecificPortMappingEntry', NAME);
      expect(heard.out).toEqual({
        NewInternalPort: '6882',
        NewInternalClient: LAN_HOST.text,
        NewEnabled: '1',
        NewPortMappingDescription: '<b>&"x',
        NewLeaseDuration: '3600',
      });
      expect(heard.order).toEqual([
        'NewInternalPort',
        'NewInternalClient',
        'NewEnabled',
        'NewPortMappingDescription',
        'NewLeaseDuration',
      ]);
    });

    it('answers 714 on a miss: consoles wait for exactly that', async () => {
      expect(await new IgdUnderTest().call(place, 'GetSpecificPortMappingEntry', NAME)).toMatchObject({ code: 714 });
    });

    it('refuses a port that is no number with 402 and a wrong protocol with 601', async () => {
      const igd = new IgdUnderTest();
      const get = async (change: object) =>
        (await igd.call(place, 'GetSpecificPortMappingEntry', { ...NAME, ...change })).code;
      expect(await get({ NewExternalPort: 'x' })).toBe(402);
      expect(await get({ NewProtocol: 'SCTP' })).toBe(onEach(version, 402, 601));
    });

    it("says of another host's entry that there is none, in version 2 that it is not allowed", async () => {
      const igd = new IgdUnderTest();
      igd.gateway.refuse = no('not yours');
      const code = onEach(version, 714, 606);
      expect(await igd.call(place, 'GetSpecificPortMappingEntry', NAME)).toMatchObject({ code });
    });
  });

  describe('GetGenericPortMappingEntry', () => {
    it('walks from 0 until 713 (IWF-16)', async () => {
      const igd = new IgdUnderTest();
      await igd.call(place, 'AddPortMapping', { ...ADD, NewRemoteHost: '198.51.100.9' });
      const heard = await igd.call(place, 'GetGenericPortMappingEntry', { NewPortMappingIndex: '0' });
      expect(heard.order).toEqual([
        'NewRemoteHost',
        'NewExternalPort',
        'NewProtocol',
        'NewInternalPort',
        'NewInternalClient',
        'NewEnabled',
        'NewPortMappingDescription',
        'NewLeaseDuration',
      ]);
      expect(heard.out).toMatchObject({ NewRemoteHost: '198.51.100.9', NewExternalPort: '6881', NewProtocol: 'TCP' });
      expect(await igd.call(place, 'GetGenericPortMappingEntry', { NewPortMappingIndex: '1' })).toMatchObject({
        code: 713,
      });
    });

    it('refuses an index that is no number: 402', async () => {
      const heard = await new IgdUnderTest().call(place, 'GetGenericPortMappingEntry', {
        NewPortMappingIndex: 'first',
      });
      expect(heard.code).toBe(402);
    });

    it('says 713 of an entry that is not there', async () => {
      const igd = new IgdUnderTest();
      igd.gateway.refuse = no('no such entry');
      expect(await igd.call(place, 'GetGenericPortMappingEntry', { NewPortMappingIndex: '0' })).toMatchObject({
        code: 713,
      });
    });
  });

  describe('GetExternalIPAddress', () => {
    it('is the address the carrier assigned (IWF-22)', async () => {
      const heard = await new IgdUnderTest().call(place, 'GetExternalIPAddress');
      expect(heard.out).toEqual({ NewExternalIPAddress: '198.51.100.7' });
    });

    it('is empty while none is known (IWF-02)', async () => {
      const igd = new IgdUnderTest();
      igd.gateway.address = undefined;
      expect((await igd.call(place, 'GetExternalIPAddress')).out).toEqual({ NewExternalIPAddress: '' });
    });
  });

  describe('the connection', () => {
    it('GetStatusInfo tells status, last error and uptime in whole seconds', async () => {
      const igd = new IgdUnderTest();
      igd.gateway.uptime = seconds(90.9);
      expect((await igd.call(place, 'GetStatusInfo')).out).toEqual({
        NewConnectionStatus: 'Connected',
        NewLastConnectionError: 'ERROR_NONE',
        NewUptime: '90',
      });
    });

    it('GetStatusInfo has no uptime while disconnected', async () => {
      const igd = new IgdUnderTest();
      igd.gateway.status = 'Disconnected';
      igd.gateway.uptime = minutes(5);
      expect((await igd.call(place, 'GetStatusInfo')).out).toEqual({
        NewConnectionStatus: 'Disconnected',
        NewLastConnectionError: 'ERROR_UNKNOWN',
        NewUptime: '0',
      });
    });

    it('GetConnectionTypeInfo and GetNATRSIPStatus describe a NATed, routed connection', async () => {
      const igd = new IgdUnderTest();
      expect((await igd.call(place, 'GetConnectionTypeInfo')).out).toEqual({
        NewConnectionType: 'IP_Routed',
        NewPossibleConnectionTypes: 'IP_Routed',
      });
      expect((await igd.call(place, 'GetNATRSIPStatus')).out).toEqual({ NewRSIPAvailable: '0', NewNATEnabled: '1' });
    });

    it.each(['AutoDisconnectTime', 'IdleDisconnectTime', 'WarnDisconnectDelay'])(
      'Get%s is 0 and Set%s refused',
      async (name) => {
        const igd = new IgdUnderTest();
        expect((await igd.call(place, `Get${name}`)).out).toEqual({ [`New${name}`]: '0' });
        expect((await igd.call(place, `Set${name}`, { [`New${name}`]: '60' })).code).toBe(onEach(version, 501, 606));
        expect((await igd.call(place, `Set${name}`, { [`New${name}`]: 'x' })).code).toBe(402);
      },
    );

    it('SetConnectionType: 402 without, 601 for an unknown one, then 703 or 606', async () => {
      const igd = new IgdUnderTest();
      const set = async (type: string) =>
        (await igd.call(place, 'SetConnectionType', { NewConnectionType: type })).code;
      expect((await igd.call(place, 'SetConnectionType')).code).toBe(402);
      expect(await set('Token_Ring')).toBe(onEach(version, 402, 601));
      expect(await set('IP_Bridged')).toBe(onEach(version, 703, 606));
      igd.gateway.status = 'Disconnected';
      expect(await set('IP_Bridged')).toBe(onEach(version, 501, 606));
    });

    it('SetConnectionType to what it already is succeeds where no permission is needed', async () => {
      const heard = await new IgdUnderTest().call(place, 'SetConnectionType', { NewConnectionType: 'IP_Routed' });
      expect(heard.code).toBe(version === 1 ? undefined : 606);
    });

    it('RequestConnection succeeds when connected, else 704; 606 on version 2', async () => {
      const igd = new IgdUnderTest();
      expect((await igd.call(place, 'RequestConnection')).code).toBe(version === 1 ? undefined : 606);
      igd.gateway.status = 'Disconnected';
      expect((await igd.call(place, 'RequestConnection')).code).toBe(onEach(version, 704, 606));
    });

    it.each(['RequestTermination', 'ForceTermination'])(
      '%s is refused: 501 or 711, 606 on version 2',
      async (action) => {
        const igd = new IgdUnderTest();
        expect((await igd.call(place, action)).code).toBe(onEach(version, 501, 606));
        igd.gateway.status = 'Disconnected';
        expect((await igd.call(place, action)).code).toBe(onEach(version, 711, 606));
      },
    );
  });

  it('answers 401 for an action of another service, pinhole actions among them (nat-port-mapper)', async () => {
    const igd = new IgdUnderTest();
    for (const action of ['AddPinhole', 'UpdatePinhole', 'DeletePinhole', 'GetCommonLinkProperties', 'toString']) {
      expect((await igd.call(place, action)).code).toBe(401);
    }
  });
});

describe('WANIPConnection:1', () => {
  it('describes no action of version 2, and serves three of them all the same (upnpc -n, -N, -L)', async () => {
    const igd = new IgdUnderTest();
    const text = igd.devices.document('/scpd/WANIPConnection1.xml', '', GATEWAY) ?? '';
    for (const action of ['AddAnyPortMapping', 'DeletePortMappingRange', 'GetListOfPortMappings']) {
      expect(text).not.toContain(action);
      expect((await igd.call('igd1/WANIPConnection', action, {})).code).toBe(402);
    }
  });

  it('names itself in the answer, and lease 0 is what version 2 says it is', async () => {
    const igd = new IgdUnderTest();
    const heard = await igd.call('igd1/WANIPConnection', 'AddAnyPortMapping', { ...ADD, NewLeaseDuration: '0' });
    expect(heard.namespace).toBe('urn:schemas-upnp-org:service:WANIPConnection:1');
    expect(igd.gateway.askers.at(-1)).toMatchObject({ via: 'IGD:2' });
    expect(igd.gateway.lastWish().leaseSeconds).toBe(604_800);
    await igd.call('igd1/WANIPConnection', 'AddPortMapping', { ...ADD, NewLeaseDuration: '0' });
    expect(igd.gateway.askers.at(-1)).toMatchObject({ via: 'IGD:1' });
    expect(igd.gateway.lastWish().leaseSeconds).toBe(0);
  });
});

describe.each(['igd1/WANIPConnection', 'igd2/WANIPConnection'])('what version 2 has, at %s', (place) => {
  describe('AddAnyPortMapping', () => {
    it('answers with the port that was reserved (IWF-57)', async () => {
      const igd = new IgdUnderTest();
      await igd.call(place, 'AddPortMapping', ADD);
      const heard = await igd.call(place, 'AddAnyPortMapping', ADD);
      expect(heard.out).toEqual({ NewReservedPort: '6882' });
    });

    it('accepts external port 0 and answers with a concrete port', async () => {
      const igd = new IgdUnderTest();
      const heard = await igd.call(place, 'AddAnyPortMapping', { ...ADD, NewExternalPort: '0' });
      expect(heard.out).toEqual({ NewReservedPort: '40000' });
      expect(igd.gateway.lastWish().externalPort).toBe(0);
    });

    it.each<[Partial<typeof ADD>, number]>([
      [{ NewExternalPort: 'x' }, 402],
      [{ NewProtocol: 'X' }, 601],
      [{ NewInternalClient: '' }, 715],
      [{ NewInternalPort: '0' }, 732],
      [{ NewInternalClient: 'a b' }, 600],
    ])('refuses %o with %i', async (change, code) => {
      expect((await new IgdUnderTest().call(place, 'AddAnyPortMapping', { ...ADD, ...change })).code).toBe(code);
    });

    it.each<[OwnReason, number]>([
      ['unanswered', 501],
      ['not allowed', 606],
      ['taken', 728],
      ['over quota', 728],
      ['used by this box', 729],
    ])('says "%s" of the core as %i', async (reason, code) => {
      const igd = new IgdUnderTest();
      igd.gateway.refuse = no(reason);
      expect((await igd.call(place, 'AddAnyPortMapping', ADD)).code).toBe(code);
    });
  });

  describe('DeletePortMappingRange', () => {
    it('deletes what lies between the ports, both included (IWF-21)', async () => {
      const igd = new IgdUnderTest();
      for (const port of ['5999', '6000', '7000', '7001']) {
        await igd.call(place, 'AddPortMapping', { ...ADD, NewExternalPort: port });
      }
      expect((await igd.call(place, 'DeletePortMappingRange', RANGE)).status).toBe(200);
      expect(igd.gateway.table.map((held) => held.externalPort)).toEqual([5999, 7001]);
    });

    it('answers 730 where nothing matches, 733 for a range that runs backwards, 601 for a wrong protocol', async () => {
      const igd = new IgdUnderTest();
      const remove = async (change: object) =>
        (await igd.call(place, 'DeletePortMappingRange', { ...RANGE, ...change })).code;
      expect(await remove({})).toBe(730);
      expect(await remove({ NewStartPort: '7001' })).toBe(733);
      expect(await remove({ NewProtocol: 'X' })).toBe(601);
      igd.gateway.refuse = no('not yours');
      expect(await remove({})).toBe(606);
    });
  });

  describe('GetListOfPortMappings', () => {
    const LIST = { ...RANGE, NewManage: '1', NewNumberOfPorts: '0' };

    it('lists in CDATA, children named NewDescription and NewLeaseTime (IWF-15, IWF-23, U-13)', async () => {
      const igd = new IgdUnderTest();
      await igd.call(place, 'AddPortMapping', { ...ADD, NewPortMappingDescription: 'a]]>b & <c>' });
      const heard = await igd.call(place, 'GetListOfPortMappings', LIST);
      expect(heard.response.body).toContain('<NewPortListing><![CDATA[<p:PortMappingList');
      const list = parseXml(heard.out['NewPortListing'] ?? '', { characters: 10_000, tags: 100 });
      if (!list.ok) throw new Error(list.error);
      expect(list.value).toMatchObject({
        name: 'PortMappingList',
        namespace: 'urn:schemas-upnp-org:gw:WANIPConnection',
      });
      expect(list.value.attributes.get('xsi:schemaLocation')).toBe(
        'urn:schemas-upnp-org:gw:WANIPConnection http://www.upnp.org/schemas/gw/WANIPConnection-v2.xsd',
      );
      const [entry] = list.value.children;
      if (entry === undefined) throw new Error('no entry');
      expect(entry.children.map((child) => `${child.name}=${childText(entry, child.name)}`)).toEqual([
        'NewRemoteHost=',
        'NewExternalPort=6881',
        'NewProtocol=TCP',
        'NewInternalPort=6882',
        `NewInternalClient=${LAN_HOST.text}`,
        'NewEnabled=1',
        'NewDescription=a]]>b & <c>',
        'NewLeaseTime=3600',
      ]);
    });

    it('lists the own entries of the asker unless NewManage is 1, and no more than asked for', async () => {
      const igd = new IgdUnderTest();
      await igd.call(place, 'AddPortMapping', ADD);
      await igd.call(place, 'AddPortMapping', { ...ADD, NewExternalPort: '6883', NewInternalClient: '192.168.1.9' });
      const count = async (change: object) => {
        const heard = await igd.call(place, 'GetListOfPortMappings', { ...LIST, ...change });
        return heard.out['NewPortListing']?.split('<p:PortMappingEntry>').length;
      };
      expect(await count({})).toBe(3);
      expect(await count({ NewManage: 'no' })).toBe(2);
      expect(await count({ NewNumberOfPorts: '1' })).toBe(2);
    });

    it('answers 730 where nothing matches, 733 backwards, 601 for a wrong protocol, 402 without a number, 606 as told', async () => {
      const igd = new IgdUnderTest();
      const list = async (change: object) =>
        (await igd.call(place, 'GetListOfPortMappings', { ...LIST, ...change })).code;
      expect(await list({})).toBe(730);
      expect(await list({ NewEndPort: '5999' })).toBe(733);
      expect(await list({ NewProtocol: 'X' })).toBe(601);
      expect(await list({ NewNumberOfPorts: '' })).toBe(402);
      igd.gateway.refuse = no('not yours');
      expect(await list({})).toBe(606);
    });

    it('never hands out more than a thousand entries at once', async () => {
      const igd = new IgdUnderTest();
      for (let port = 1; port <= 1005; port += 1) {
        await igd.call(place, 'AddPortMapping', { ...ADD, NewExternalPort: String(port) });
      }
      const everything = { ...LIST, NewStartPort: '0', NewEndPort: '65535' };
      for (const most of ['0', '60000']) {
        const heard = await igd.call(place, 'GetListOfPortMappings', { ...everything, NewNumberOfPorts: most });
        expect(heard.out['NewPortListing']?.split('<p:PortMappingEntry>').length).toBe(1001);
      }
    });
  });
});

describe('QueryStateVariable (UDA 1.0 §3.3, asked by aMule and Windows XP)', () => {
  const query = (igd: IgdUnderTest, place: string, name: string) =>
    igd.post(`/control/${place}`, {
      headers: { soapaction: '"urn:schemas-upnp-org:control-1-0#QueryStateVariable"' },
      body:
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><u:QueryStateVariable ' +
        `xmlns:u="urn:schemas-upnp-org:control-1-0"><u:varName>${name}</u:varName></u:QueryStateVariable></s:Body></s:Envelope>`,
    });

  it.each([
    ['ConnectionStatus', 'Connected'],
    ['PossibleConnectionTypes', 'IP_Routed'],
    ['ConnectionType', 'IP_Routed'],
    ['ExternalIPAddress', '198.51.100.7'],
    ['PortMappingNumberOfEntries', '0'],
    ['Uptime', '120'],
    ['LastConnectionError', 'ERROR_NONE'],
    ['RSIPAvailable', '0'],
    ['NATEnabled', '1'],
    ['PortMappingEnabled', '1'],
    ['RemoteHost', ''],
  ])('%s is "%s" on both versions', async (name, value) => {
    for (const place of ['igd1/WANIPConnection', 'igd2/WANIPConnection']) {
      const heard = await query(new IgdUnderTest(), place, name);
      expect(heard).toMatchObject({
        status: 200,
        out: { return: value },
        namespace: 'urn:schemas-upnp-org:control-1-0',
      });
    }
  });

  it('SystemUpdateID counts on version 2 and does not exist on version 1 (IWF-14)', async () => {
    const igd = new IgdUnderTest();
    await igd.call('igd2/WANIPConnection', 'AddPortMapping', ADD);
    expect((await query(igd, 'igd2/WANIPConnection', 'SystemUpdateID')).out).toEqual({ return: '1' });
    expect((await query(igd, 'igd1/WANIPConnection', 'SystemUpdateID')).code).toBe(404);
  });

  it('answers 404 for a variable nobody has, or that holds nothing of its own', async () => {
    const igd = new IgdUnderTest();
    for (const name of ['Nonsense', 'toString', 'A_ARG_TYPE_Manage', 'InternalPort', '']) {
      expect((await query(igd, 'igd2/WANIPConnection', name)).code).toBe(404);
    }
  });

  it('answers 402 where no variable is named', async () => {
    const heard = await new IgdUnderTest().post('/control/igd1/WANIPConnection', {
      body: '<e:Envelope xmlns:e="x"><e:Body><u:QueryStateVariable xmlns:u="urn:schemas-upnp-org:control-1-0"/></e:Body></e:Envelope>',
    });
    expect(heard.code).toBe(402);
  });

  it('the external address is that of the carrier, empty while unknown', async () => {
    const igd = new IgdUnderTest();
    igd.gateway.address = undefined;
    expect((await query(igd, 'igd1/WANIPConnection', 'ExternalIPAddress')).out).toEqual({ return: '' });
    igd.gateway.address = IpAddress.of('198.51.100.8');
    expect((await query(igd, 'igd1/WANIPConnection', 'ExternalIPAddress')).out).toEqual({ return: '198.51.100.8' });
  });
});
