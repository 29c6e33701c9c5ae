import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../src/base/ip-address.ts';
import { IpPrefix } from '../../src/base/ip-prefix.ts';
import { type PortRange, portNumber } from '../../src/base/port-number.ts';
import { instant, minutes, seconds } from '../../src/base/time.ts';
import { DEFAULT_POLICY, type Policy, type PolicyRule, policyObjection } from '../../src/interworking/policy.ts';
import { RequestRate } from '../../src/interworking/quota.ts';
import { controlPoint, GatewayWorld, mappingRequest } from '../doubles/gateway-on-the-wire.ts';

const HOST = '192.168.1.20';
const OTHER = '192.168.1.21';
const host = controlPoint(HOST, 2);
const operator = controlPoint('127.0.0.1', 1, true);
const range = (first: number, last: number): PortRange => ({ first: portNumber(first), last: portNumber(last) });
const ALL = range(0, 65_535);

function prefix(text: string): IpPrefix {
  const parsed = IpPrefix.parse(text);
  if (parsed === undefined) throw new Error(text);
  return parsed;
}

const rule = (change: Partial<PolicyRule>): PolicyRule => ({
  action: 'allow',
  client: { kind: 'anyone' },
  externalPorts: ALL,
  internalPorts: ALL,
  ...change,
});

function objection(
  rules: readonly PolicyRule[],
  words: { client?: string; mac?: string; external?: number; internal?: number },
) {
  const policy: Policy = { ...DEFAULT_POLICY, rules };
  return policyObjection(policy, {
    client: IpAddress.of(words.client ?? HOST),
    mac: words.mac,
    externalPort: portNumber(words.external ?? 8080),
    internalPort: portNumber(words.internal ?? 8080),
  });
}

describe('rules', () => {
  it('the first that matches decides; none allows', () => {
    const rules = [rule({ client: { kind: 'prefix', prefix: prefix('192.168.1.20/32') } }), rule({ action: 'deny' })];
    expect(objection(rules, {})).toBeUndefined();
    expect(objection(rules, { client: OTHER })).toBe('rule 2 denies it');
    expect(objection([], { client: OTHER })).toBeUndefined();
  });

  it('name clients by prefix or MAC, in any capitalisation', () => {
    const byPrefix = [rule({ action: 'deny', client: { kind: 'prefix', prefix: prefix('192.168.1.0/24') } })];
    expect(objection(byPrefix, {})).toBeDefined();
    expect(objection(byPrefix, { client: '192.168.2.1' })).toBeUndefined();
    const byMac = [rule({ action: 'deny', client: { kind: 'mac', mac: '02:00:00:00:00:AA' } })];
    expect(objection(byMac, { mac: '02:00:00:00:00:aa' })).toBeDefined();
    expect(objection(byMac, { mac: '02:00:00:00:00:bb' })).toBeUndefined();
    expect(objection(byMac, {})).toBeUndefined();
  });

  it('name external and internal ports', () => {
    const rules = [
      rule({ action: 'deny', externalPorts: range(6881, 6889) }),
      rule({ action: 'deny', internalPorts: range(3389, 3389) }),
    ];
    expect(objection(rules, { external: 6885 })).toBe('rule 1 denies it');
    expect(objection(rules, { internal: 3389 })).toBe('rule 2 denies it');
    expect(objection(rules, {})).toBeUndefined();
  });

  it('about some external ports wait for the port to be known', () => {
    const denySome = [rule({ action: 'deny', externalPorts: range(6881, 6889) })];
    expect(objection(denySome, { external: 0 })).toBeUndefined();
    expect(objection([rule({ action: 'deny' })], { external: 0 })).toBeDefined();
  });

  it('ports below the least are not given out (U-07)', () => {
    expect(objection([], { external: 1023 })).toContain('1024');
    expect(objection([], { internal: 80 })).toContain('1024');
    expect(objection([], { external: 0 })).toBeUndefined();
  });
});

