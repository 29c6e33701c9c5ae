// The daemon under test, in the CPE, as the README says to run it: a configuration file and `igd2pcp run`.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { takeDescriptors } from '../bench/parts/descriptors.mjs';
import { unixCall } from './carrier.mjs';
import { LAN_GATEWAY } from './network.mjs';
import { until } from './report.mjs';

export const HTTP_PORT = 5000;
export const descriptionUrl = (igd, gateway = LAN_GATEWAY) => `http://${gateway}:${HTTP_PORT}/igd${igd}.xml`;

export class Daemon {
  #network;
  #program;
  #config;
  #socket;
  #process;
  #env;
  #hides;

  /** settings: { lan, wan, nat, hides, servers, trusted, emulatePreferFailure } */
  constructor(network, program, settings, env = {}) {
    this.#network = network;
    this.#program = program;
    this.#env = env;
    this.#hides = settings.hides;
    const state = join(network.folder, `${network.set}-state`);
    mkdirSync(state, { recursive: true });
    this.#socket = join(network.folder, `${network.set}-igd2pcp.sock`);
    this.#config = join(network.folder, `${network.set}-igd2pcp.toml`);
    writeFileSync(this.#config, renderConfig(settings, state, this.#socket));
  }

  async start() {
    const command = [process.execPath, this.#program, 'run', '--config', this.#config];
    const [program, ...args] = this.#hides === undefined ? command : hiding(this.#hides, command);
    this.#process = this.#network.namespaces.start('cpe', 'igd2pcp', program, args, { env: this.#env });
    // Until everything is up it answers 503.
    await until('the daemon is up', 15_000, async () => {
      if (!this.#process.isRunning) throw new Error('igd2pcp ended: see its log');
      return (await unixCall(this.#socket, 'GET', '/api/status'))?.status === 200;
    });
  }

  async mappings() {
    const reply = await unixCall(this.#socket, 'GET', '/api/mappings');
    if (reply?.status !== 200) throw new Error(`/api/mappings: ${reply?.status ?? 'no answer'}`);
    const parsed = JSON.parse(reply.body);
    return Array.isArray(parsed) ? parsed : parsed.mappings;
  }

  async mapping(protocol, externalPort) {
    return (await this.mappings()).find((each) => each.protocol === protocol && each.externalPort === externalPort);
  }

  get pid() {
    return this.#process.pid;
  }

  get isRunning() {
    return this.#process.isRunning;
  }

  /** → gives them back. */
  takeDescriptors() {
    return takeDescriptors(this.pid);
  }

  reload() {
    this.#process.signal('SIGHUP');
  }

  stop() {
    return this.#process?.stop('SIGTERM');
  }

  /** As a crash or the kernel's memory killer does. */
  kill() {
    return this.#process.stop('SIGKILL');
  }
}

/** Runs in a mount namespace of its own, where this file is empty. */
const hiding = (file, command) => [
  'unshare',
  '--mount',
  'sh',
  '-c',
  `[ ! -e ${file} ] || mount --bind /dev/null ${file}; exec "$@"`,
  'sh',
  ...command,
];

function renderConfig(settings, state, socket) {
  const {
    lan = ['br-lan'],
    wan = 'wan',
    nat,
    servers = ['auto'],
    trusted = false,
    emulatePreferFailure = false,
  } = settings;
  return `
[lan]
interfaces = ${JSON.stringify(lan)}
http_port  = ${HTTP_PORT}

[wan]
interface = "${wan}"
nat       = "${nat}"
hairpin   = ${nat === 'nftables'}

[pcp]
servers = ${JSON.stringify(servers)}
trusted = ${trusted}
emulate_prefer_failure = ${emulatePreferFailure}

[hosts]
dhcp_leases = ""

[state]
directory = "${state}"

[admin]
socket = "${socket}"
listen = "off"

[log]
level = "debug"
`;
}
