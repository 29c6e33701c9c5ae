// One topology with everything in it: network, carrier, daemon, and the words in which its checks are reported.

import { Daemon } from './daemon.mjs';
import { Network, STRANGER_ADDRESS } from './network.mjs';

export class Scene {
  static async open(name, topology, { folder, program, report, env }) {
    const network = await Network.build(folder, name, topology.build);
    const scene = new Scene(name, topology, network, report);
    scene.carrier = topology.carrier(network, program);
    network.carrierIsReady = () => scene.carrier.follow();
    scene.daemon = new Daemon(network, program, topology.daemon, env);
    return scene;
  }

  #witnesses = 0;

  constructor(name, topology, network, report) {
    this.name = name;
    this.network = network;
    this.isNatted = topology.build.isNatted;
    this.mapsOutbound = topology.mapsOutbound !== false;
    // Without NAT in the CPE only the carrier could filter, and miniupnpd does not; NAT-PMP cannot say it.
    this.hasRemoteHost = this.isNatted && topology.hasRemoteHost !== false;
    this.check = (who, what, work) => report.check(name, who, what, work);
    this.sabotage = async () => {};
  }

  /** A UDP packet from the service's port to a port of the stranger's that it never spoke to. */
  async speakFromService(port, agent = this.network.agents.host) {
    this.#witnesses += 1;
    const witness = 9100 + this.#witnesses;
    await this.network.agents.internet.serve(witness);
    await this.network.carrierIsReady();
    const reply = await agent.ask('speakFrom', { port, address: STRANGER_ADDRESS, to: witness, withinMs: 3000 });
    if (!reply.ok) throw new Error(`no answer from the witness: ${reply.why}`);
    return reply;
  }

  async close() {
    await this.carrier?.stop();
    await this.network.close();
  }
}
