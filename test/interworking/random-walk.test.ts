// Many control points, faults and restarts of either side in random order. After every step table, NAT1, server and
// what control points were told must agree, as far as anybody could know by then.

import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../src/base/ip-address.ts';
import { type PortNumber, portNumber } from '../../src/base/port-number.ts';
import { after, days, hours, minutes, seconds } from '../../src/base/time.ts';
import type { TransportProtocol } from '../../src/base/transport-protocol.ts';
import { ADDRESS_PROBE_PORT } from '../../src/interworking/external-address.ts';
import type { Asker } from '../../src/interworking/gateway.ts';
import { type Mapping, type MappingChanges, mappingKeyText } from '../../src/mapping/mapping.ts';
import type { ServerMapping } from '../doubles/fake-pcp-server.ts';
import { controlPoint, GatewayWorld, mappingRequest, type WorldSettings } from '../doubles/gateway-world.ts';
import { seededRandom } from '../doubles/seeded-random.ts';
import { settle } from '../doubles/virtual-clock.ts';

const HOSTS = ['192.168.1.10', '192.168.1.11', '192.168.1.12', '192.168.1.13', '192.168.1.14'];
const LEASES = [0, 60, 600, 3600, 86_400];

interface Told {
  readonly client: string;
  readonly key: string;
}

class Walk {
  world: GatewayWorld;
  readonly #unit: () => number;
  /** Mappings control points were told they have, until they end in a way they could know of. */
  readonly #told = new Map<string, Told>();
  /** Mappings at the server whose making was cut off by a kill: nobody can know of them. */
  readonly #orphans = new Set<ServerMapping>();
  #serverForgot = false;
  steps = 0;
  answers = 0;

  private constructor(world: GatewayWorld, seed: number) {
    this.world = world;
    this.#unit = seededRandom(seed).unit;
    // Once for all: a server that shortens a grant whose answer is lost has a secret nobody can know.
    world.server.maxLifetime = this.#pick([120, 600, 7200]);
    this.#watch(world);
  }

  static async open(settings: WorldSettings, seed: number): Promise<Walk> {
    return new Walk(await GatewayWorld.open({ ...settings, seed }), seed);
  }

  async step(): Promise<void> {
    this.steps += 1;
    const dice = this.#unit();
    if (dice < 0.55) this.#ask();
    else if (dice < 0.72) this.#fault();
    else if (dice < 0.74) await this.#restart();
    else if (dice < 0.95) await this.world.advance(seconds(this.#unit() * 8));
    else await this.world.advance(seconds(this.#unit() * 2000));
    // What the request did at once is done; what it waits for stays open.
    await settle();
    this.#checkAlways();
  }

  /** Everybody is reachable again; what nobody could know before is known after a while. */
  async calmDown(): Promise<void> {
    const { pcp, server } = this.world;
    pcp.isSilent = false;
    pcp.answersToLose = 0;
    server.refuseAll = undefined;
    server.refuseNext.length = 0;
    server.foreign.clear();
    pcp.setHealth(false);
    // One exchange lets the client notice a loss of state; then the recovery, its repetitions and late deletes.
    await this.world.resolve(pcp.release(NOBODY, after(this.world.clock.now(), minutes(1))));
    await this.world.advance(minutes(70));
    this.#serverForgot = false;
    this.#checkAlways();
    this.#checkCalm();
    pcp.takePackets();
  }

  #pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.#unit() * items.length)] as T;
  }

  #asker(): Asker {
    return controlPoint(this.#pick(HOSTS), this.#unit() < 0.5 ? 1 : 2);
  }

  #port = (): PortNumber => portNumber(5000 + Math.floor(this.#unit() * 12));
  #protocol = (): TransportProtocol => (this.#unit() < 0.5 ? 'TCP' : 'UDP');

  #ask(): void {
    const { world } = this;
    const asker = this.#asker();
    const request = mappingRequest({
      client: asker.address.text,
      external: this.#port(),
      internal: 7000 + Math.floor(this.#unit() * 6),
      protocol: this.#protocol(),
      lease: this.#pick(LEASES),
    });
    const name = { protocol: request.protocol, externalPort: request.externalPort, remoteHost: '' };
    const dice = this.#unit();
    if (dice < 0.45)
      this.#note(world.openExactly(asker, request), () => this.#wasAdded(asker, name.externalPort, name.protocol));
    else if (dice < 0.65)
      this.#note(world.openAny(asker, request), (port) => this.#wasAdded(asker, port, name.protocol));
    else if (dice < 0.85) this.#note(world.close(asker, name), () => this.#told.delete(mappingKeyText(name)));
    else if (dice < 0.88)
      this.#note(
        world.closeRange(asker, {
          protocol: request.protocol,
          ports: { first: portNumber(5000), last: request.externalPort },
          manage: false,
        }),
        () => {},
      );
    else if (dice < 0.95) this.#note(world.entryOf(asker, name), () => {});
    else void world.gateway.externalAddress(asker);
  }

  #note<T>(answer: Promise<{ ok: true; value: T } | { ok: false }>, onYes: (value: T) => void): void {
    const { world } = this;
    void answer.then((outcome) => {
      this.answers += 1;
      if (outcome.ok && world === this.world) onYes(outcome.value);
    });
  }

  #wasAdded(asker: Asker, externalPort: PortNumber, protocol: TransportProtocol): void {
    const key = mappingKeyText({ protocol, externalPort, remoteHost: '' });
    // Told in the same breath as it was made, or it ended in between and was announced.
    if (
      this.world.table.find({ protocol, externalPort, remoteHost: '' })?.internalClient.equals(asker.address) !== true
    )
      return;
    this.#told.set(key, { client: asker.address.text, key });
  }

