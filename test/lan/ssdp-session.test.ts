import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Driver } from '../../src/base/drive.ts';
import { IpAddress } from '../../src/base/ip-address.ts';
import { IpPrefix } from '../../src/base/ip-prefix.ts';
import type { SsdpMessage } from '../../src/base/ssdp-socket.ts';
import { milliseconds, minutes, seconds } from '../../src/base/time.ts';
import type { SsdpLan } from '../../src/lan/lan-presence.ts';
import { SsdpSession } from '../../src/lan/ssdp-session.ts';
import { parseSsdp, search } from '../doubles/control-point-ssdp.ts';
import { type SimulatedHost, SimulatedWorld } from '../doubles/simulated-host.ts';
import { IGD1, IGD2 } from '../upnp/ssdp/roots.ts';

interface Heard {
  readonly segment: 'lan0' | 'lan1' | 'wan';
  readonly message: SsdpMessage;
  readonly at: number;
}

const LANS: readonly SsdpLan[] = [lan('lan0', '192.168.1.1'), lan('lan1', '192.168.2.1')];
const ROOT = ['HOST: 239.255.255.250:1900', 'MAN: "ssdp:discover"', 'MX: 1', 'ST: upnp:rootdevice'];

function lan(interfaceName: string, text: string): SsdpLan {
  const address = IpAddress.of(text);
  return { interfaceName, address, prefix: IpPrefix.of(address, 24), port: 5000 };
}

const header = (message: SsdpMessage, name: string): string => message.headers.find(([key]) => key === name)?.[1] ?? '';

