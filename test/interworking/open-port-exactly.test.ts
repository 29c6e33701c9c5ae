import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../src/base/ip-address.ts';
import { milliseconds, minutes, seconds } from '../../src/base/time.ts';
import type { Asker } from '../../src/interworking/gateway.ts';
import { LONGEST_LIFETIME_SECONDS } from '../../src/pcp/asking/map-request.ts';
import { OPTION_CODE } from '../../src/pcp/wire/option.ts';
import { controlPoint, GatewayWorld, mappingRequest } from '../doubles/gateway-on-the-wire.ts';

const HOST = '192.168.1.20';
const OTHER = '192.168.1.21';
const host1 = controlPoint(HOST, 1);
const host2 = controlPoint(HOST, 2);
const other1 = controlPoint(OTHER, 1);
const other2 = controlPoint(OTHER, 2);
/** CANNOT_PROVIDE_EXTERNAL, over in five seconds. */
const SHORT_CONFLICT = { code: 11, lifetimeSeconds: 5 };
const web = mappingRequest({ client: HOST, external: 8080 });

describe('AddPortMapping without a NAT of our own', () => {
  it('passes the values through and names the LAN host as THIRD_PARTY (RFC 6970 §5.4, IWF-48, IWF-12, IWF-62)', async () => {
    const world = await GatewayWorld.open({ nat: 'none' });
    expect(await world.add(host1, mappingRequest({ client: HOST, external: 8080, internal: 9090 }))).toBe('ok');
    expect(world.wire.maps).toMatchObject([
      { protocol: 'TCP', internalPort: 9090, suggestedPort: 8080, thirdParty: IpAddress.of(HOST) },
    ]);
  });

  it('demands the exact port with PREFER_FAILURE (RFC 6970 §5.6.2, IWF-18, IWF-63, IWF-09, IWF-10)', async () => {
    const world = await GatewayWorld.open({ nat: 'none' });
    await world.add(host1, web);
    expect(world.wire.maps).toMatchObject([{ exactPort: true, suggestedPort: 8080, internalPort: 8080 }]);
  });

  it('stores what the server granted, not what was asked (RFC 6970 §5.3, §5.6.2, IWF-44, IWF-46, IWF-67)', async () => {
    const world = await GatewayWorld.open({ nat: 'none' });
    world.carrier.becomes({ longestLifetime: seconds(600) });
    await world.add(host1, web);
    const mapping = world.mapping('TCP', 8080);
    expect(mapping?.upstream.assignedAddress.text).toBe('198.51.100.7');
    expect(mapping?.upstream.expiresAt).toBe(world.clock.now() + 600_000 - 0);
    expect(mapping?.upstream.nonce).toBe(world.carrier.mappingAt(8080, 'TCP')?.nonce);
  });

  it('sends no THIRD_PARTY unless the network is trusted (RFC 6970 §6, IWF-99)', async () => {
    const world = await GatewayWorld.open({ nat: 'none', options: { isTrustedNetwork: false } });
    expect(await world.add(host1, web)).toBe(501);
    expect(world.wire.packets).toEqual([]);
  });

  it('is 501 where the upstream protocol cannot name another host (RFC 6886, IWF-12)', async () => {
    const world = await GatewayWorld.open({ nat: 'none' });
    world.carrier.behaves({ speaks: 'NAT-PMP' });
    expect(await world.add(host1, web)).toBe(501);
    expect(world.pcp.canNameThirdParty()).toBe(false);
    world.wire.takePackets();
    expect(await world.add(host1, web)).toBe(501);
    expect(world.wire.packets).toEqual([]);
    expect(world.carrier.allMappings()).toEqual([]);
  });

  it('leaves THIRD_PARTY out when the client is this very box (RFC 6887 §13.1, P-11)', async () => {
    const world = await GatewayWorld.open({ nat: 'none', options: { isTrustedNetwork: false } });
    const box = controlPoint('192.0.2.2', 1);
    expect(await world.add(box, mappingRequest({ client: '192.0.2.2', external: 8080 }))).toBe('ok');
    expect(world.wire.maps[0]?.thirdParty).toBeUndefined();
  });

  it('refuses a second external port for the same service without asking (Q-04)', async () => {
    const world = await GatewayWorld.open({ nat: 'none' });
    await world.add(host1, web);
    world.wire.takePackets();
    expect(await world.add(host1, mappingRequest({ client: HOST, external: 8081, internal: 8080 }))).toBe(718);
    expect(world.wire.packets).toEqual([]);
  });

  it('deletes and makes anew when the internal port changes (Q-19)', async () => {
    const world = await GatewayWorld.open({ nat: 'none' });
    await world.add(host1, web);
    world.wire.takePackets();
    expect(await world.add(host1, mappingRequest({ client: HOST, external: 8080, internal: 9090 }))).toBe('ok');
    expect(world.wire.packets.map((packet) => packet.kind)).toEqual(['release', 'map']);
    expect(world.table.size).toBe(1);
    expect(world.mapping('TCP', 8080)?.internalPort).toBe(9090);
    expect(world.carrier.mappings()).toMatchObject([{ internalPort: 9090, externalPort: 8080 }]);
  });

  it('puts the old internal port back when the new one is refused (Q-19)', async () => {
    const world = await GatewayWorld.open({ nat: 'none' });
    await world.add(host1, web);
    const nonce = world.mapping('TCP', 8080)?.upstream.nonce;
    world.carrier.refusesNext({ code: 11, lifetimeSeconds: 600 });
    expect(await world.add(host1, mappingRequest({ client: HOST, external: 8080, internal: 9090 }))).toBe(718);
    await world.advance(minutes(1));
    expect(world.mapping('TCP', 8080)).toMatchObject({ internalPort: 8080, state: 'granted' });
    expect(world.carrier.mappings()).toMatchObject([{ internalPort: 8080, externalPort: 8080, nonce }]);
  });
});

