// What goes wrong in the life of a mapping, and how long until a stranger gets through again.

import { knock } from './control-points.mjs';
import { descriptionUrl } from './daemon.mjs';
import { CARRIER_ADDRESS, CPE_FIREWALL, CPE_MASQUERADE, LAN_GATEWAY, LAN_HOST } from './network.mjs';
import { mapAnswer, mapRequestHex } from './pcp-request.mjs';
import { expect, until } from './report.mjs';
import { Scene } from './scene.mjs';
import { TOPOLOGIES } from './topologies.mjs';
import { Upnpc } from './upnpc.mjs';

const SERVICE_PORT = 6890;
const PORT = 7001;
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;

export const BAD_DAYS = {
  'carrier-gone': {
    says: 'the carrier is gone for ten minutes, and comes back knowing nothing',
    isMostlyWaiting: true,
    play: (name, means, { isQuick }) => inNat(name, means, (scene) => carrierGone(scene, isQuick ? 60 : 600)),
  },
  'bad-days': {
    says: 'restarts, crashes, reloads, renumbering, and other people',
    play: (name, means) => inNat(name, means, everythingElse),
  },
  quota: {
    says: 'the carrier gives a subscriber two ports and no more',
    play: (name, means) => inTopology(name, TOPOLOGIES['ds-lite'], means, quotaReached),
  },
};

const inNat = (name, means, play) => inTopology(name, TOPOLOGIES.nat, means, play);

/** A running daemon with TCP and UDP mapped and proven. */
async function inTopology(name, topology, means, play) {
  let scene;
  try {
    const isReady = await means.report.check(name, 'lab', 'a mapping that works', async () => {
      scene = await Scene.open(name, topology, means);
      await scene.carrier.start();
      await scene.daemon.start();
      await scene.network.agents.host.serve(SERVICE_PORT);
      scene.upnpc = new Upnpc(scene.network, 'host', descriptionUrl(1));
      for (const protocol of ['TCP', 'UDP']) {
        const code = await scene.upnpc.add(LAN_HOST, SERVICE_PORT, PORT, protocol);
        expect(code === 0, `error ${code}`);
        await knock(scene.network, protocol, PORT);
      }
    });
    if (isReady) await play(scene);
  } finally {
    await scene?.close();
  }
}

/** How long until both protocols get through. */
async function recovered({ network }, withinMs, port = PORT) {
  const bothWays = async () => {
    await network.carrierIsReady();
    for (const protocol of ['TCP', 'UDP']) {
      const reply = await network.stranger.echo(protocol, CARRIER_ADDRESS, port, { withinMs: 500 });
      if (!reply.ok) return { ok: false, why: `${protocol} ${reply.why}` };
    }
    return { ok: true };
  };
  return until('a stranger gets through again', withinMs, bothWays, 50);
}

async function carrierGone(scene, forSeconds) {
  const { network, check } = scene;
  await check('carrier', `gone for ${forSeconds} s with line and state, then back`, async () => {
    await scene.carrier.stop();
    network.namespaces.run('carrier', 'ip', 'link', 'set', 'line1', 'down');
    await wait(forSeconds * 1000);
    network.namespaces.run('carrier', 'ip', 'link', 'set', 'line1', 'up');
    await scene.carrier.start();
    return `through again after ${seconds(await recovered(scene, 120_000))}`;
  });
}

async function everythingElse(scene) {
  await carrierRestarted(scene);
  await daemonKilled(scene);
  await firewallReloaded(scene);
  await portTaken(scene);
  await outOfDescriptors(scene);
  await wanRenumbered(scene);
  await lanRenumbered(scene);
}

async function carrierRestarted(scene) {
  await scene.check('carrier', 'restarted with lost state', async () => {
    // An epoch of a second or two, started anew, is within the tolerance of RFC 6887 §8.5: nobody could tell.
    await wait(10_000);
    await scene.carrier.restart();
    return `through again after ${seconds(await recovered(scene, 60_000))}`;
  });
}

