// Gives the simulator sockets: the server port, a second one for answers from the wrong port, and the clients' multicast
// group for announcements. Works over any host, real or simulated; rules are the machine's.

import type { Driven, Driver } from '../base/drive.ts';
import type { Host, UdpSocket } from '../base/host.ts';
import { type Endpoint, IpAddress } from '../base/ip-address.ts';
import { ok, type Result, refused, unreachable } from '../base/result.ts';
import type { Instant } from '../base/time.ts';
import { PCP_CLIENT_PORT } from '../pcp/wire/common-header.ts';
import type { ServedRequest } from './served-request.ts';
import { Simulator, type SimulatorOutput } from './simulator.ts';
import type { SimulatorOptions } from './simulator-options.ts';

export interface SimulatorPlace {
  /** Port 0: any free one. */
  readonly endpoint: Endpoint;
  readonly options?: Partial<SimulatorOptions>;
  readonly served?: (request: ServedRequest) => void;
}

// RFC 6887 §14.1: every client on the link listens there.
const ALL_HOSTS_IPV4 = IpAddress.of('224.0.0.1');
const ALL_HOSTS_IPV6 = IpAddress.of('ff02::1');

/** A simulator on the network. */
export class SimulatorSession {
  readonly simulator: Simulator;
  readonly endpoint: Endpoint;
  readonly #driven: Driven<Simulator, SimulatorOutput>;
  readonly #sockets: readonly UdpSocket[];

  private constructor(
    simulator: Simulator,
    endpoint: Endpoint,
    driven: Driven<Simulator, SimulatorOutput>,
    sockets: readonly UdpSocket[],
  ) {
    this.simulator = simulator;
    this.endpoint = endpoint;
    this.#driven = driven;
    this.#sockets = sockets;
  }

  static async open(host: Host, driver: Driver, place: SimulatorPlace): Promise<Result<SimulatorSession, string>> {
    const simulator = new Simulator(place.options ?? {}, host.random, host.clock.now());
    const { address, port } = place.endpoint;
    const server = await host.udp.open(
      { address, ...(port === 0 ? {} : { port }) },
      { datagram: (bytes, from) => driven.run((machine, now) => machine.handleDatagram(bytes, from, now)) },
    );
    if (!server.ok) return server;
    const wrongPort = await host.udp.open({ address }, { datagram() {} });
    if (!wrongPort.ok) {
      server.value.close();
      return refused(wrongPort.error);
    }
    const everybody: Endpoint = { address: address.isIPv4 ? ALL_HOSTS_IPV4 : ALL_HOSTS_IPV6, port: PCP_CLIENT_PORT };
    const driven = driver.add<Simulator, SimulatorOutput>('simulator', simulator, (output) => {
      switch (output.kind) {
        case 'transmit':
          return (output.fromPort === 'the server port' ? server.value : wrongPort.value).send(output.bytes, output.to);
        case 'announce':
          return server.value.send(output.bytes, everybody);
        case 'served':
          return place.served?.(output.request);
        default:
          return unreachable(output);
      }
    });
    return ok(new SimulatorSession(simulator, server.value.local, driven, [server.value, wrongPort.value]));
  }

  /** For what is not a datagram: a restart, a new address, other faults. */
  run(step: (simulator: Simulator, now: Instant) => readonly SimulatorOutput[]): void {
    this.#driven.run(step);
  }

  close(): void {
    this.#driven.remove();
    for (const socket of this.#sockets) socket.close();
  }
}
