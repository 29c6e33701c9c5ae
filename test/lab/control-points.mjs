// What every topology goes through: upnpc asks for everything it can, aMule, Transmission and qBittorrent map by
// themselves, and each time a stranger knocks at the external address and port.

import { Amule } from './clients/amule.mjs';
import { Qbittorrent } from './clients/qbittorrent.mjs';
import { Transmission } from './clients/transmission.mjs';
import { descriptionUrl } from './daemon.mjs';
import { CARRIER_ADDRESS, LAN_HOST, STRANGER_ADDRESS } from './network.mjs';
import { expect, until } from './report.mjs';
import { Upnpc } from './upnpc.mjs';

const PROTOCOLS = ['TCP', 'UDP'];
const SERVICE_PORT = 6890;

export async function knock(network, protocol, port) {
  await network.carrierIsReady();
  const reply = await network.stranger.echo(protocol, CARRIER_ADDRESS, port);
  expect(reply.ok, `${protocol} ${port}: ${reply.why}`);
  return reply;
}

/** One sign of life would be enough to fail; waiting for none takes its time. */
export async function expectClosed(network, protocol, port) {
  await network.carrierIsReady();
  const reply = await network.stranger.echo(protocol, CARRIER_ADDRESS, port, { withinMs: 800 });
  expect(!reply.ok, `${protocol} ${port} still lets strangers in`);
}

export async function exerciseUpnpc(scene) {
  const { network, check, sabotage } = scene;
  const upnpc = new Upnpc(network, 'host');
  await network.agents.host.serve(SERVICE_PORT);

  await check('upnpc', 'a valid IGD with a public address', async () => {
    const said = await upnpc.say('-s');
    const [, url] = /Found valid IGD : (\S+)/.exec(said) ?? [];
    expect(url !== undefined, said.split('\n').at(-2) ?? 'nothing found');
    expect(said.includes(`ExternalIPAddress = ${CARRIER_ADDRESS}`), 'another external address');
    return url;
  });
  upnpc.url = descriptionUrl(1);
  await check('upnpc', 'add: port 7001, TCP and UDP', async () => {
    for (const protocol of PROTOCOLS) {
      const code = await upnpc.add(LAN_HOST, SERVICE_PORT, 7001, protocol);
      expect(code === 0, `${protocol}: error ${code}`);
    }
    const mapping = await scene.daemon.mapping('TCP', 7001);
    return `${CARRIER_ADDRESS}:7001 → ${mapping?.nat1Port == null ? '' : `NAT1 ${mapping.nat1Port} → `}${LAN_HOST}:${SERVICE_PORT}`;
  });
  await sabotage();
  for (const protocol of PROTOCOLS) {
    await check('stranger', `gets through to upnpc's ${protocol} 7001`, async () => {
      const { seenAddress } = await knock(network, protocol, 7001);
      expect(seenAddress === STRANGER_ADDRESS, `the service sees ${seenAddress}`);
    });
  }
  if (scene.mapsOutbound) await exerciseWayOut(scene);
  await check('upnpc', 'list: one by one, and by range on IGD:2', async () => {
    const igd2 = new Upnpc(network, 'host', descriptionUrl(2));
    for (const rows of [await upnpc.list('-l'), await igd2.list('-L')]) {
      const ours = rows.filter((row) => row.externalPort === 7001 && row.internalPort === SERVICE_PORT);
      expect(ours.length === 2, `${ours.length} of 2 rows`);
    }
  });
  await check('upnpc', 'delete, and the port is closed', async () => {
    for (const protocol of PROTOCOLS) {
      const code = await upnpc.delete(7001, protocol);
      expect(code === 0, `${protocol}: error ${code}`);
      await expectClosed(network, protocol, 7001);
    }
  });
  await exerciseIgd2(scene);
}

async function exerciseWayOut(scene) {
  await scene.check('LAN host', 'its own traffic leaves by the mapped port', async () => {
    // From the service's port, to somewhere it never spoke to before: only then does NAT choose a port.
    const reply = await scene.speakFromService(SERVICE_PORT);
    expect(reply.seenPort === 7001, `left as port ${reply.seenPort}`);
    return `${LAN_HOST}:${SERVICE_PORT} seen as ${reply.seenAddress}:${reply.seenPort}`;
  });
}

