import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../src/base/ip-address.ts';
import { days, instant, minutes, seconds, wallTime } from '../../src/base/time.ts';
import { HostDeparture, parseDhcpLeases, type SeenNeighbour } from '../../src/interworking/host-departure.ts';
import { controlPoint, GatewayWorld, mappingRequest } from '../doubles/gateway-on-the-wire.ts';

const HOST = '192.168.1.20';
const MAC = '02:00:00:00:00:20';
const host = controlPoint(HOST, 1);
const lease = (ends: number, mac = MAC, address = HOST) => `${ends} ${mac} ${address} laptop 01:${mac}\n`;
const seen = (mac = MAC, isReachable = true): SeenNeighbour => ({ address: IpAddress.of(HOST), mac, isReachable });

describe('dnsmasq’s lease file', () => {
  it('is read line by line; what is no IPv4 lease is skipped', () => {
    const text = [
      '1767225600 02:00:00:00:00:20 192.168.1.20 laptop 01:02:00:00:00:00:20',
      '0 02:00:00:00:00:21 192.168.1.21 * *',
      'duid 00:01:00:01:2c:aa',
      '1767225600 12345 2001:db8::5 laptop 00:01',
      '17672256',
      '',
    ].join('\n');
    expect(parseDhcpLeases(text)).toEqual([
      { address: IpAddress.of('192.168.1.20'), mac: MAC, endsAt: wallTime(1_767_225_600_000) },
      { address: IpAddress.of('192.168.1.21'), mac: '02:00:00:00:00:21', endsAt: undefined },
    ]);
  });
});

describe('HostDeparture', () => {
  const patience = { grace: minutes(2), unseen: days(1) };
  const wall = wallTime(1_700_000_000_000);
  const FAR = 1_800_000_000;

  function watch() {
    const departure = new HostDeparture(patience);
    return (
      at: number,
      leases: string | undefined,
      neighbours: readonly SeenNeighbour[] = [],
      own: readonly string[] = [],
    ) =>
      departure
        .observe(
          { leases, neighbours, ownAddresses: own.map((address) => IpAddress.of(address)) },
          [HOST],
          instant(at),
          wallTime(wall + at),
        )
        .map((gone) => [gone.address, gone.why, gone.isCertain]);
  }

  it('a released lease is a departure after the grace (RFC 6970 §5.10, IWF-91)', () => {
    const look = watch();
    expect(look(0, lease(FAR))).toEqual([]);
    expect(look(seconds(15), '')).toEqual([]);
    expect(look(minutes(2), '')).toEqual([]);
    expect(look(minutes(3), '')).toEqual([[HOST, 'its address lease ended', true]]);
    expect(look(minutes(4), lease(FAR))).toEqual([]);
  });

  it('an expired lease is one too, by the wall clock (RFC 6970 §5.10, IWF-91)', () => {
    const look = watch();
    const ends = wall / 1000 + 60;
    expect(look(0, lease(ends))).toEqual([]);
    expect(look(seconds(70), lease(ends))).toEqual([]);
    expect(look(seconds(200), lease(ends))).toEqual([[HOST, 'its address lease ended', true]]);
  });

  it('a host that comes back within the grace stays', () => {
    const look = watch();
    look(0, lease(FAR));
    look(seconds(15), '');
    expect(look(seconds(60), lease(FAR))).toEqual([]);
    expect(look(minutes(10), lease(FAR))).toEqual([]);
  });

  const OTHER = '02:00:00:00:00:99';
  const handedOver = [[HOST, `its address went from ${MAC} to ${OTHER}`, true]];

  it('an address that went to another MAC is a departure at once: the new host would be exposed (RFC 6970 §5.10, IWF-91)', () => {
    const byLease = watch();
    byLease(0, lease(FAR));
    expect(byLease(seconds(5), lease(FAR, OTHER))).toEqual(handedOver);
    const byNeighbour = watch();
    byNeighbour(0, undefined, [seen()]);
    expect(byNeighbour(seconds(5), undefined, [seen(OTHER)])).toEqual(handedOver);
    const firstLease = watch();
    firstLease(0, '', [seen()]);
    expect(firstLease(seconds(5), lease(FAR, OTHER), [seen(OTHER)])).toEqual(handedOver);
  });

  it('a lease counts for more than what the wire shows: behind a repeater, and while the file is written anew, a host stays', () => {
    const look = watch();
    look(0, lease(FAR), [seen(OTHER)]);
    expect(look(seconds(5), lease(FAR), [seen()])).toEqual([]);
    expect(look(seconds(10), lease(FAR), [seen(OTHER)])).toEqual([]);
    expect(look(seconds(15), '', [seen(OTHER)])).toEqual([]);
    expect(look(seconds(20), lease(FAR), [seen(OTHER)])).toEqual([]);
    expect(look(minutes(9), lease(FAR), [seen(OTHER)])).toEqual([]);
  });

  it('a host with a fixed address is gone when nobody has seen it for long (RFC 6887 §13.1, Q-20)', () => {
    const look = watch();
    look(0, '', [seen()]);
    expect(look(days(0.9), '', [seen(MAC, false)])).toEqual([]);
    const somebody = { ...seen(), address: IpAddress.of('192.168.1.99') };
    look(days(1.01), '', [somebody]);
    expect(look(days(1.01) + minutes(3), '', [somebody])).toEqual([[HOST, 'nobody has seen it for long', false]]);
  });

  it('an empty neighbour table proves nothing (Q-20)', () => {
    const look = watch();
    look(0, '', [seen()]);
    for (let day = 1; day < 9; day += 1) expect(look(days(day), '', [])).toEqual([]);
  });

  it('a lease file that cannot be read proves nothing', () => {
    const look = watch();
    look(0, lease(FAR));
    expect(look(minutes(10), undefined)).toEqual([]);
    expect(look(minutes(30), undefined)).toEqual([]);
  });

  it('a host that lost its lease but is plainly there stays', () => {
    const look = watch();
    look(0, lease(FAR));
    expect(look(minutes(10), '', [seen()])).toEqual([]);
    expect(look(minutes(20), '', [seen()])).toEqual([]);
  });

  it('this box is never gone', () => {
    const look = watch();
    look(0, '', [], [HOST]);
    expect(look(days(9), '', [], [HOST])).toEqual([]);
    expect(look(days(10), '', [], [HOST])).toEqual([]);
  });
});