describe('AddPortMapping with a NAT of our own', () => {
  it('maps a NAT1 port of this box and has the rule in place first (RFC 6970 §5.5, IWF-49, IWF-50, IWF-51)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    expect(await world.add(host1, mappingRequest({ client: HOST, external: 40080, internal: 8080 }))).toBe('ok');
    const nat1Port = world.mapping('TCP', 40080)?.nat1Port;
    expect(world.wire.maps).toMatchObject([{ internalPort: nat1Port, thirdParty: undefined, suggestedPort: 40080 }]);
    expect(world.localNat?.rules()).toMatchObject([
      { rule: { nat1Port, internalPort: 8080, internalClient: IpAddress.of(HOST), externalPort: 40080 } },
    ]);
  });

  it('restores the values of the control point on the way back (RFC 6970 §5.5, IWF-52)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    await world.add(host1, mappingRequest({ client: HOST, external: 40080, internal: 8080 }));
    const entry = world.entryAt(host1, 0);
    expect(entry).toMatchObject({ ok: true, value: { externalPort: 40080, internalPort: 8080 } });
  });

  it('rolls NAT1 back when the server refuses (RFC 6970 §5.5, IWF-52)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    world.carrier.givesAway(8080);
    expect(await world.add(host1, web)).toBe(718);
    expect(world.localNat?.rules()).toEqual([]);
    expect(world.localNat?.reserveExactly('TCP', web.externalPort)).toBe(true);
  });

  it('is 501 in time when the kernel takes no rule, as with an nft that was stopped; the carrier gets its port back', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1', options: { answerWithin: seconds(4) } });
    world.localNat?.stop();
    const start = world.clock.now();
    expect(await world.add(host1, web)).toBe(501);
    expect(world.clock.now() - start).toBeLessThanOrEqual(4000);
    await world.advance(seconds(5));
    expect([world.table.size, world.carrier.mappings().length]).toEqual([0, 0]);
  });

  it('is 501 in time when a rule is to lead to another internal port; the entry stays as it was', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    expect(await world.add(host1, web)).toBe('ok');
    world.localNat?.stop();
    expect(await world.add(host1, mappingRequest({ client: HOST, external: 8080, internal: 9090 }))).toBe(501);
    expect(world.mapping('TCP', 8080)?.internalPort).toBe(8080);
  });

  it('is 501 before anything is asked where nobody could get in, or for an IPv6 host, which needs no NAT', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1', policy: { ownAddressOnly: false } });
    expect(await world.add(host1, mappingRequest({ client: '2001:db8::20', external: 8080 }))).toBe(501);
    if (world.localNat !== undefined) world.localNat.inTheWay = 'the external interface wan has no IPv4 address';
    expect(await world.add(host1, web)).toBe(501);
    expect(world.refusals.at(-1)?.no.why).toBe('the external interface wan has no IPv4 address');
    expect(world.gateway.known.connection().status).toBe('Disconnected');
    expect(world.wire.packets).toEqual([]);
  });

  it('takes the mapping back when NAT1 cannot be set', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    world.localNat?.failWith('no such table');
    expect(await world.add(host1, web)).toBe(501);
    await world.advance(seconds(1));
    expect(world.carrier.mappings()).toEqual([]);
    expect(world.table.size).toBe(0);
  });

  it('keeps NAT1 for exactly what was granted, never less (RFC 6970 §5.5, IWF-53, IWF-54)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    world.carrier.becomes({ longestLifetime: seconds(600) });
    await world.add(host1, web);
    const [held] = world.localNat?.rules() ?? [];
    expect(held?.validUntil).toBe(world.mapping('TCP', 8080)?.upstream.expiresAt);
    expect(held?.validUntil).toBeGreaterThanOrEqual(world.carrier.mappingAt(8080, 'TCP')?.expiresAt ?? Number.NaN);
  });

  it('gives one service two external ports, each with its own NAT1 port (Q-04)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    expect(await world.add(host1, web)).toBe('ok');
    expect(await world.add(host1, mappingRequest({ client: HOST, external: 8081, internal: 8080 }))).toBe('ok');
    const ports = world.localNat?.rules().map((held) => held.rule.nat1Port);
    expect(new Set(ports).size).toBe(2);
    expect(world.carrier.mappings()).toHaveLength(2);
  });

  it('retargets NAT1 alone when the internal port changes (Q-19)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    await world.add(host1, web);
    world.wire.takePackets();
    expect(await world.add(host1, mappingRequest({ client: HOST, external: 8080, internal: 9090 }))).toBe('ok');
    expect(world.wire.packets).toEqual([]);
    expect(world.localNat?.rules()).toMatchObject([{ rule: { internalPort: 9090 } }]);
    expect(world.mapping('TCP', 8080)?.internalPort).toBe(9090);
  });
});