async function exerciseIgd2({ network, check, hasRemoteHost }) {
  const upnpc = new Upnpc(network, 'host', descriptionUrl(2));
  await check('upnpc', 'any: AddAnyPortMapping on IGD:2, and the stranger gets through', async () => {
    const { port, code } = await upnpc.addAny(LAN_HOST, SERVICE_PORT, 7010, 'TCP');
    expect(code === undefined, `error ${code}`);
    await knock(network, 'TCP', port);
    expect((await upnpc.delete(port, 'TCP')) === 0, 'cannot be deleted');
    return `port ${port}`;
  });
  await check('upnpc', 'range: three mappings deleted by one call', async () => {
    for (const port of [7021, 7022, 7023]) {
      const code = await upnpc.add(LAN_HOST, SERVICE_PORT + port, port, 'TCP');
      expect(code === 0, `error ${code}`);
    }
    const code = await upnpc.deleteRange(7020, 7030, 'TCP');
    expect(code === 0, `error ${code}`);
    const left = (await upnpc.list('-L')).filter((row) => row.externalPort >= 7020 && row.externalPort <= 7030);
    expect(left.length === 0, `${left.length} left`);
  });
  if (!hasRemoteHost) return;
  await check('upnpc', 'RemoteHost: the named host gets in, others do not', async () => {
    expect((await upnpc.add(LAN_HOST, SERVICE_PORT, 7031, 'TCP', { remoteHost: STRANGER_ADDRESS })) === 0, 'refused');
    await knock(network, 'TCP', 7031);
    await upnpc.say('-d', 7031, 'TCP', STRANGER_ADDRESS);
    expect((await upnpc.add(LAN_HOST, SERVICE_PORT, 7032, 'TCP', { remoteHost: '11.77.0.66' })) === 0, 'refused');
    await expectClosed(network, 'TCP', 7032);
    await upnpc.say('-d', 7032, 'TCP', '11.77.0.66');
  });
}

export async function exerciseClients({ network, check, daemon }) {
  const clients = [new Transmission(51413), new Qbittorrent(51500), new Amule(4662, 4672)];
  await Promise.all(clients.map((client) => client.start(network, 'host')));
  for (const client of clients) {
    await check(client.name, 'maps its ports by itself', async () => {
      await until('mapped', 30_000, async () => (await externalPorts(daemon, client)).length === client.ports.length);
      const words = (await externalPorts(daemon, client)).map((each) => `${each.protocol} ${each.externalPort}`);
      return words.join(', ');
    });
    await check('stranger', `gets an answer from ${client.name}, TCP and UDP`, async () => {
      for (const { protocol, externalPort } of await externalPorts(daemon, client)) {
        // A client that starts up may not listen to strangers yet.
        await until(`${protocol} ${externalPort}`, 15_000, async () => {
          await network.carrierIsReady();
          const { hex, isAnswer } = client.probe(protocol);
          const asked = { address: CARRIER_ADDRESS, port: externalPort, hex, withinMs: 2000 };
          const reply = await network.stranger.ask(protocol.toLowerCase(), asked);
          return reply.ok ? isAnswer(reply.hex) : reply;
        });
      }
    });
  }
  for (const client of clients) {
    await check(client.name, 'ends, and its ports are closed', async () => {
      const ports = await externalPorts(daemon, client);
      await client.stop();
      await until('mappings deleted', 10_000, async () => (await externalPorts(daemon, client)).length === 0);
      for (const { protocol, externalPort } of ports) await expectClosed(network, protocol, externalPort);
    });
  }
}

async function externalPorts(daemon, client) {
  const mappings = await daemon.mappings();
  return client.ports.flatMap(({ protocol, port }) =>
    mappings.filter(
      (each) => each.protocol === protocol && each.internalPort === port && each.internalAddress === LAN_HOST,
    ),
  );
}
