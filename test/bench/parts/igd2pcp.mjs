// Our daemon as it is shipped (the bundle), on the router; and our PCP simulator as a carrier of any distance.

import { execFileSync } from 'node:child_process';
import { copyFileSync, createWriteStream, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileBeside, sleep, stopChild } from './child.mjs';
import { takeDescriptors } from './descriptors.mjs';
import { CARRIER, CARRIER_INSIDE, flushRules, nft, ROUTER, ROUTER_LAN, spawnIn } from './network.mjs';

const BUILT = fileBeside('../../../dist/igd2pcp.cjs', import.meta.url);
export const isBuilt = () => existsSync(BUILT);

/** A copy, so that a build in the middle of a run changes nothing. Read before the first daemon starts. */
const copies = mkdtempSync(join(tmpdir(), 'igdb-'));
process.on('exit', () => rmSync(copies, { recursive: true, force: true }));
export const BUNDLE = join(copies, 'start.cjs');
const START = fileBeside('../../../.packaging/start.cjs', import.meta.url);

/** As the packages' launcher (`.packaging/igd2pcp.sh`) starts it. */
const LAUNCHER_FLAGS = '--max-semi-space-size=2 --max-old-space-size=192';
const { NODE_EXTRA_CA_CERTS: _unset, ...environment } = process.env;
const ENVIRONMENT = { ...environment, MALLOC_ARENA_MAX: '1', MALLOC_TRIM_THRESHOLD_: '131072' };
export const NODE_FLAGS = (process.env.IGD2PCP_BENCH_NODE_FLAGS ?? LAUNCHER_FLAGS).split(' ').filter(Boolean);

/** With V8's compiled form beside it, as an installation makes it. */
if (isBuilt()) {
  copyFileSync(BUILT, join(copies, 'igd2pcp.cjs'));
  copyFileSync(START, BUNDLE);
  execFileSync(process.execPath, [...NODE_FLAGS, BUNDLE, 'version'], { env: { ...ENVIRONMENT, IGD2PCP_COMPILE: '1' } });
}

/** Without the caps against greedy clients: the bench is one. */
const GENEROUS = [
  ...['--max-mappings', '30000', '--max-mappings-per-client', '30000', '--pcp-max-in-flight', '256'],
  ...['--requests-per-minute', '0'],
];

/** `policy`: the limits for LAN hosts; `admin`: the operator's listener. */
export function igd2pcpGateway({ nat, flags = [], policy = GENEROUS, admin = 'off' }) {
  const directory = mkdtempSync(join(tmpdir(), 'igdb-'));
  const place = { host: ROUTER_LAN, port: 5000, path: '/igd1.xml' };
  const logFile = join(directory, 'log');
  const socketPath = join(directory, 'admin.sock');
  let child;
  return {
    name: `igd2pcp (nat ${nat})`,
    place,
    logFile,
    pid: () => child.pid,
    logBytes: () => statSync(logFile).size,
    takeDescriptors: () => takeDescriptors(child.pid),
    /** Undefined until the admin socket is open. */
    mappings: async () => (await getJson(socketPath, '/api/mappings'))?.mappings,
    async start() {
      flushRules(ROUTER);
      nft(ROUTER, ROUTER_RULES);
      await this.resume();
    },
    /** With the state and the rules it left. */
    async resume() {
      const argv = [
        ...[process.execPath, ...NODE_FLAGS, BUNDLE, 'run', '--config', '/dev/null'],
        ...['--lan', 'lan0', '--wan', 'wan0', '--nat', nat, '--pcp-server', CARRIER_INSIDE, '--trusted-pcp-network'],
        ...['--http-port', String(place.port), '--state-dir', join(directory, 'state'), '--admin', admin],
        ...['--admin-socket', socketPath, ...policy, ...flags],
      ];
      const log = createWriteStream(logFile, { flags: 'a' });
      child = spawnIn(ROUTER, argv, { stdio: ['ignore', 'pipe', 'pipe'], env: ENVIRONMENT });
      child.stdout.pipe(log);
      child.stderr.pipe(log, { end: false });
    },
    stop: (signal) => stopChild(child, signal),
    clean: () => rmSync(directory, { recursive: true, force: true }),
  };
}

/** What a router has anyway: its own masquerade, and a forward chain that lets DNATed packets in. */
const ROUTER_RULES = `table inet system {
  chain postrouting { type nat hook postrouting priority srcnat; policy accept; oifname "wan0" masquerade; }
}
`;

/** Grants at once, forwards nothing. `delayMs`: there and back. */
export function simulatedCarrier({ delayMs = 0, flags = [] } = {}) {
  let child;
  return {
    name: delayMs === 0 ? 'simulated carrier' : `simulated carrier, ${delayMs} ms`,
    pid: () => child.pid,
    async start() {
      flushRules(CARRIER);
      // Half of the round trip each way.
      const delay = ['--delay', `${delayMs / 2}ms`, '--third-party'];
      const argv = [process.execPath, BUNDLE, 'simulate', '--listen', `${CARRIER_INSIDE}:5351`, ...delay, ...flags];
      child = spawnIn(CARRIER, argv, { stdio: ['ignore', 'ignore', 'inherit'] });
      await sleep(500);
    },
    stop: () => stopChild(child),
    clean: () => {},
  };
}

/** A socket in the file system knows no network namespace. */
function getJson(socketPath, path) {
  return new Promise((resolve) => {
    const request = get({ socketPath, path }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve(JSON.parse(text)));
    });
    request.on('error', () => resolve(undefined));
  });
}