describe('what is wrong with a request', () => {
  const cases: readonly [string, Partial<Parameters<typeof mappingRequest>[0]>, number, number][] = [
    ['a wildcard client is 715 (U-08, U-09)', { client: '0.0.0.0' }, 715, 715],
    ['the broadcast address is 501 (U-16)', { client: '255.255.255.255' }, 501, 501],
    ['external port 0 is 716 (U-08, U-09)', { external: 0, internal: 8080 }, 716, 716],
    ['internal port 0 is 732, unknown to IGD:1 (U-08, U-09)', { internal: 0 }, 402, 732],
    ['a port of PCP itself is 718 (U-17)', { protocol: 'UDP', external: 5351 }, 718, 718],
    ['a low external port is not given out (U-07, IWF-96)', { external: 80, internal: 8080 }, 718, 606],
    ['a low internal port is not opened (U-07, IWF-96)', { internal: 22 }, 718, 606],
    ['another host is not acted for (5.3-18, RFC 6970 §6, IWF-97, IWF-98)', { client: OTHER }, 718, 606],
    ['a port of this box is 729, on IGD:1 718 (U-17)', { external: 7547 }, 718, 729],
  ];
  it.each(cases)('%s', async (_name, words, igd1, igd2) => {
    const world = await GatewayWorld.open({
      nat: 'nat1',
      policy: {
        reservedPorts: [
          {
            first: mappingRequest({ client: HOST, external: 7547 }).externalPort,
            last: mappingRequest({ client: HOST, external: 7547 }).externalPort,
          },
        ],
      },
    });
    const request = mappingRequest({ client: HOST, external: 8080, ...words });
    expect(await world.add(host1, request)).toBe(igd1);
    expect(await world.add(host2, request)).toBe(igd2);
    expect(world.wire.packets).toEqual([]);
    expect(world.events).toEqual([]);
    expect(world.refusals.every((refusal) => refusal.no.why !== '')).toBe(true);
  });
});