describe('an SSDP session on two LANs and a WAN', () => {
  let world: SimulatedWorld;
  let gateway: SimulatedHost;
  let driver: Driver;
  let heard: Heard[];
  let session: SsdpSession | undefined;

  beforeEach(async () => {
    world = new SimulatedWorld();
    gateway = world.host([
      { name: 'lan0', address: '192.168.1.1/24' },
      { name: 'lan1', address: '192.168.2.1/24' },
      { name: 'wan', address: '203.0.113.1/24' },
    ]);
    driver = new Driver(world.clock);
    heard = [];
    for (const [segment, address] of [
      ['lan0', '192.168.1.20'],
      ['lan1', '192.168.2.20'],
      ['wan', '203.0.113.20'],
    ] as const) {
      const host = world.host([{ name: 'eth0', address: `${address}/24`, segment }]);
      const group = IpAddress.of('239.255.255.250');
      await host.udp.open(
        { port: 1900, multicast: { group, onInterface: IpAddress.of(address) } },
        {
          datagram: (bytes) => {
            const message = parseSsdp(new TextDecoder().decode(bytes));
            if (message !== undefined) heard.push({ segment, message, at: world.clock.now() });
          },
        },
      );
    }
  });

  afterEach(async () => {
    await session?.close();
    session = undefined;
    driver.close();
  });

  const start = async (): Promise<SsdpSession> => {
    session = new SsdpSession({
      host: gateway,
      driver,
      roots: [IGD1, IGD2],
      bootId: 100,
      configId: 1,
      server: 'Linux UPnP/1.1 igd2pcp/0',
    });
    for (const lan of LANS) session.add(lan);
    await world.clock.advance(seconds(5));
    return session;
  };
  const notifies = (segment: string, nts: string): readonly SsdpMessage[] =>
    heard.filter((one) => one.segment === segment && header(one.message, 'NTS') === nts).map((one) => one.message);
  const searchFrom = async (address: string, segment: string, lines = ROOT): Promise<readonly string[]> => {
    const asker = world.host([{ name: 'eth0', address: `${address}/24`, segment }]);
    const request = { lines, patience: seconds(2) };
    const found = await world.clock.resolve(search(asker, IpAddress.of(address), request), seconds(3));
    return found.ok ? found.value.map((answer) => answer.location) : [];
  };

  it('says byebye, then alive three times, on each LAN with the LOCATION of that LAN (UDA 1.1 §1.2.2)', async () => {
    await start();
    for (const [segment, host] of [
      ['lan0', '192.168.1.1'],
      ['lan1', '192.168.2.1'],
    ] as const) {
      expect(notifies(segment, 'ssdp:byebye')).toHaveLength(20);
      expect(notifies(segment, 'ssdp:alive')).toHaveLength(60);
      expect(new Set(notifies(segment, 'ssdp:alive').map((message) => header(message, 'LOCATION')))).toEqual(
        new Set([`http://${host}:5000/igd1.xml`, `http://${host}:5000/igd2.xml`]),
      );
    }
  });

  it('is silent on the WAN: no word and no answer', async () => {
    await start();
    expect(await searchFrom('203.0.113.30', 'wan')).toEqual([]);
    await world.clock.advance(minutes(60));
    expect(heard.filter((one) => one.segment === 'wan' && header(one.message, 'NTS') !== '')).toEqual([]);
  });

  it('answers a search on each LAN with the LOCATION of that LAN, dated', async () => {
    const running = await start();
    expect(await searchFrom('192.168.1.30', 'lan0')).toEqual(['http://192.168.1.1:5000/igd1.xml']);
    expect(await searchFrom('192.168.2.30', 'lan1')).toEqual(['http://192.168.2.1:5000/igd1.xml']);
    expect(running.status().map((one) => [one.isAttached, one.searchesAnswered])).toEqual([
      [true, 1],
      [true, 1],
    ]);
  });

  it('says byebye on every LAN before close settles', async () => {
    const running = await start();
    heard = [];
    await running.close();
    await world.clock.advance(milliseconds(0));
    expect(notifies('lan0', 'ssdp:byebye')).toHaveLength(20);
    expect(notifies('lan1', 'ssdp:byebye')).toHaveLength(20);
    expect(driver.wakes()).toEqual([]);
    heard = [];
    await world.clock.advance(minutes(60));
    expect(heard).toEqual([]);
  });

  it('announces itself anew, with a greater BOOTID, when an interface comes back (UDA 1.1 §1.2.2)', async () => {
    const running = await start();
    gateway.removeInterface('lan0');
    await world.clock.advance(seconds(40));
    expect(running.status().map((one) => one.isAttached)).toEqual([false, true]);
    expect(running.status().map((one) => one.problem)).toEqual(['the address is gone from the interface', undefined]);
    expect(gateway.logged('warn')).toContain(
      'gateway no longer announced on lan0: the address is gone from the interface',
    );
    heard = [];
    gateway.addInterface({ name: 'lan0', address: '192.168.1.1/24' });
    await world.clock.advance(seconds(10));
    expect(notifies('lan0', 'ssdp:alive')).toHaveLength(60);
    expect(new Set(notifies('lan0', 'ssdp:alive').map((one) => header(one, 'BOOTID.UPNP.ORG')))).toEqual(
      new Set(['101']),
    );
    expect(notifies('lan1', 'ssdp:alive')).toEqual([]);
    expect(await searchFrom('192.168.1.30', 'lan0')).toHaveLength(1);
  });

  it('leaves an address for another one with a greater BOOTID, and says goodbye where it left', async () => {
    const running = await start();
    gateway.removeInterface('lan0');
    await world.clock.advance(seconds(12));
    gateway.addInterface({ name: 'lan0', address: '192.168.1.1/24' });
    await world.clock.advance(seconds(10));
    heard = [];
    await running.remove(IpAddress.of('192.168.1.1'));
    gateway.addInterface({ name: 'lan0', address: '192.168.9.1/24' });
    running.add(lan('lan0', '192.168.9.1'));
    await world.clock.advance(seconds(5));
    expect(notifies('lan0', 'ssdp:byebye').map((one) => header(one, 'BOOTID.UPNP.ORG'))).toContain('101');
    const alive = notifies('lan0', 'ssdp:alive');
    expect(new Set(alive.map((one) => header(one, 'BOOTID.UPNP.ORG')))).toEqual(new Set(['102']));
    expect(new Set(alive.map((one) => header(one, 'LOCATION')))).toEqual(
      new Set(['http://192.168.9.1:5000/igd1.xml', 'http://192.168.9.1:5000/igd2.xml']),
    );
    expect(running.status().map((one) => one.lan.address.text)).toEqual(['192.168.2.1', '192.168.9.1']);
  });

  it('waits for an interface that is not there at the start', async () => {
    gateway.removeInterface('lan1');
    await start();
    expect(notifies('lan1', 'ssdp:alive')).toEqual([]);
    gateway.addInterface({ name: 'lan1', address: '192.168.2.1/24' });
    await world.clock.advance(seconds(10));
    expect(notifies('lan1', 'ssdp:alive')).toHaveLength(60);
  });

  it('searches for itself and is content; says so when nothing comes back, and again when something does', async () => {
    await start();
    await world.clock.advance(minutes(30));
    expect(gateway.logged('warn')).toEqual([]);
    world.network.blackHole = (to) => to.port === 1900 && to.address.isMulticast;
    await world.clock.advance(minutes(5));
    expect([...new Set(gateway.logged('warn'))].sort()).toEqual([
      'searches no longer reach us on lan0: joining the group again',
      'searches no longer reach us on lan1: joining the group again',
    ]);
    world.network.blackHole = () => false;
    await world.clock.advance(minutes(6));
    expect(gateway.logged('info')).toContain('searches reach us again on lan0');
  });

  it('counts what it ignores and logs a flood once a minute', async () => {
    const running = await start();
    const asker = world.host([{ name: 'eth0', address: '192.168.1.40/24', segment: 'lan0' }]);
    const opened = await asker.udp.open({ address: IpAddress.of('192.168.1.40') }, { datagram: () => {} });
    if (!opened.ok) throw new Error(opened.error);
    const text = 'M-SEARCH * HTTP/1.1\r\nMAN: "ssdp:discover"\r\nMX: 0\r\nST: ssdp:all\r\n\r\n';
    for (let i = 0; i < 100; i += 1) {
      opened.value.send(new TextEncoder().encode(text), { address: IpAddress.of('192.168.1.1'), port: 1900 });
    }
    await world.clock.advance(seconds(1));
    const [first] = running.status();
    expect(first?.searchesAnswered).toBe(160);
    expect(first?.searchesIgnored['too many searches']).toBe(92);
    expect(gateway.logged('warn')).toEqual(['searches on lan0 come faster than answers may leave']);
  });
});