describe('rights', () => {
  it('a control point acts for itself only, unless the operator says otherwise (RFC 6970 §6, IWF-97, IWF-98)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    const request = mappingRequest({ client: OTHER, external: 8080 });
    expect(await world.add(host, request)).toBe(606);
    expect(await world.add(controlPoint(HOST, 1), request)).toBe(718);
    world.policy = { ...world.policy, ownAddressOnly: false };
    expect(await world.add(host, request)).toBe('ok');
  });

  it('the operator may map for everybody and on every port (IWF-96)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1', policy: { maxMappings: 0, requestsPerMinute: 1 } });
    expect(await world.add(operator, mappingRequest({ client: OTHER, external: 443, lease: 0 }))).toBe('ok');
    expect(await world.add(operator, mappingRequest({ client: OTHER, external: 80, lease: 0 }))).toBe('ok');
    expect(world.mapping('TCP', 443)?.madeBy.via).toBe('operator');
  });

  it('a control point that adds again what the operator made changes nothing: 200, lease and maker stay', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    await world.add(operator, mappingRequest({ client: HOST, external: 8443, lease: 0, description: 'NAS' }));
    const before = world.mapping('TCP', 8443);
    const again = mappingRequest({ client: HOST, external: 8443, lease: 1, description: 'mine' });
    for (const asker of [host, controlPoint(HOST, 1)]) expect(await world.add(asker, again)).toBe('ok');
    expect(await world.addAny(host, again)).toBe(8443);
    expect(world.mapping('TCP', 8443)).toEqual(before);
    await world.advance(minutes(1));
    expect(world.mapping('TCP', 8443)?.description).toBe('NAS');
  });

  it('nor does it lead the operator’s port elsewhere: 718', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    await world.add(operator, mappingRequest({ client: HOST, external: 8443, lease: 0 }));
    expect(await world.add(host, mappingRequest({ client: HOST, external: 8443, internal: 22_222 }))).toBe(718);
    expect(world.mapping('TCP', 8443)?.internalPort).toBe(8443);
  });

  it.each(['a port of the server’s choice', 'this port'])(
    'what the operator made on %s no control point deletes',
    async (how) => {
      const world = await GatewayWorld.open({ nat: 'nat1' });
      const wish = mappingRequest({ client: HOST, external: 8443, lease: 0 });
      if (how === 'this port') await world.add(operator, wish);
      else await world.addAny(operator, wish);
      expect(await world.delete(host, 'TCP', 8443)).toBe(606);
      expect(await world.delete(controlPoint(HOST, 1), 'TCP', 8443)).toBe(714);
      const range = {
        protocol: 'TCP',
        ports: { first: portNumber(1), last: portNumber(65_535) },
        manage: true,
      } as const;
      expect(await world.resolve(world.closeRange(host, range))).toEqual({ ok: false, error: 606 });
      expect(await world.delete(operator, 'TCP', 8443)).toBe('ok');
    },
  );

  it('what the operator adds again is the operator’s from then on', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    const wish = mappingRequest({ client: HOST, external: 8443, lease: 600 });
    await world.add(host, wish);
    await world.add(operator, { ...wish, leaseSeconds: 0 });
    expect(await world.delete(host, 'TCP', 8443)).toBe(606);
  });

  it('what the operator is deleting may be had by a control point, which owns it then', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    await world.add(operator, mappingRequest({ client: HOST, external: 8443, lease: 0 }));
    world.wire.isSilent = true;
    expect(await world.delete(operator, 'TCP', 8443)).toBe(501);
    world.wire.isSilent = false;
    await world.advance(minutes(1));
    expect(await world.add(host, mappingRequest({ client: HOST, external: 8443 }))).toBe('ok');
    expect(await world.delete(host, 'TCP', 8443)).toBe('ok');
  });

  it.each([
    '8.8.8.8',
    '127.0.0.1',
    '169.254.169.254',
    '240.0.0.1',
    '10.9.8.7',
    '100.64.0.1',
    '192.168.1.0',
    '192.168.1.255',
  ])('nobody maps for %s, which is no host of the LAN: 600, on IGD:1 402', async (client) => {
    const world = await GatewayWorld.open({ nat: 'nat1', policy: { ownAddressOnly: false } });
    const request = mappingRequest({ client, external: 8080 });
    expect(await world.add(host, request)).toBe(600);
    expect(await world.addAny(host, request)).toBe(-600);
    expect(await world.add(controlPoint(HOST, 1), request)).toBe(402);
    expect(await world.add(operator, request)).toBe(600);
    expect(world.wire.packets).toEqual([]);
  });

  it('hosts behind another router of the house are reached where the operator names their network', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1', policy: { ownAddressOnly: false } });
    const request = mappingRequest({ client: '10.9.8.7', external: 8080 });
    world.policy = { ...world.policy, routedPrefixes: [prefix('10.9.0.0/16')] };
    expect(await world.add(host, request)).toBe('ok');
    expect(await world.add(operator, { ...request, externalPort: portNumber(8081) })).toBe('ok');
  });

  it('this box itself is nobody’s internal client but its own and the operator’s', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1', policy: { ownAddressOnly: false } });
    const request = mappingRequest({ client: '192.168.1.1', external: 8080 });
    expect(await world.add(host, request)).toBe(606);
    expect(await world.add(controlPoint('192.168.1.1', 2), request)).toBe('ok');
    expect(await world.add(operator, { ...request, externalPort: portNumber(8081) })).toBe('ok');
  });

  it('a rule by MAC is asked with what the neighbour table says', async () => {
    const world = await GatewayWorld.open({
      nat: 'nat1',
      policy: { rules: [rule({ action: 'deny', client: { kind: 'mac', mac: '02:00:00:00:00:aa' } })] },
    });
    world.macs.set(HOST, '02:00:00:00:00:aa');
    expect(await world.add(host, mappingRequest({ client: HOST, external: 8080 }))).toBe(606);
    world.macs.set(HOST, '02:00:00:00:00:bb');
    expect(await world.add(host, mappingRequest({ client: HOST, external: 8080 }))).toBe('ok');
  });

  it('every refusal is told with who and why', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    await world.add(host, mappingRequest({ client: OTHER, external: 8080 }));
    expect(world.refusals.map(({ who, no }) => `${who}: ${no.why}`)).toEqual([
      `${HOST}: ${HOST} may map for itself only`,
    ]);
  });
});