async function daemonKilled(scene) {
  const { network, check, daemon } = scene;
  const hex = Buffer.from('still there').toString('hex');
  const say = async (when) => {
    const said = await network.stranger.ask('say', { name: 'long', hex, withinMs: 2000 });
    expect(said.ok, `${when}: ${said.why}`);
  };
  await check('daemon', 'killed -9 and started again: the open TCP connection survives', async () => {
    const opened = await network.stranger.ask('hold', { name: 'long', address: CARRIER_ADDRESS, port: PORT });
    expect(opened.ok, `cannot connect: ${opened.why}`);
    await say('before');
    await daemon.kill();
    await say('while it is dead');
    await knock(network, 'TCP', PORT);
    const startedAt = Date.now();
    await daemon.start();
    const took = Date.now() - startedAt;
    await say('after its restart');
    for (const protocol of ['TCP', 'UDP']) {
      expect((await daemon.mapping(protocol, PORT)) !== undefined, `it forgot ${protocol}`);
      await knock(network, protocol, PORT);
    }
    await network.stranger.ask('drop', { name: 'long' });
    return `never closed; restart took ${seconds(took)}`;
  });
}

async function firewallReloaded(scene) {
  const { network, check, daemon } = scene;
  const reload = () => network.namespaces.nft('cpe', `flush ruleset\n${CPE_FIREWALL}${CPE_MASQUERADE}`);
  await check('firewall', 'reloaded with "flush ruleset": noticed and put back', async () => {
    reload();
    return `through again after ${seconds(await recovered(scene, 30_000))}`;
  });
  await check('firewall', 'the elements of one map flushed by hand: noticed and put back', async () => {
    network.namespaces.run('cpe', 'nft', 'flush', 'map', 'inet', 'igd2pcp', 'in');
    return `through again after ${seconds(await recovered(scene, 20_000))}`;
  });
  await check('firewall', 'reloaded, and the daemon told by SIGHUP', async () => {
    reload();
    daemon.reload();
    return `through again after ${seconds(await recovered(scene, 30_000))}`;
  });
}

async function outOfDescriptors(scene) {
  const { network, check, daemon, upnpc } = scene;
  await check(
    'daemon',
    'has no file descriptor left for 20 s: lives, keeps what it has, then serves as before',
    async () => {
      const pid = daemon.pid;
      const giveBack = daemon.takeDescriptors();
      const code = await upnpc.add(LAN_HOST, SERVICE_PORT, 7302, 'TCP');
      // Two looks at the firewall, and several at addresses and routes.
      await wait(20_000);
      giveBack();
      await knock(network, 'TCP', PORT);
      expect(daemon.pid === pid && daemon.isRunning, 'it ended');
      await until(
        'a client is served',
        10_000,
        async () => (await upnpc.add(LAN_HOST, SERVICE_PORT, 7303, 'TCP')) === 0,
      );
      await knock(network, 'TCP', 7303);
      await upnpc.delete(7303, 'TCP');
      await upnpc.delete(7302, 'TCP');
      return `a client meanwhile: ${code === 0 ? 'served' : 'refused'}`;
    },
  );
}

async function portTaken(scene) {
  const { network, check, upnpc } = scene;
  const { carrier, other } = network.between;
  await check('other subscriber', 'holds port 7300: 718 to the client, which moves on', async () => {
    const hex = mapRequestHex(other, 'TCP', 7300, 7300, 600);
    const reply = await network.agents.other.ask('udp', { address: carrier, port: 5351, hex, withinMs: 3000 });
    expect(reply.ok && mapAnswer(reply.hex).code === 0, 'the carrier did not grant it');
    const code = await upnpc.add(LAN_HOST, SERVICE_PORT, 7300, 'TCP');
    expect(code === 718, `the client got ${code}`);
    expect((await upnpc.add(LAN_HOST, SERVICE_PORT, 7301, 'TCP')) === 0, 'the next port was refused, too');
    await knock(network, 'TCP', 7301);
    await upnpc.delete(7301, 'TCP');
    return 'then 7301';
  });
}

