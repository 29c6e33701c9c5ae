// OpenWrt's firewall as fw4 writes it, with the package's rules where fw4 includes them: a stranger gets in, the user's own
// rules come first, the carrier's news is heard, and a reload or flush is survived.

import { readdirSync, readFileSync } from 'node:fs';
import { knock } from './control-points.mjs';
import { descriptionUrl } from './daemon.mjs';
import { CARRIER_ADDRESS, LAN_HOST, STRANGER_ADDRESS } from './network.mjs';
import { expect, until } from './report.mjs';
import { Scene } from './scene.mjs';
import { TOPOLOGIES } from './topologies.mjs';
import { Upnpc } from './upnpc.mjs';

const RULESET = new URL('fixtures/fw4.nft', import.meta.url);
const PACKAGING = new URL('../../.packaging/openwrt/', import.meta.url);
/** Of the fixture's comments, and of the package. */
const PLACES = ['chain-pre/input_wan', 'chain-post/forward'];

const SERVICE_PORT = 6890;
const PORT = 7001;
const USER_DROP = `iifname "wan" ip saddr ${STRANGER_ADDRESS} drop comment "!fw4: a rule of the user's"`;

export const OPENWRT = {
  openwrt: { says: "fw4's ruleset with the package's rules in it", play: playOpenwrt },
};

async function playOpenwrt(name, means) {
  let scene;
  try {
    const isReady = await means.report.check(name, 'lab', 'fw4, carrier and daemon are there', async () => {
      scene = await Scene.open(name, TOPOLOGIES.nat, means);
      reload(scene);
      await scene.carrier.start();
      await scene.daemon.start();
      await scene.network.agents.host.serve(SERVICE_PORT);
      scene.upnpc = new Upnpc(scene.network, 'host', descriptionUrl(1));
      for (const protocol of ['TCP', 'UDP']) {
        const code = await scene.upnpc.add(LAN_HOST, SERVICE_PORT, PORT, protocol);
        expect(code === 0, `error ${code}`);
      }
    });
    if (!isReady) return;
    await strangers(scene);
    await ownPort(scene);
    await announcement(scene);
    await firewall(scene);
  } finally {
    await scene?.close();
  }
}

/** As `fw4 reload`: the whole table in one transaction, nobody else's touched. */
function reload({ network }, { user = '', without = [] } = {}) {
  let text = readFileSync(RULESET, 'utf8').replace('# user rules', user);
  for (const place of PLACES.filter((one) => !without.includes(one))) {
    text = text.replace(`# ${place}`, packaged(place));
  }
  const old =
    'table ip filter\ndelete table ip filter\ntable inet filter\ndelete table inet filter\ntable inet nat\ndelete table inet nat';
  network.namespaces.nft('cpe', `${old}\ntable inet fw4\ndelete table inet fw4\n${text}`);
}

/** The file the package puts there, by the name package.mjs gives it. */
function packaged(place) {
  const [, source] =
    new RegExp(`${place}/60-igd2pcp\\.nft', data: here\\('([^']+)'\\)`).exec(
      readFileSync(new URL('package.mjs', PACKAGING), 'utf8'),
    ) ?? [];
  expect(source !== undefined && readdirSync(PACKAGING).includes(source), `the package has nothing for ${place}`);
  return readFileSync(new URL(source, PACKAGING), 'utf8');
}

async function strangers(scene) {
  const { network, check } = scene;
  const both = async () => {
    for (const protocol of ['TCP', 'UDP']) await knock(network, protocol, PORT);
  };
  await check('stranger', 'gets through fw4 to the mapped ports', both);
  await check('stranger', 'is rejected where the include is not in the rules: the lab can tell', async () => {
    reload(scene, { without: ['chain-post/forward'] });
    const reply = await network.stranger.echo('TCP', CARRIER_ADDRESS, PORT, { withinMs: 1500 });
    expect(!reply.ok, 'came in');
    reload(scene);
  });
  await check("user's rule", 'DROP from wan is obeyed, and others come in when it goes', async () => {
    reload(scene, { user: USER_DROP });
    for (const protocol of ['TCP', 'UDP']) {
      const reply = await network.stranger.echo(protocol, CARRIER_ADDRESS, PORT, { withinMs: 1500 });
      expect(!reply.ok, `${protocol} came in`);
    }
    reload(scene);
    await both();
  });
}

async function ownPort(scene) {
  await scene.check('LAN host', 'leaves by its mapped port, although fw4 masquerades', async () => {
    const reply = await scene.speakFromService(SERVICE_PORT);
    expect(reply.seenPort === PORT, `seen as port ${reply.seenPort}`);
    return `seen as ${reply.seenPort}`;
  });
}

async function announcement(scene) {
  const { network, check } = scene;
  const restarted = async () => {
    // An epoch of a second or two, started anew, is within the tolerance of RFC 6887 §8.5: nobody could tell.
    await new Promise((done) => setTimeout(done, 8000));
    await scene.carrier.restart();
    return until('a stranger gets through again', 40_000, async () =>
      network.stranger.echo('UDP', CARRIER_ADDRESS, PORT, { withinMs: 500 }),
    );
  };
  await check(
    'carrier',
    'restarted with lost state: its ANNOUNCE passes fw4, and mappings are back in seconds',
    async () => {
      const took = await restarted();
      expect(took < 10_000, `after ${took} ms, as if nobody had heard it`);
      return `after ${(took / 1000).toFixed(1)} s`;
    },
  );
}

async function firewall(scene) {
  const { network, check } = scene;
  const through = (withinMs) =>
    until('a stranger gets through', withinMs, async () =>
      network.stranger.echo('TCP', CARRIER_ADDRESS, PORT, { withinMs: 500 }),
    );
  await check('fw4', 'reload: our table and the mappings stay', async () => {
    reload(scene);
    await knock(network, 'TCP', PORT);
  });
  await check('fw4', 'flush, then start: what is lost is noticed and put back', async () => {
    network.namespaces.nft('cpe', 'flush ruleset');
    reload(scene);
    return `through again after ${((await through(30_000)) / 1000).toFixed(1)} s`;
  });
}
