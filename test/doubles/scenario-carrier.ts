// The carrier of a scenario: the simulator as a PCP server on its own machine, with verbs a story is told in, and a
// record of what it was asked.

import { endpointText, IpAddress } from '../../src/base/ip-address.ts';
import { portNumber } from '../../src/base/port-number.ts';
import type { Instant } from '../../src/base/time.ts';
import { ADDRESS_PROBE_PORT } from '../../src/interworking/external-address.ts';
import { decodeRequest, type MapWireRequest } from '../../src/pcp/wire/pcp-request.ts';
import type { InternalKey, SimulatedMapping } from '../../src/simulator/served-mappings.ts';
import { restartAnnouncement } from '../../src/simulator/server-announcement.ts';
import type { ChangeNotice, Restart, Simulator } from '../../src/simulator/simulator.ts';
import type { SimulatorFaults, SimulatorOptions } from '../../src/simulator/simulator-options.ts';
import type { SimulatorSession } from '../../src/simulator/simulator-session.ts';
import { attachSimulator } from './attach-simulator.ts';
import type { SimulatedHost, SimulatedWorld } from './simulated-host.ts';
import { at } from './simulated-network.ts';

export interface CarrierBehaviour {
  readonly options?: Partial<SimulatorOptions>;
  readonly faults?: Partial<SimulatorFaults>;
}

export interface AskedMap {
  readonly at: Instant;
  readonly request: MapWireRequest;
}

/** The segment between the box and its carrier. */
export const ACCESS = 'access';
const PCP_PORT = 5351;
const MAP_RESPONSE = 0x81;

type Refusal = NonNullable<SimulatorFaults['refuseWith']>;

export class ScenarioCarrier {
  readonly address: string;
  readonly simulator: Simulator;
  readonly #host: SimulatedHost;
  readonly #session: SimulatorSession;
  readonly #world: SimulatedWorld;
  /** MAP requests for LAN hosts that were sent to it, whatever became of them. */
  maps: AskedMap[] = [];
  readonly #refusals: Refusal[] = [];
  #refusing: Refusal | undefined;

  private constructor(world: SimulatedWorld, address: string, host: SimulatedHost, session: SimulatorSession) {
    this.#host = host;
    this.#world = world;
    this.address = address;
    this.#session = session;
    this.simulator = session.simulator;
    const own = endpointText(session.endpoint);
    const { watch } = world.network;
    world.network.watch = (datagram) => {
      watch(datagram);
      if (endpointText(datagram.from) === own && datagram.bytes[1] === MAP_RESPONSE) this.#wasRefused();
      if (endpointText(datagram.to) !== own) return;
      const decoded = decodeRequest(datagram.bytes);
      if (decoded.kind !== 'request' || decoded.request.kind !== 'map') return;
      const { request } = decoded;
      if (request.internalPort !== ADDRESS_PROBE_PORT) this.maps.push({ at: world.clock.now(), request });
      if (request.lifetimeSeconds > 0) this.#perhapsRefuse();
    };
  }

  static async open(world: SimulatedWorld, address: string, behaviour: CarrierBehaviour): Promise<ScenarioCarrier> {
    const host = world.host([{ name: 'subscribers', address: `${address}/24`, segment: ACCESS }]);
    return new ScenarioCarrier(world, address, host, await attachSimulator(host, at(address, PCP_PORT), behaviour));
  }

  restarts(how: Restart): void {
    this.#session.run((simulator, now) => simulator.restart(how, now));
  }

  /** Limits and habits, from now on. */
  becomes(options: Partial<Omit<SimulatorOptions, 'holdBack'>>): void {
    this.simulator.setOptions(options);
  }

  /** The next requests for mappings get these answers; deletions do not. */
  refusesNext(...refusals: readonly Refusal[]): void {
    this.#refusals.push(...refusals);
  }