async function wanRenumbered(scene) {
  const { network, check, daemon } = scene;
  const { cpe, nextCpe, prefix, carrier } = network.between;
  await check('WAN', `address changed from ${cpe} to ${nextCpe}`, async () => {
    const ns = network.namespaces;
    ns.run('cpe', 'ip', 'address', 'del', `${cpe}/${prefix}`, 'dev', 'wan');
    ns.run('cpe', 'ip', 'address', 'add', `${nextCpe}/${prefix}`, 'dev', 'wan');
    ns.run('cpe', 'ip', 'route', 'replace', 'default', 'via', carrier);
    // The carrier must not go on delivering to the old address from memory.
    ns.run('carrier', 'ip', 'neighbour', 'flush', 'dev', 'sub');
    // The old mapping holds its port at the carrier until it expires there, so ours may come by another (RFC 6970 §5.10).
    let assigned;
    const took = await until('a stranger gets through again', 120_000, async () => {
      const mapping = await daemon.mapping('TCP', PORT);
      if (mapping === undefined) return { ok: false, why: 'the mapping is gone' };
      assigned = mapping.assignedPort;
      return network.stranger.echo('TCP', CARRIER_ADDRESS, assigned, { withinMs: 500 });
    });
    return `through again after ${seconds(took)}, at port ${assigned}`;
  });
}

async function lanRenumbered(scene) {
  const { network, check } = scene;
  const [gateway, host] = ['192.168.79.1', '192.168.79.10'];
  await check(
    'LAN',
    `address changed from ${LAN_GATEWAY} to ${gateway}: found there, and a stranger gets in`,
    async () => {
      const ns = network.namespaces;
      ns.run('host', 'ip', 'address', 'replace', `${host}/24`, 'dev', 'eth0');
      ns.run('cpe', 'ip', 'address', 'replace', `${gateway}/24`, 'dev', 'br-lan');
      ns.run('cpe', 'ip', 'address', 'del', `${LAN_GATEWAY}/24`, 'dev', 'br-lan');
      ns.run('host', 'ip', 'address', 'del', `${LAN_HOST}/24`, 'dev', 'eth0');
      ns.run('host', 'ip', 'route', 'replace', 'default', 'via', gateway);
      const searching = new Upnpc(network, 'host');
      const took = await until('a search finds it', 60_000, async () => {
        const [, url] = /Found valid IGD : (\S+)/.exec(await searching.say('-s')) ?? [];
        return url?.startsWith(`http://${gateway}:`) ?? false;
      });
      const upnpc = new Upnpc(network, 'host', descriptionUrl(1, gateway));
      const code = await upnpc.add(host, SERVICE_PORT, 7500, 'TCP');
      expect(code === 0, `the client got ${code}`);
      await knock(network, 'TCP', 7500);
      return `found after ${seconds(took)}`;
    },
  );
}

async function quotaReached(scene) {
  const { check, carrier, upnpc, network } = scene;
  await check('carrier', 'quota of 2 reached: the client is told, what it has still works', async () => {
    await carrier.tell('quota 2');
    const igd2 = new Upnpc(network, 'host', descriptionUrl(2));
    const codes = [await upnpc.add(LAN_HOST, 6900, 7400, 'TCP'), await igd2.add(LAN_HOST, 6900, 7400, 'TCP')];
    expect(
      codes.every((code) => code > 0),
      `the client got ${codes.join(' and ')}`,
    );
    for (const protocol of ['TCP', 'UDP']) await knock(network, protocol, PORT);
    expect((await upnpc.delete(PORT, 'UDP')) === 0, 'delete refused');
    // Another port: the refused one is held for as long as the carrier said (RFC 6887 §7.2).
    const freed = await upnpc.add(LAN_HOST, 6901, 7401, 'TCP');
    expect(freed === 0, `the freed place was not given: error ${freed}`);
    return `error ${codes.join(' on IGD:1, ')} on IGD:2`;
  });
}