describe('who has the port already', () => {
  it('another client is 718 without a packet (U-03)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    await world.add(host1, web);
    world.wire.takePackets();
    expect(await world.add(other1, mappingRequest({ client: OTHER, external: 8080 }))).toBe(718);
    expect(await world.add(other2, mappingRequest({ client: OTHER, external: 8080 }))).toBe(718);
    expect(world.wire.packets).toEqual([]);
  });

  it('another remote host of the same client is 718: one mapping per external port (U-03)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    await world.add(host1, web);
    expect(await world.add(host1, mappingRequest({ client: HOST, external: 8080, remoteHost: '203.0.113.9' }))).toBe(
      718,
    );
  });

  it('the same client overwrites its entry: lease and description start again (U-03)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    await world.add(host1, web);
    await world.advance(minutes(20));
    expect(
      await world.add(host1, mappingRequest({ client: HOST, external: 8080, description: 'chess', lease: 7200 })),
    ).toBe('ok');
    expect(world.entryAt(host1, 0)).toMatchObject({
      value: { description: 'chess', leaseSeconds: 7200 },
    });
    expect(world.table.size).toBe(1);
  });

  it('adding again what has plenty of life left costs no packet (IWF-46)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    await world.add(host1, web);
    world.wire.takePackets();
    await world.advance(minutes(10));
    expect(await world.add(host1, web)).toBe('ok');
    expect(world.wire.packets).toEqual([]);
  });

  it('adding again what is about to end renews it under the same nonce (RFC 6887 §11.1, IWF-38)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    world.carrier.becomes({ longestLifetime: seconds(120) });
    await world.add(host1, web);
    await world.advance(seconds(30));
    expect(await world.add(host1, web)).toBe('ok');
    const [first, second] = world.wire.maps;
    expect(second?.nonce).toBe(first?.nonce);
  });
});

describe('remote hosts and descriptions', () => {
  it('a remote host becomes a FILTER of its addresses (RFC 6970 §4.1, IWF-08, U-06, Q-22)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    await world.add(host1, mappingRequest({ client: HOST, external: 8080, remoteHost: '203.0.113.9' }));
    expect(world.wire.maps[0]?.remotePeers.map((peer) => peer.text)).toEqual(['203.0.113.9']);
    expect(world.localNat?.rules()[0]?.rule.remotePeers.map((peer) => peer.text)).toEqual(['203.0.113.9']);
  });

  it('nobody in particular means no FILTER (IWF-08)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    await world.add(host1, web);
    expect(world.wire.maps[0]?.remotePeers).toEqual([]);
  });

  it('sends the description only where the operator wants that (RFC 7220, IWF-13)', async () => {
    const quiet = await GatewayWorld.open({ nat: 'nat1' });
    await quiet.add(host1, web);
    expect(quiet.wire.maps[0]).not.toHaveProperty('description');
    const open = await GatewayWorld.open({ nat: 'nat1', options: { sendsDescriptions: true } });
    await open.add(host1, web);
    expect(open.wire.maps[0]?.description).toBe('game');
  });

  it('tells the server of a new description where it knows the old one (RFC 7220 §3, IWF-13)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1', options: { sendsDescriptions: true } });
    await world.add(host1, web);
    await world.add(host1, mappingRequest({ client: HOST, external: 8080, description: 'chess' }));
    // The second is filled up to four octets with blanks: some servers refuse options that need padding.
    expect(world.wire.maps.map((request) => request.description)).toEqual(['game', 'chess   ']);
    expect(world.carrier.mappingAt(8080)?.description?.trimEnd()).toBe('chess');
  });
});

