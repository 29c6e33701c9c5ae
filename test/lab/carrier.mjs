// The carrier's NAT with a PCP server in front of it: Debian's miniupnpd, or the simulator (which forwards nothing
// itself: here its table is copied into the kernel, so that packets take the way it granted).

import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { CARRIER_ADDRESS } from './network.mjs';

const wait = (ms) => new Promise((done) => setTimeout(done, ms));

// miniupnpd wants its chains made beforehand.
const TABLE = `
table inet carrier
delete table inet carrier
table inet carrier {
  chain mapped_forward {
  }
  chain mapped_in {
  }
  chain mapped_out {
  }
  chain forward {
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    iifname "sub" accept
    iifname "softwire" accept
    jump mapped_forward
  }
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    jump mapped_in
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    jump mapped_out
    oifname "ext" masquerade
  }
}
`;

export class MiniupnpdCarrier {
  #network;
  #process;
  #pidFile;
  #config;

  constructor(network, { minLifetime = 120, maxLifetime = 86_400, internalPorts = '1-65535' } = {}) {
    this.#network = network;
    this.#pidFile = join(network.folder, `${network.set}-miniupnpd.pid`);
    this.#config = join(network.folder, `${network.set}-miniupnpd.conf`);
    writeFileSync(
      this.#config,
      [
        'ext_ifname=ext',
        'listening_ip=sub',
        'enable_upnp=no',
        'enable_natpmp=yes',
        'pcp_allow_thirdparty=yes',
        'secure_mode=no',
        'system_uptime=no',
        `min_lifetime=${minLifetime}`,
        `max_lifetime=${maxLifetime}`,
        'upnp_table_name=carrier',
        'upnp_nat_table_name=carrier',
        'upnp_forward_chain=mapped_forward',
        'upnp_nat_chain=mapped_in',
        'upnp_nat_postrouting_chain=mapped_out',
        'uuid=8a1f6b66-1b3b-4f67-8a5e-9d2d1a6b0c11',
        `allow 1024-65535 0.0.0.0/0 ${internalPorts}`,
        'deny 0-65535 0.0.0.0/0 0-65535',
        '',
      ].join('\n'),
    );
  }

  get name() {
    return 'miniupnpd 2.3.1';
  }

  /** With all state forgotten: rules, mappings, epoch. */
  async start() {
    this.#network.namespaces.nft('carrier', TABLE);
    rmSync(this.#pidFile, { force: true });
    const args = ['-d', '-f', this.#config, '-P', this.#pidFile];
    this.#process = this.#network.namespaces.start('carrier', 'miniupnpd', '/usr/sbin/miniupnpd', args);
    for (let tries = 0; tries < 50 && !existsSync(this.#pidFile); tries += 1) await wait(20);
    await wait(100);
    if (!this.#process.isRunning) throw new Error('miniupnpd did not start: see its log');
  }

  async stop() {
    await this.#process?.stop('SIGKILL');
  }

  async restart() {
    await this.stop();
    await this.start();
  }

  follow() {}
}

/** How often the simulator's table is copied into the kernel. */
const FOLLOW_EVERY_MS = 100;

export class SimulatedCarrier {
  #network;
  #program;
  #listen;
  #flags;
  #socket;
  #process;
  #lastScript = '';
  #following;

  constructor(network, { program, listen, flags = [] }) {
    this.#network = network;
    this.#program = program;
    this.#listen = listen;
    this.#flags = flags;
    this.#socket = join(network.folder, `${network.set}-simulator.sock`);
  }

  get name() {
    return `igd2pcp simulate ${this.#flags.join(' ')}`.trim();
  }

  async start() {
    this.#network.namespaces.nft('carrier', TABLE);
    this.#lastScript = '';
    const args = [
      this.#program,
      'simulate',
      '--listen',
      this.#listen,
      '--external',
      CARRIER_ADDRESS,
      '--control',
      this.#socket,
      ...this.#flags,
    ];
    this.#process = this.#network.namespaces.start('carrier', 'simulator', process.execPath, args);
    for (let tries = 0; tries < 100; tries += 1) {
      if ((await this.#mappings()) !== undefined) break;
      await wait(50);
    }
    if ((await this.#mappings()) === undefined) throw new Error('the simulator did not start: see its log');
    this.#following = setInterval(() => void this.follow(), FOLLOW_EVERY_MS);
  }

  async stop() {
    clearInterval(this.#following);
    await this.#process?.stop('SIGKILL');
  }

  async restart() {
    await this.stop();
    await this.start();
  }

  /** A line such as "quota 3". */
  async tell(line) {
    const said = await this.#call('POST', '/', line);
    if (said?.status !== 200) throw new Error(`the simulator did not take "${line}": ${said?.body}`);
  }

  async follow() {
    const mappings = await this.#mappings();
    if (mappings === undefined) return;
    const script = [
      'flush chain inet carrier mapped_in',
      'flush chain inet carrier mapped_out',
      'flush chain inet carrier mapped_forward',
    ];
    // A mapping for an IPv6 host leads nowhere in this NAT44.
    for (const { protocol, internal, external } of mappings.filter((each) => !each.internal.address.includes(':'))) {
      const l4 = protocol.toLowerCase();
      script.push(
        `add rule inet carrier mapped_in iifname "ext" ${l4} dport ${external.port} dnat ip to ${internal.address}:${internal.port}`,
        `add rule inet carrier mapped_out oifname "ext" ip saddr ${internal.address} ${l4} sport ${internal.port} snat ip to ${CARRIER_ADDRESS}:${external.port}`,
        `add rule inet carrier mapped_forward ip daddr ${internal.address} ${l4} dport ${internal.port} accept`,
      );
    }
    const text = `${script.join('\n')}\n`;
    if (text === this.#lastScript) return;
    this.#lastScript = text;
    this.#network.namespaces.nft('carrier', text);
  }

  async #mappings() {
    const reply = await this.#call('GET', '/json');
    return reply === undefined ? undefined : JSON.parse(reply.body).mappings.map(asEndpoints);
  }

  #call(method, path, body) {
    return unixCall(this.#socket, method, path, body);
  }
}

function asEndpoints(mapping) {
  return {
    protocol: mapping.protocol,
    internal: { address: mapping.internalAddress, port: mapping.internalPort },
    external: { address: mapping.externalAddress, port: mapping.externalPort },
  };
}

/** Undefined when nobody listens there. */
export function unixCall(socketPath, method, path, body = '') {
  return new Promise((done) => {
    const call = request({ socketPath, method, path, timeout: 10_000 }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => (text += chunk));
      response.on('end', () => done({ status: response.statusCode, body: text }));
    });
    call.on('timeout', () => call.destroy());
    call.on('error', () => done(undefined));
    call.end(body);
  });
}
