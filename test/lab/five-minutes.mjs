// The README's "Behind a carrier NAT in five minutes", followed to the letter: its commands are read from the text and
// run, on a router whose firewall drops what it does not know and looks like OpenWrt's. Debian's half: debian-boot.mjs.

import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { keysOf } from '../../.packaging/openwrt/package.mjs';
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
    ct state vmap { established : accept, related : accept }
    iifname "br-lan" oifname "wan" accept
    include "${includes}/chain-post/forward/*.nft"
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
      return scene.network.namespaces.attempt(
        namespace,
        60_000,
        'env',
        `PATH=${place.bin}:${process.env.PATH}`,
        ...place.env,
        'sh',
        '-ec',
        block,
      );
    };
    await report.check(name, router, 'its commands work on the router', async () => {
      scene = await Scene.open(set, TOPOLOGIES.nat, { folder, program, report, env: {} });
      const ns = scene.network.namespaces;
      ns.nft('cpe', `flush ruleset\n${openwrtFirewall(place.includes)}${CPE_MASQUERADE}`);
      makeOpenwrt(place, program);
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
        ['-ec', `exec ${readFileSync(place.started, 'utf8')}`],
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

const packaged = (name) => readFileSync(new URL(`../../.packaging/openwrt/${name}`, import.meta.url), 'utf8');

/**
 * Stand-ins for what OpenWrt has and Debian has not. The service's own script runs, and what it hands to procd is kept in a
 * file, to be started by the play.
 */
function makeOpenwrt({ bin, home, includes, config, firewall, started }, program) {
  const uci = join(home, 'config');
  for (const folder of [uci, join(includes, 'chain-post/forward')]) mkdirSync(folder, { recursive: true });
  const command = (name, text) => {
    writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(bin, name), 0o755);
  };
  const from = fileURLToPath(new URL('../../.packaging/openwrt/', import.meta.url));
  command('fw4', `exec nft -f ${firewall}`);
  command(
    'opkg',
    `cp ${from}igd2pcp.config ${uci}/igd2pcp; cp ${from}fw4-forward.nft ${includes}/chain-post/forward/60-igd2pcp.nft`,
  );
  command(
    'uci',
    `case "$1 $2" in 'set igd2pcp.main.enabled=1') sed -i "s/enabled '0'/enabled '1'/" ${uci}/igd2pcp ;; esac`,
  );
  const keys = keysOf(execFileSync(process.execPath, [program, 'help', '--as', 'toml'], { encoding: 'utf8' }));
  const init = packaged('igd2pcp.init')
    .replaceAll('/var/etc/igd2pcp.toml', config)
    .replaceAll('/var/', `${home}/var/`)
    .replaceAll('/usr/bin/igd2pcp', 'igd2pcp')
    .replace('. /lib/functions/network.sh', ':')
    .replace('. "$LIB/uci-to-toml.sh"', ':')
    .replace('UJAIL=/sbin/ujail', 'UJAIL=/nowhere');
  command(
    'service',
    `. ${fileURLToPath(new URL('../packaging/openwrt-functions.sh', import.meta.url))}
network_get_device() { case "$2" in lan) eval "$1=br-lan" ;; wan) eval "$1=wan" ;; *) return 1 ;; esac; }
procd_open_instance() { :; }
procd_close_instance() { :; }
procd_set_param() { [ "$1" = command ] && shift && echo "$*" > ${started}; return 0; }
UCI_DIR=${uci}
IGD2PCP_DHCP=${home}/dhcp
${packaged('uci-to-toml.sh').replace('@KEYS@', keys)}
${init}
start_service`,
  );
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
    home,
    bin,
    started: join(home, 'started'),
    socket,
    config,
    includes: join(home, 'nftables.d'),
    firewall: join(home, 'fw4.nft'),
    env: [
      `IGD2PCP_CONFIG=${config}`,
      `IGD2PCP_STATE_DIR=${join(home, 'state')}`,
      `IGD2PCP_ADMIN_SOCKET=${socket}`,
      'IGD2PCP_ADMIN=off',
    ],
  };
}