describe('leases on the wire', () => {
  it.each([
    [
      'IGD:1 lease 0 asks for 2^32 - 1 s, and never for 0 (5.3-06, RFC 6970 §5.9, IWF-05, IWF-84, Q-01, Q-02)',
      1,
      0,
      LONGEST_LIFETIME_SECONDS,
    ],
    ['IGD:2 lease 0 asks for a week (IWF-05, U-01, Q-02)', 2, 0, 604_800],
    ['IGD:2 leases beyond a week are clamped (U-01, Q-02)', 2, 900_000, 604_800],
    ['a finite lease is asked for as it is (RFC 6970 §5.9, IWF-85)', 1, 1800, 1800],
  ] as const)('%s', async (_name, igd, lease, lifetimeSeconds) => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    await world.add(controlPoint(HOST, igd), mappingRequest({ client: HOST, external: 8080, lease }));
    expect(world.wire.maps).toMatchObject([{ lifetimeSeconds }]);
  });
});

describe('time', () => {
  it('a silent server is 501 within the budget (RFC 6970 §5.1, IWF-41, IWF-56, IWF-64, Q-12)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    world.wire.isSilent = true;
    const start = world.clock.now();
    expect(await world.add(host1, web)).toBe(501);
    expect(world.clock.now() - start).toBeLessThanOrEqual(4000);
    expect(world.table.size).toBe(0);
    expect(world.localNat?.reserveExactly('TCP', web.externalPort)).toBe(true);
  });

  it('a server known to be down is asked once more, for a second; who comes next hears 501 at once (RFC 6970 §5.1, IWF-41, Q-12)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    await world.carrierFallsSilent();
    const start = world.clock.now();
    expect(await world.add(host1, web)).toBe(501);
    expect(world.clock.now() - start).toBeLessThanOrEqual(1000);
    const next = world.clock.now();
    expect(await world.add(other1, mappingRequest({ client: OTHER, external: 9090 }))).toBe(501);
    expect(world.clock.now()).toBeGreaterThan(start);
    expect(world.clock.now() - next).toBe(0);
    expect(world.wire.packets).toEqual([]);
  });

  it('sends nothing while there is no server to ask (RFC 6970 §5.1, IWF-39, IWF-40)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    await world.routeLeadsTo(undefined);
    expect(await world.add(host1, web)).toBe(501);
    expect(world.wire.packets).toEqual([]);
  });

  it('a late success is deleted again, and the next attempt has the same nonce (Q-12, IWF-42)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    world.wire.answersToLose = 2;
    expect(await world.add(host1, web)).toBe(501);
    await world.advance(seconds(1));
    expect(world.carrier.mappings()).toEqual([]);
    expect(await world.add(host1, web)).toBe('ok');
    expect(new Set(world.wire.maps.map((request) => request.nonce)).size).toBe(1);
  });

  it('a waiting control point does not hold up others (RFC 6970 §5.6.2, Q-11)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1', options: { resendsAfterShortConflict: 2 } });
    world.carrier.refusesNext(SHORT_CONFLICT);
    const waiting = world.openExactly(host1, web);
    await world.advance(seconds(1));
    world.carrier.givesAway(8080);
    const start = world.clock.now();
    expect(await world.add(other1, mappingRequest({ client: OTHER, external: 9090 }))).toBe('ok');
    // Not even on the port that is being waited for.
    expect(await world.delete(other1, 'TCP', 8080)).toBe(714);
    expect(world.clock.now() - start).toBeLessThan(1000);
    expect(await world.resolve(waiting)).toMatchObject({ ok: false, error: 718 });
  });

  it('requests for one port are answered one after the other (IWF-44)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    const first = world.openExactly(host1, web);
    const second = world.openExactly(other1, mappingRequest({ client: OTHER, external: 8080 }));
    expect(await world.resolve(first)).toMatchObject({ ok: true });
    expect(await world.resolve(second)).toMatchObject({ ok: false, error: 718 });
    expect(world.wire.maps).toHaveLength(1);
  });
});