describe('caps (RFC 6970 §6)', () => {
  it('per client: 728, on IGD:1 501 (IWF-100)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1', policy: { maxMappingsPerClient: 2 } });
    for (const port of [5001, 5002])
      expect(await world.add(host, mappingRequest({ client: HOST, external: port }))).toBe('ok');
    expect(await world.add(host, mappingRequest({ client: HOST, external: 5003 }))).toBe(728);
    expect(await world.add(controlPoint(HOST, 1), mappingRequest({ client: HOST, external: 5003 }))).toBe(501);
    expect(await world.addAny(host, mappingRequest({ client: HOST, external: 5003 }))).toBe(-728);
    expect(await world.add(host, mappingRequest({ client: HOST, external: 5002 }))).toBe('ok');
    const other = controlPoint(OTHER, 2);
    expect(await world.add(other, mappingRequest({ client: OTHER, external: 6001 }))).toBe('ok');
  });

  it('in all (IWF-100)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1', policy: { maxMappings: 1 } });
    expect(await world.add(host, mappingRequest({ client: HOST, external: 5001 }))).toBe('ok');
    const other = controlPoint(OTHER, 2);
    expect(await world.add(other, mappingRequest({ client: OTHER, external: 6001 }))).toBe(728);
  });

  it('count what is still being asked for (IWF-100)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1', policy: { maxMappingsPerClient: 5 } });
    const answers = Array.from({ length: 20 }, (_, index) =>
      world.openExactly(host, mappingRequest({ client: HOST, external: 5001 + index })),
    );
    const granted = (await world.resolve(Promise.all(answers))).filter((answer) => answer.ok);
    expect(granted).toHaveLength(5);
    expect(world.wire.maps).toHaveLength(5);
  });

  it('one machine with many addresses is one host, also after its addresses have gone from sight', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1', policy: { maxMappingsPerClient: 4 } });
    let granted = 0;
    for (let alias = 1; alias <= 9; alias += 1) {
      const address = `192.168.1.${100 + alias}`;
      world.macs = new Map([[address, '02:00:00:00:00:AA']]);
      const asker = controlPoint(address, 2);
      for (let port = 0; port < 3; port += 1)
        if ((await world.add(asker, mappingRequest({ client: address, external: 5000 + alias * 10 + port }))) === 'ok')
          granted += 1;
    }
    expect(granted).toBe(4);
    world.macs.set(OTHER, '02:00:00:00:00:bb');
    expect(await world.add(controlPoint(OTHER, 2), mappingRequest({ client: OTHER, external: 7001 }))).toBe('ok');
  });

  it('count by machine what is still being asked for, too', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1', policy: { maxMappingsPerClient: 5 } });
    const aliases = Array.from({ length: 20 }, (_, index) => `192.168.1.${101 + index}`);
    world.macs = new Map(aliases.map((address) => [address, '02:00:00:00:00:aa']));
    const answers = aliases.map((address, index) =>
      world.openExactly(controlPoint(address, 2), mappingRequest({ client: address, external: 5001 + index })),
    );
    expect((await world.resolve(Promise.all(answers))).filter((answer) => answer.ok)).toHaveLength(5);
  });

  it('an eighth of all mappings is for hosts that hold fewer than four', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1', policy: { maxMappings: 16, maxMappingsPerClient: 16 } });
    let granted = 0;
    for (let port = 5001; port <= 5020; port += 1)
      if ((await world.add(host, mappingRequest({ client: HOST, external: port }))) === 'ok') granted += 1;
    expect(granted).toBe(14);
    const other = controlPoint(OTHER, 2);
    for (const port of [6001, 6002])
      expect(await world.add(other, mappingRequest({ client: OTHER, external: port }))).toBe('ok');
    expect(await world.add(other, mappingRequest({ client: OTHER, external: 6003 }))).toBe(728);
  });

  it('the last ones under way count, too: the table is never fuller than it may be', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1', policy: { maxMappings: 5 } });
    const answers = Array.from({ length: 20 }, (_, index) => {
      const address = `192.168.1.${101 + index}`;
      return world.openExactly(controlPoint(address, 2), mappingRequest({ client: address, external: 5001 + index }));
    });
    expect((await world.resolve(Promise.all(answers))).filter((answer) => answer.ok)).toHaveLength(5);
    expect(world.wire.maps).toHaveLength(5);
  });

  it('the rate is one for all addresses of a machine', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1', policy: { requestsPerMinute: 10 } });
    let granted = 0;
    for (let alias = 1; alias <= 20; alias += 1) {
      const address = `192.168.1.${100 + alias}`;
      world.macs.set(address, '02:00:00:00:00:aa');
      if (
        (await world.add(controlPoint(address, 2), mappingRequest({ client: address, external: 5000 + alias }))) ===
        'ok'
      )
        granted += 1;
    }
    expect(granted).toBe(10);
  });

  it('on the rate of requests: the next minute is another one (IWF-100)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1', policy: { requestsPerMinute: 10 } });
    const ask = () => world.add(host, mappingRequest({ client: HOST, external: 5001 }));
    for (let request = 0; request < 10; request += 1) expect(await ask()).toBe('ok');
    expect(await ask()).toBe(728);
    expect(await world.add(controlPoint(HOST, 1), mappingRequest({ client: HOST, external: 5001 }))).toBe(501);
    const other = controlPoint(OTHER, 2);
    expect(await world.add(other, mappingRequest({ client: OTHER, external: 6001 }))).toBe('ok');
    await world.advance(minutes(1));
    expect(await ask()).toBe('ok');
  });

  it('asking for lists is not counted (IWF-100)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1', policy: { requestsPerMinute: 1 } });
    await world.add(host, mappingRequest({ client: HOST, external: 5001 }));
    for (let index = 0; index < 50; index += 1)
      expect(await world.specific(host, 'TCP', 5001)).toMatchObject({ ok: true });
  });
});

