// What happens in a topology, in order: before us, with us, two machines on one port, after us.

import { showBaseline } from './baseline.mjs';
import { exerciseClients, exerciseUpnpc, expectClosed, knock } from './control-points.mjs';
import { descriptionUrl } from './daemon.mjs';
import { CARRIER_ADDRESS, GUEST_GATEWAY, GUEST_HOST, LAN_HOST, SECOND_HOST } from './network.mjs';
import { expect } from './report.mjs';
import { lyingNft, sabotageDnat } from './sabotage.mjs';
import { Scene } from './scene.mjs';
import { Upnpc } from './upnpc.mjs';

const SHARED_PORT = 3074;

export async function playTopology(name, topology, { folder, program, report }, sabotage) {
  const env = sabotage === 'answer' ? lyingNft(folder) : {};
  let scene;
  try {
    const isReady = await report.check(name, 'lab', 'network, carrier and daemon are there', async () => {
      scene = await Scene.open(name, topology, { folder, program, report, env });
      await scene.carrier.start();
      if (name === 'nat') await showBaseline(scene);
      await scene.daemon.start();
      return scene.carrier.name;
    });
    if (!isReady) return;
    if (sabotage === 'dnat') scene.sabotage = () => sabotageDnat(scene);
    await exerciseUpnpc(scene);
    await playTwoMachines(scene, name === 'two-lans' ? 'guest' : 'second');
    if (scene.isNatted) await playHairpin(scene);
    await exerciseClients(scene);
    await playEnd(scene);
  } finally {
    await scene?.close();
  }
}

/** Two consoles with the same internal port: each gets an external port of its own, in both directions. */
async function playTwoMachines(scene, otherHost) {
  const { network, check } = scene;
  const machines = [
    { host: 'host', address: LAN_HOST, url: descriptionUrl(1), port: 7100 },
    {
      host: otherHost,
      address: otherHost === 'guest' ? GUEST_HOST : SECOND_HOST,
      url: otherHost === 'guest' ? descriptionUrl(1, GUEST_GATEWAY) : descriptionUrl(1),
      port: 7101,
    },
  ];
  await check('two machines', `both map internal port ${SHARED_PORT}; strangers reach each`, async () => {
    for (const { host, address, url, port } of machines) {
      await network.agents[host].serve(SHARED_PORT);
      const upnpc = new Upnpc(network, host, url);
      for (const protocol of ['TCP', 'UDP']) {
        const code = await upnpc.add(address, SHARED_PORT, port, protocol);
        expect(code === 0, `${host}: error ${code}`);
        await knock(network, protocol, port);
      }
    }
    return machines.map(({ address, port }) => `${address} ← ${port}`).join(', ');
  });
  if (scene.mapsOutbound) await expectOwnPorts(scene, machines);
  for (const { host, url, port } of machines) {
    const upnpc = new Upnpc(network, host, url);
    for (const protocol of ['TCP', 'UDP']) await upnpc.delete(port, protocol);
  }
}

async function expectOwnPorts(scene, machines) {
  await scene.check('two machines', 'each is seen outside by its own port', async () => {
    const seen = [];
    for (const { host, port } of machines) {
      const reply = await scene.speakFromService(SHARED_PORT, scene.network.agents[host]);
      expect(reply.seenPort === port, `${host} seen as port ${reply.seenPort}`);
      seen.push(`${host} as ${reply.seenPort}`);
    }
    return seen.join(', ');
  });
}

/** The carrier sends nothing back to where it came from: only our own hairpin can answer. */
async function playHairpin({ network, check }) {
  await check('LAN host', 'reaches a neighbour by the external address (hairpin)', async () => {
    const upnpc = new Upnpc(network, 'host', descriptionUrl(1));
    for (const protocol of ['TCP', 'UDP']) {
      expect((await upnpc.add(LAN_HOST, SHARED_PORT, 7200, protocol)) === 0, 'refused');
      for (const from of ['second', 'host']) {
        const reply = await network.agents[from].echo(protocol, CARRIER_ADDRESS, 7200);
        expect(reply.ok, `${protocol} from ${from}: ${reply.why}`);
      }
      await upnpc.delete(7200, protocol);
    }
  });
}

/** SIGTERM keeps mappings and rules; what was deleted before stays closed. */
async function playEnd({ network, check, daemon }) {
  await check('daemon', 'ends in peace', async () => {
    const code = await daemon.stop();
    expect(code === 0, `exit code ${code}`);
    await expectClosed(network, 'TCP', 7001);
  });
}