describe('conflicts', () => {
  it('a long conflict is 718 at once (RFC 6970 §5.6.2, IWF-66, Q-18)', async () => {
    for (const lifetime of [600, 0]) {
      const world = await GatewayWorld.open({ nat: 'nat1', options: { resendsAfterShortConflict: 2 } });
      world.carrier.behaves({ refuseWith: { code: 11, lifetimeSeconds: lifetime } });
      const start = world.clock.now();
      expect(await world.add(host1, web)).toBe(718);
      expect(world.clock.now() - start).toBeLessThan(1000);
    }
  });

  it('retries on the same port cost one packet (RFC 6970 §5.6.2, IWF-66)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    world.carrier.givesAway(8080);
    for (let attempt = 0; attempt < 5; attempt += 1) expect(await world.add(host1, web)).toBe(718);
    expect(world.wire.packets).toHaveLength(1);
  });

  it('a short conflict is asked again after 30 s, twice, then 718, where that is wanted (RFC 6970 §5.6.2, IWF-65)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1', options: { resendsAfterShortConflict: 2 } });
    world.carrier.behaves({ refuseWith: SHORT_CONFLICT });
    const start = world.clock.now();
    expect(await world.add(host1, web)).toBe(718);
    const times = world.wire.packets.map((packet) => Math.round((packet.at - start) / 1000));
    expect(times).toEqual([0, 30, 60]);
  });

  it('does not ask again unless told to (Q-11)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    world.carrier.behaves({ refuseWith: SHORT_CONFLICT });
    const start = world.clock.now();
    expect(await world.add(host1, web)).toBe(718);
    expect(world.clock.now() - start).toBeLessThan(1000);
  });

  it('stops asking when the control point hangs up (Q-11)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1', options: { resendsAfterShortConflict: 2 } });
    world.carrier.behaves({ refuseWith: SHORT_CONFLICT });
    const connection = new AbortController();
    const asker: Asker = { ...host1, hungUp: connection.signal };
    const answer = world.openExactly(asker, web);
    await world.advance(seconds(10));
    connection.abort();
    expect(await world.resolve(answer)).toMatchObject({ ok: false, error: 718 });
    await world.advance(minutes(5));
    expect(world.wire.packets).toHaveLength(1);
  });
});

describe('servers without PREFER_FAILURE', () => {
  it('is 501 by default: the action cannot be done without it (RFC 6970 §4.3, IWF-28, Q-07)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    world.carrier.behaves({ missingOptions: new Set([OPTION_CODE.preferFailure]) });
    expect(await world.add(host1, web)).toBe(501);
  });

  it('is emulated on request: another port is given back, and 718 (Q-07)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1', emulatesPreferFailure: true });
    world.carrier.behaves({ missingOptions: new Set([OPTION_CODE.preferFailure]) });
    expect(await world.add(host1, web)).toBe('ok');
    world.carrier.givesAway(9090);
    expect(await world.add(host1, mappingRequest({ client: HOST, external: 9090 }))).toBe(718);
    await world.advance(seconds(1));
    expect(world.carrier.mappings().map((mapping) => mapping.externalPort)).toEqual([8080]);
  });

  it('renews with the emulation too (Q-07)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1', emulatesPreferFailure: true });
    world.carrier.behaves({ missingOptions: new Set([OPTION_CODE.preferFailure]) });
    world.carrier.becomes({ longestLifetime: seconds(600) });
    await world.add(host1, web);
    await world.advance(minutes(50));
    expect(world.mapping('TCP', 8080)?.state).toBe('granted');
    expect(world.carrier.mappings()).toHaveLength(1);
  });
});