  #watch(world: GatewayWorld): void {
    world.table.listen((changes: MappingChanges) => {
      for (const change of changes) {
        if (change.kind === 'removed') this.#told.delete(mappingKeyText(change.mapping));
        // An AddAnyPortMapping entry that moved: evented, so the control point can look.
        if (change.kind === 'updated' && mappingKeyText(change.previous) !== mappingKeyText(change.mapping))
          this.#told.delete(mappingKeyText(change.previous));
      }
    });
  }

  #fault(): void {
    const { pcp, server } = this.world;
    const faults: readonly (() => void)[] = [
      () => (pcp.isSilent = true),
      () => (pcp.isSilent = false),
      () => (pcp.isSilent = false),
      () => (pcp.answersToLose = 1 + Math.floor(this.#unit() * 2)),
      () => server.foreign.add(`${this.#protocol()} ${this.#port()}`),
      () => server.foreign.clear(),
      () =>
        (server.refuseAll = this.#pick([
          undefined,
          undefined,
          { code: 8, lifetimeSeconds: 30 },
          { code: 2, lifetimeSeconds: 60 },
        ])),
      () => this.#restartServer(),
      () => this.#moveOne(),
      () => pcp.setHealth(!pcp.isKnownDown),
    ];
    this.#pick(faults)();
  }

  #restartServer(): void {
    const keepsTable = this.#unit() < 0.4;
    if (!keepsTable) this.#serverForgot = true;
    this.world.pcp.restartServer({ keepsTable, announces: this.#unit() < 0.5 });
    if (!keepsTable) this.#orphans.clear();
  }

  /** The carrier moves a mapping to another port or address and says so. */
  #moveOne(): void {
    const { pcp, server } = this.world;
    const mappings = server
      .mappings()
      .filter((mapping) => !this.#orphans.has(mapping) && mapping.internalPort !== ADDRESS_PROBE_PORT);
    const isKnown = (mapping: ServerMapping) => this.world.table.withNonce(mapping.nonce).length > 0;
    const mapping = mappings.find((candidate) => isKnown(candidate));
    if (mapping === undefined || pcp.isSilent) return;
    const port = portNumber(6000 + Math.floor(this.#unit() * 1000));
    if (this.#unit() < 0.5 && server.find(mapping.protocol, port) === undefined) mapping.externalPort = port;
    else
      mapping.externalAddress = server.externalAddress = IpAddress.of(
        `198.51.100.${1 + Math.floor(this.#unit() * 200)}`,
      );
    pcp.sendUpdate(mapping);
  }

  async #restart(): Promise<void> {
    const before = this.world;
    const told = [...this.#told.values()];
    this.world = await before.restart();
    this.#watch(this.world);
    this.world.pcp.isSilent = this.#unit() < 0.3;
    if (this.#serverForgot) this.world.pcp.restartServer({ keepsTable: true, announces: false });
    for (const { key, client } of told) {
      const mapping = [...this.world.table.all()].find((entry) => mappingKeyText(entry) === key);
      if (mapping === undefined) expect.fail(`${key} of ${client} did not survive the restart`);
      expect(mapping.internalClient.text).toBe(client);
    }
    for (const mapping of this.world.server.mappings())
      if (this.world.table.withNonce(mapping.nonce).length === 0) this.#orphans.add(mapping);
  }

  /** True at any moment, faults or not. */
  #checkAlways(): void {
    const { table, localNat, clock, gateway } = this.world;
    const entries = [...table.all()];
    expect(entries).toHaveLength(table.size);
    expect(gateway.known.numberOfEntries()).toBe(table.size);
    for (const [index, mapping] of entries.entries()) {
      expect(table.at(index)).toBe(mapping);
      expect(table.find(mapping)).toBe(mapping);
      expect(mapping.leaseEndsAt ?? Number.POSITIVE_INFINITY, 'a lease outlived itself').toBeGreaterThan(clock.now());
      if (mapping.state !== 'waiting')
        expect(mapping.upstream.expiresAt, 'an entry outlived its grant').toBeGreaterThan(clock.now());
      expect(mapping.upstream.renewAt, 'nobody will look at it again').toBeGreaterThanOrEqual(clock.now());
    }
    for (const told of this.#told.values()) {
      const entry = entries.find((mapping) => mappingKeyText(mapping) === told.key);
      expect(entry?.internalClient.text, `${told.key} was promised to ${told.client}`).toBe(told.client);
    }
    if (localNat !== undefined) this.#checkNat1(entries);
    if (!this.#serverForgot) this.#checkGrants(entries);
  }

  #checkNat1(entries: readonly Mapping[]): void {
    const rules = this.world.localNat?.rules() ?? [];
    const open = entries.filter(({ state }) => state !== 'waiting');
    const byPort = new Map(rules.map((held) => [`${held.rule.protocol} ${held.rule.nat1Port}`, held]));
    expect(byPort.size, 'one NAT1 port, one mapping').toBe(
      new Set(open.map((m) => `${m.protocol} ${m.nat1Port}`)).size,
    );
    for (const mapping of open) {
      const held = byPort.get(`${mapping.protocol} ${mapping.nat1Port}`);
      expect(held?.rule, mappingKeyText(mapping)).toMatchObject({
        internalPort: mapping.internalPort,
        externalPort: mapping.upstream.assignedPort,
      });
      expect(held?.rule.internalClient.text).toBe(mapping.internalClient.text);
    }
  }

  #checkGrants(entries: readonly Mapping[]): void {
    for (const mapping of entries) {
      if (mapping.state !== 'granted' && mapping.state !== 'degraded') continue;
      if (this.#isBeingReleased(mapping)) continue;
      const held = this.world.server.find(mapping.protocol, mapping.upstream.assignedPort);
      expect(held?.nonce, `${mappingKeyText(mapping)} at the server`).toBe(mapping.upstream.nonce);
      expect(held?.expiresAt ?? 0).toBeGreaterThanOrEqual(mapping.upstream.expiresAt - 4000);
    }
  }

  /** The server may have deleted it already; the answer is on its way, or lost. */
  #isBeingReleased(mapping: Mapping): boolean {
    const last = this.world.pcp.packets.findLast(
      (packet) => (packet.kind === 'map' ? packet.request : packet.key).nonce === mapping.upstream.nonce,
    );
    return last?.kind === 'release';
  }

  /** True once nothing is in flight any more. */
  #checkCalm(): void {
    const { table, server } = this.world;
    for (const mapping of table.all()) expect(mapping.state, mappingKeyText(mapping)).toBe('granted');
    for (const mapping of server.mappings()) {
      if (this.#orphans.has(mapping) || mapping.internalPort === ADDRESS_PROBE_PORT) continue;
      const [entry] = table.withNonce(mapping.nonce);
      expect(entry?.externalPort, `the server has ${mapping.protocol} ${mapping.externalPort}, nobody else`).toBe(
        mapping.externalPort,
      );
    }
  }
}

const NOBODY = {
  protocol: 'UDP',
  internalPort: portNumber(1),
  thirdParty: undefined,
  nonce: 'ffffffffffffffffffffffff' as ServerMapping['nonce'],
} as const;

describe('thousands of random steps', () => {
  for (const nat of ['nat1', 'none'] as const)
    for (const seed of nat === 'nat1' ? [4, 6, 11] : [3, 10, 11])
      it(`table, NAT1, server and control points agree (nat ${nat}, seed ${seed}; IWF-44, IWF-46, IWF-52, IWF-79)`, async () => {
        const policy = { requestsPerMinute: 0, maxMappingsPerClient: 8, maxMappings: 30 };
        const walk = await Walk.open(
          { nat, policy, options: { probe: seed === 3 || seed === 4 ? 'rfc' : 'off' } },
          seed,
        );
        for (let round = 0; round < 10; round += 1) {
          for (let step = 0; step < 60; step += 1) await walk.step();
          await walk.calmDown();
        }
        expect(walk.steps).toBe(600);
        expect(walk.answers).toBeGreaterThan(130);
        await walk.world.advance(days(2));
        await walk.world.resolve(walk.world.gateway.close(seconds(10)));
        await walk.world.advance(hours(3));
        expect(walk.world.server.mappings()).toEqual([]);
        expect(walk.world.localNat?.rules() ?? []).toEqual([]);
      });
});
