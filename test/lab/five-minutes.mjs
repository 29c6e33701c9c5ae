// The README's "Behind a carrier NAT in five minutes", followed to the letter: its commands are read from the text and
// run, on a router whose firewall drops what it does not know and looks like OpenWrt's. Debian's half: debian-boot.mjs.

import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { unixCall } from './carrier.mjs';
import { knock } from './control-points.mjs';
import { CARRIER_ADDRESS, CPE_MASQUERADE } from './network.mjs';
import { commandsOfTheReadme } from './readme-commands.mjs';
import { expect, until } from './report.mjs';
import { Scene } from './scene.mjs';
import { TOPOLOGIES } from './topologies.mjs';

/** fw4's shape, with its include directory. */
const openwrtFirewall = (includes) => `
table inet fw4 {
  chain forward {
    type filter hook forward priority filter; policy drop;
    include "${includes}/chain-pre/forward/*.nft"
    ct state vmap { established : accept, related : accept }
    iifname "br-lan" oifname "wan" accept
    jump handle_reject
  }
  chain handle_reject {
    meta l4proto tcp reject with tcp reset
    reject
  }
}
`;

export async function playFiveMinutes(name, means) {
  await playRouter(name, 'openwrt', means);
}

async function playRouter(name, router, { folder, program, report }) {
  const set = `${name}-${router}`;
  let scene;
  let daemon;
  try {
    const blocks = commandsOfTheReadme();
    const place = makePlace(folder, set, program);
    const run = (namespace, block) => {
      const script = localised(block, place);
      return scene.network.namespaces.attempt(
        namespace,
        60_000,
        'env',
        `PATH=${place.bin}:${process.env.PATH}`,
        ...place.env,
        'sh',
        '-ec',
        script,
      );
    };
    await report.check(name, router, 'its commands work on the router', async () => {
      scene = await Scene.open(set, TOPOLOGIES.nat, { folder, program, report, env: {} });
      const ns = scene.network.namespaces;
      ns.nft('cpe', `flush ruleset\n${openwrtFirewall(place.includes)}${CPE_MASQUERADE}`);
      writeFileSync(place.fw4, `#!/bin/sh\nexec nft -f ${place.firewall}\n`);
      chmodSync(place.fw4, 0o755);
      writeFileSync(place.firewall, `flush ruleset\n${openwrtFirewall(place.includes)}${CPE_MASQUERADE}`);
      await scene.carrier.start();
      const { code, output } = await run('cpe', blocks[router]);
      expect(code === 0, `exit code ${code}: ${output.trim().split('\n').at(-1)}`);
    });
    await report.check(name, router, 'igd2pcp runs and has nothing to warn of', async () => {
      const env = {
        ...Object.fromEntries(place.env.map((pair) => pair.split('='))),
        PATH: `${place.bin}:${process.env.PATH}`,
      };
      const options = { env };
      daemon = scene.network.namespaces.start(
        'cpe',
        'igd2pcp',
        'sh',
        ['-ec', `exec ${localised(blocks.router, place)}`],
        options,
      );
      await until('the daemon is up', 15_000, async () => {
        return (await unixCall(place.socket, 'GET', '/api/status'))?.status === 200;
      });
      const log = readFileSync(join(folder, `${set}-igd2pcp.log`), 'utf8');
      expect(!log.includes('ct status dnat accept'), 'it says the firewall will drop');
    });
    await report.check(name, 'LAN host', 'its commands work, and a stranger gets through', async () => {
      await scene.network.agents.host.serve(8080);
      const { code, output } = await run('host', blocks['lan-host']);
      expect(code === 0, `exit code ${code}`);
      expect(output.includes('Found valid IGD'), 'no valid IGD');
      expect(output.includes(`ExternalIPAddress = ${CARRIER_ADDRESS}`), 'no public address');
      await knock(scene.network, 'TCP', 8080);
    });
  } finally {
    await daemon?.stop();
    await scene?.close();
  }
}

/** Where this machine's own /etc, /run and /usr must be left alone. */
function makePlace(folder, set, program) {
  const home = join(folder, set);
  const bin = join(home, 'bin');
  mkdirSync(bin, { recursive: true });
  const command = join(bin, 'igd2pcp');
  writeFileSync(command, `#!/bin/sh\nexec ${process.execPath} ${program} "$@"\n`);
  chmodSync(command, 0o755);
  const socket = join(home, 'igd2pcp.sock');
  const config = join(home, 'igd2pcp.toml');
  return {
    bin,
    socket,
    config,
    includes: join(home, 'nftables.d'),
    fw4: join(bin, 'fw4'),
    firewall: join(home, 'fw4.nft'),
    env: [
      `IGD2PCP_CONFIG=${config}`,
      `IGD2PCP_STATE_DIR=${join(home, 'state')}`,
      `IGD2PCP_ADMIN_SOCKET=${socket}`,
      'IGD2PCP_ADMIN=off',
    ],
  };
}

/** The configuration's place is told by environment; only where the text writes files itself are paths replaced. */
const localised = (script, place) =>
  script.replaceAll('/etc/igd2pcp.toml', place.config).replaceAll('/usr/share/nftables.d', place.includes);