describe('servers without FILTER', () => {
  it('with NAT1, NAT1 keeps strangers out instead (Q-07)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    world.carrier.behaves({ missingOptions: new Set([OPTION_CODE.filter]) });
    const request = mappingRequest({ client: HOST, external: 8080, remoteHost: '203.0.113.9' });
    expect(await world.add(host1, request)).toBe('ok');
    expect(world.wire.maps.map((map) => map.remotePeers.length)).toEqual([1, 0]);
    expect(world.localNat?.rules()[0]?.rule.remotePeers.map(String)).toEqual(['203.0.113.9']);
  });

  it('known from before, not even asked for it (Q-07)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    world.carrier.behaves({ missingOptions: new Set([OPTION_CODE.filter]) });
    expect(await world.add(host1, mappingRequest({ client: HOST, external: 7070, remoteHost: '203.0.113.9' }))).toBe(
      'ok',
    );
    world.wire.takePackets();
    const request = mappingRequest({ client: HOST, external: 8080, remoteHost: '203.0.113.9' });
    expect(await world.add(host1, request)).toBe('ok');
    expect(world.wire.maps.map((map) => map.remotePeers.length)).toEqual([0]);
  });

  it('without NAT1 the mapping is refused: it would let everybody in (Q-07)', async () => {
    const world = await GatewayWorld.open({ nat: 'none' });
    world.carrier.behaves({ missingOptions: new Set([OPTION_CODE.filter]) });
    expect(await world.add(host1, mappingRequest({ client: HOST, external: 8080, remoteHost: '203.0.113.9' }))).toBe(
      501,
    );
  });
});

describe('the disk', () => {
  it('has the mapping before the control point hears of it (IWF-45)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    await world.add(host1, web);
    expect(world.files.textOf('/state/mappings.journal')).toContain('"externalPort":8080');
  });

  it('keeps 128 octets of a User-Agent, whole characters only', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    const asker = { ...host2, name: `a${'é'.repeat(3500)}` };
    await world.add(asker, mappingRequest({ client: HOST, external: 8080 }));
    await world.addAny(asker, mappingRequest({ client: HOST, external: 8081 }));
    for (const port of [8080, 8081]) expect(world.mapping('TCP', port)?.madeBy.name).toBe(`a${'é'.repeat(63)}`);
  });

  it('knows after a restart what the operator made', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    await world.addAny(controlPoint('127.0.0.1', 2, true), mappingRequest({ client: HOST, external: 8080, lease: 0 }));
    const next = await world.restart();
    expect(await next.delete(host2, 'TCP', 8080)).toBe(606);
  });

  it('a port that the disk refuses is not promised: 501, closed again, and said why (IWF-45)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    world.files.failWith('full');
    expect(await world.add(host1, web)).toBe(501);
    await world.advance(milliseconds(100));
    expect(world.table.size).toBe(0);
    expect(world.carrier.mappings()).toEqual([]);
    expect(world.logged.some((line) => line.level === 'error')).toBe(true);
    expect(world.refusals.at(-1)?.no.why).toMatch(/could not be kept: .*full/);
    // From then on the server is not even asked.
    world.wire.takePackets();
    expect(await world.add(host1, web)).toBe(501);
    expect(world.wire.takePackets()).toEqual([]);
    world.files.failWith(undefined);
    await world.advance(seconds(5));
    expect(await world.add(host1, web)).toBe('ok');
    const after = await world.restart();
    expect(after.table.size).toBe(1);
  });

  it('an entry that is added again while the disk is full stays as it was on the disk (IWF-45)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    expect(await world.add(host1, web)).toBe('ok');
    world.files.failWith('full');
    expect(await world.add(host1, { ...web, description: 'another word' })).toBe(501);
    const after = await world.restart();
    expect(after.table.size).toBe(1);
  });
});