describe('RequestRate', () => {
  it('refills evenly and never beyond a minute’s worth', () => {
    const rate = new RequestRate();
    const asker = HOST;
    const admitted = (at: number, tries: number) =>
      Array.from({ length: tries }, () => rate.admit(asker, 60, instant(at))).filter(Boolean).length;
    expect(admitted(0, 100)).toBe(60);
    expect(admitted(seconds(10), 100)).toBe(10);
    expect(admitted(minutes(60), 100)).toBe(60);
    expect(Array.from({ length: 1000 }, () => rate.admit(asker, 0, instant(0))).every(Boolean)).toBe(true);
  });

  it('remembers a bounded number of askers', () => {
    const rate = new RequestRate();
    for (let number = 0; number < 5000; number += 1) rate.admit(`10.1.${number >> 8}.${number & 255}`, 1, instant(0));
    // The first has been forgotten and starts afresh; the last is still known.
    expect(rate.admit('10.1.19.135', 1, instant(0))).toBe(false);
    expect(rate.admit('10.1.0.0', 1, instant(0))).toBe(true);
  });
});

describe('rules that were read again', () => {
  it('close nothing of a host that sleeps, where only its MAC can tell what it may', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    const mac = '02:00:00:00:00:aa';
    world.macs.set(HOST, mac);
    world.policy = { ...world.policy, rules: [rule({ client: { kind: 'mac', mac } }), rule({ action: 'deny' })] };
    expect(await world.add(host, mappingRequest({ client: HOST, external: 5001 }))).toBe('ok');
    world.macs.clear();
    world.gateway.policyChanged();
    expect(world.table.size).toBe(1);
    world.macs.set(HOST, '02:00:00:00:00:bb');
    world.gateway.policyChanged();
    expect(world.table.size).toBe(0);
  });

  it('close what they do not allow any more, here and at the server, and leave the rest (RFC 6970 §6)', async () => {
    const world = await GatewayWorld.open({ nat: 'nat1' });
    for (const external of [5001, 5002])
      expect(await world.add(host, mappingRequest({ client: HOST, external }))).toBe('ok');
    world.policy = { ...world.policy, rules: [rule({ action: 'deny', externalPorts: range(5001, 5001) })] };
    world.gateway.policyChanged();
    await world.advance(seconds(1));
    expect([...world.table.all()].map(({ externalPort }) => externalPort)).toEqual([5002]);
    expect(world.carrier.mappings().map(({ externalPort }) => externalPort)).toEqual([5002]);
    expect(world.localNat?.rules()).toHaveLength(1);
    expect(world.events.at(-1)?.text).toContain('the rules do not allow it any more');
  });
});