  behaves(faults: Partial<SimulatorFaults>): void {
    this.#session.run((simulator, now) => {
      simulator.setFaults(faults, now);
      return [];
    });
  }

  /** Says it has just started, which is a lie. */
  announcesFalsely(): void {
    const { address } = this.#session.endpoint;
    const group = { address: IpAddress.of('224.0.0.1'), port: 5350 };
    void this.#host.udp.open({ address, port: 49_152 }, { datagram() {} }).then((liar) => {
      if (liar.ok) liar.value.send(restartAnnouncement('PCP', undefined, 0), group);
    });
  }

  changesAddress(address: string, notice: ChangeNotice): void {
    this.#session.run((simulator, now) => simulator.changeExternalAddresses([IpAddress.of(address)], notice, now));
  }

  /** Gives a mapping another external port, and its old one to another subscriber. */
  moves(externalPort: number, to: number, protocol: 'TCP' | 'UDP' = 'TCP'): void {
    const mapping = this.mappingAt(externalPort, protocol);
    if (mapping === undefined) throw new Error(`the carrier maps no port ${externalPort}`);
    this.#session.run((simulator, now) => simulator.moveMapping(mapping, portNumber(to), now));
    this.givesAway(externalPort, mapping.protocol);
  }

  revokes(externalPort: number, protocol: 'TCP' | 'UDP' = 'TCP'): void {
    const mapping = this.mappingAt(externalPort, protocol);
    if (mapping === undefined) throw new Error(`the carrier maps no port ${externalPort}`);
    this.#session.run((simulator, now) => simulator.revokeMapping(mapping, true, now));
    this.givesAway(externalPort, mapping.protocol);
  }

  /** Another subscriber has this port, for good. */
  givesAway(externalPort: number, protocol: 'TCP' | 'UDP' = 'TCP'): void {
    this.simulator.addStaticMapping(
      strangerAt(externalPort, protocol),
      portNumber(externalPort),
      this.#world.clock.now(),
    );
  }

  /** And lets go of it. */
  takesBack(externalPort: number, protocol: 'TCP' | 'UDP' = 'TCP'): void {
    this.#session.run((simulator, now) => simulator.revokeMapping(strangerAt(externalPort, protocol), false, now));
  }

  /** Its operator has made a static mapping of it, which no client can delete (RFC 6887 §11.3, §15). */
  pins(mapping: SimulatedMapping): void {
    this.forgets(mapping);
    this.simulator.addStaticMapping(mapping, mapping.externalPort, this.#world.clock.now());
  }

  /** Forgets a mapping, and tells nobody. */
  forgets(mapping: InternalKey): void {
    this.#session.run((simulator, now) => simulator.revokeMapping(mapping, false, now));
  }

  /** Of this subscriber, for its LAN hosts and for this box itself. */
  allMappings(): readonly SimulatedMapping[] {
    return this.simulator.mappings(this.#world.clock.now()).filter(({ client }) => client !== undefined);
  }

  /** Of this subscriber, for its LAN hosts. */
  mappings(): readonly SimulatedMapping[] {
    return this.allMappings().filter(({ internalPort }) => internalPort !== ADDRESS_PROBE_PORT);
  }

  /** `protocol` left out: of either. */
  mappingAt(externalPort: number, protocol?: 'TCP' | 'UDP'): SimulatedMapping | undefined {
    return this.mappings().find(
      (mapping) => mapping.externalPort === externalPort && (protocol ?? mapping.protocol) === mapping.protocol,
    );
  }

  ports(): readonly number[] {
    return this.mappings()
      .map((mapping) => mapping.externalPort)
      .sort((a, b) => a - b);
  }

  #perhapsRefuse(): void {
    this.#refusing ??= this.#refusals.shift();
    if (this.#refusing !== undefined) this.behaves({ refuseWith: this.#refusing });
  }

  #wasRefused(): void {
    if (this.#refusing === undefined) return;
    this.#refusing = undefined;
    this.behaves({ refuseWith: undefined });
  }

  /** The MAP requests since the last time, and forgets them. */
  /** Without the questions under a nonce: deletions of nothing, which change no mapping. */
  takeMaps(): readonly AskedMap[] {
    const taken = this.maps;
    this.maps = [];
    return taken.filter(({ request }) => request.internalPort !== 9 || request.lifetimeSeconds !== 0);
  }
}

const strangerAt = (externalPort: number, protocol: 'TCP' | 'UDP'): InternalKey => ({
  internalAddress: IpAddress.of('100.64.99.99'),
  protocol,
  internalPort: portNumber(externalPort),
});
