// Debian's miniupnpd with its nftables backend: as the peer on the router, and as a carrier that really forwards.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sleep } from './child.mjs';
import { CARRIER, CARRIER_OUTSIDE, inNamespace, nft, ROUTER, ROUTER_LAN } from './network.mjs';

const PROGRAM = '/usr/sbin/miniupnpd';
const START_WITHIN_MS = 5000;
const STOP_WITHIN_MS = 2000;

export const miniupnpdVersion = () => execFileSync(PROGRAM, ['--version'], { encoding: 'utf8' }).split('\n')[0].trim();

/** Its chains have to be there before it starts. */
const rules = (outside) => `flush ruleset
table inet filter {
  chain forward { type filter hook forward priority 0; policy accept; jump miniupnpd; }
  chain miniupnpd { }
  chain prerouting { type nat hook prerouting priority dstnat; policy accept; jump prerouting_miniupnpd; }
  chain prerouting_miniupnpd { }
  chain postrouting { type nat hook postrouting priority srcnat; policy accept; jump postrouting_miniupnpd; oifname "${outside}" masquerade; }
  chain postrouting_miniupnpd { }
}
`;

const common = `
upnp_table_name=filter
upnp_nat_table_name=filter
upnp_forward_chain=miniupnpd
upnp_nat_chain=prerouting_miniupnpd
upnp_nat_postrouting_chain=postrouting_miniupnpd
clean_ruleset_interval=600
`;

const SILENCE = `table inet silence {
  chain output { type filter hook output priority 0; policy accept; udp sport 5351 ip daddr 224.0.0.0/4 drop; }
}
`;

/** The peer: an IGD on the router's LAN. Keeps no lease file unless asked to. */
export function miniupnpdGateway() {
  const directory = mkdtempSync(join(tmpdir(), 'igdb-'));
  const place = { host: ROUTER_LAN, port: 5000, path: '/rootDesc.xml' };
  let pid;
  return {
    name: 'miniupnpd',
    place,
    pid: () => pid,
    async start() {
      nft(ROUTER, rules('wan0'));
      const file = join(directory, 'gateway.conf');
      writeFileSync(
        file,
        `ext_ifname=wan0\next_ip=${CARRIER_OUTSIDE}\nlistening_ip=lan0\nhttp_port=${place.port}\nenable_upnp=yes\n` +
          `enable_natpmp=no\nsecure_mode=yes\nnotify_interval=900\nuuid=8d5a7b0e-6d0d-4ab1-9a6c-0f1f5b1d2c3e\n` +
          `allow 1024-65535 192.168.77.0/24 1024-65535\n${common}`,
      );
      pid = await start(ROUTER, file, join(directory, 'gateway.pid'));
    },
    resume() {
      return this.start();
    },
    stop: (signal) => stop(pid, signal),
    clean: () => rmSync(directory, { recursive: true, force: true }),
  };
}

/** The carrier: PCP on its inside, a NAT that packets from the Internet host pass. */
export function miniupnpdCarrier({ longestLifetime = 86_400 } = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'igdb-'));
  let pid;
  const prepareRules = () => nft(CARRIER, rules('out0'));
  return {
    name: 'miniupnpd as carrier',
    pid: () => pid,
    async start() {
      prepareRules();
      const file = join(directory, 'carrier.conf');
      writeFileSync(
        file,
        // With the system's uptime as its epoch, a restart could not be told from anything else (RFC 6887 §8.5).
        `ext_ifname=out0\next_ip=${CARRIER_OUTSIDE}\nlistening_ip=in0\nenable_upnp=no\nenable_natpmp=yes\nsystem_uptime=no\n` +
          `pcp_allow_thirdparty=yes\nmin_lifetime=120\nmax_lifetime=${longestLifetime}\n` +
          `allow 1024-65535 0.0.0.0/0 1024-65535\n${common}`,
      );
      pid = await start(CARRIER, file, join(directory, 'carrier.pid'));
      await sleep(300);
    },
    /** Dies with its whole table, rules included, and comes back: a rebooted carrier. */
    async reboot({ announces }) {
      await stop(pid, 'SIGKILL');
      prepareRules();
      if (!announces) nft(CARRIER, SILENCE);
      pid = await start(CARRIER, join(directory, 'carrier.conf'), join(directory, 'carrier.pid'));
    },
    stop: () => stop(pid),
    clean: () => rmSync(directory, { recursive: true, force: true }),
  };
}

/**
 * As Debian's unit starts it: as a daemon. Kept in the foreground (`-d`) it writes a debug line per rule it looks at,
 * which would make it look ten times slower than it is.
 */
async function start(namespace, file, pidFile) {
  // A killed one leaves its pid file behind and would not start again.
  rmSync(pidFile, { force: true });
  inNamespace(namespace, PROGRAM, '-f', file, '-P', pidFile);
  const end = Date.now() + START_WITHIN_MS;
  while (!existsSync(pidFile) || !readFileSync(pidFile, 'utf8').endsWith('\n')) {
    if (Date.now() > end) throw new Error('miniupnpd wrote no pid file');
    await sleep(5);
  }
  return Number(readFileSync(pidFile, 'utf8'));
}

/** A signal that comes just before its pselect() is only seen at the next packet: then it is ended the hard way. */
async function stop(pid, signal = 'SIGTERM') {
  if (pid === undefined) return;
  process.kill(pid, signal);
  const end = Date.now() + STOP_WITHIN_MS;
  while (existsSync(`/proc/${pid}`)) {
    if (Date.now() > end) process.kill(pid, 'SIGKILL');
    await sleep(5);
  }
}