describe('a host that leaves loses its mappings (RFC 6970 §5.10)', () => {
  it('here, in NAT1 and at the carrier, as one change (IWF-91)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1', watchesHosts: true });
    world.hosts = { leases: lease(4_000_000_000), neighbours: [], ownAddresses: [] };
    for (const port of [5001, 5002]) await world.add(host, mappingRequest({ client: HOST, external: port, lease: 0 }));
    const other = controlPoint('192.168.1.21', 1);
    await world.add(other, mappingRequest({ client: '192.168.1.21', external: 6001, lease: 0 }));
    await world.advance(minutes(1));
    world.hosts = { leases: '', neighbours: [], ownAddresses: [] };
    world.changes.length = 0;
    await world.advance(minutes(3));
    expect([...world.table.all()].map((mapping) => mapping.externalPort)).toEqual([6001]);
    expect(world.carrier.mappings().map((mapping) => mapping.externalPort)).toEqual([6001]);
    expect(world.localNat?.rules()).toHaveLength(1);
    expect(world.changes).toHaveLength(1);
    expect(world.changes[0]).toMatchObject([{ reason: 'host gone' }, { reason: 'host gone' }]);
    expect(world.events.at(-1)).toMatchObject({
      kind: 'host gone',
      text: expect.stringContaining('its address lease ended'),
    });
  });

  it('and at once when another machine has its address: there is no moment of grace in which it would be exposed', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1', watchesHosts: true });
    world.hosts = { leases: lease(4_000_000_000), neighbours: [], ownAddresses: [] };
    await world.add(host, mappingRequest({ client: HOST, external: 5001, lease: 0 }));
    await world.advance(seconds(10));
    world.hosts = { ...world.hosts, leases: lease(4_000_000_000, '02:00:00:00:00:99') };
    await world.advance(seconds(6));
    expect(world.localNat?.rules()).toEqual([]);
    expect(world.carrier.mappings()).toEqual([]);
  });

  it('silence alone ends only what would never end by itself (Q-20)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1', watchesHosts: true });
    await world.add(host, mappingRequest({ client: HOST, external: 5001, lease: 0 }));
    await world.add(host, mappingRequest({ client: HOST, external: 5002, lease: 604_800 }));
    const somebody = { ...seen(), address: IpAddress.of('192.168.1.99') };
    world.hosts = { leases: '', neighbours: [somebody], ownAddresses: [] };
    await world.advance(days(1.1));
    expect([...world.table.all()].map((mapping) => mapping.externalPort)).toEqual([5002]);
  });
});
