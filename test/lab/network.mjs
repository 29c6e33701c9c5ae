// The world of every topology: LAN hosts — CPE — carrier — Internet. What differs is the CPE's NAT, the addresses between
// it and the carrier, and what the carrier speaks. The carrier's own servers are in `carrier.mjs`.

import { Agent } from './agent.mjs';
import { Namespaces } from './namespaces.mjs';

/** Looks public to every client and is routed nowhere: it exists inside the namespaces only. */
export const CARRIER_ADDRESS = '11.77.0.1';
export const STRANGER_ADDRESS = '11.77.0.9';
export const LAN_GATEWAY = '192.168.77.1';
export const LAN_HOST = '192.168.77.10';
export const SECOND_HOST = '192.168.77.11';
export const GUEST_GATEWAY = '192.168.78.1';
export const GUEST_HOST = '192.168.78.10';

/** The commands of the README's "five minutes", for a box whose firewall drops what it does not know. */
export const CPE_FIREWALL = `
table inet filter {
  chain forward {
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    ct status dnat accept
    iifname "br-*" oifname "wan" accept
  }
}
`;
export const CPE_MASQUERADE = `
table inet nat {
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    oifname "wan" masquerade
  }
}
`;

const settle = (ms) => new Promise((done) => setTimeout(done, ms));

export class Network {
  /** between: { prefix, carrier, cpe, other } — the addresses of the access network. */
  static async build(folder, set, { between, isNatted, hasGuestLan = false, isDsLite = false }) {
    const network = new Network(folder, set, between);
    try {
      network.#cables(hasGuestLan);
      network.#lan(hasGuestLan);
      network.#access();
      network.#cpe(isNatted);
      if (isDsLite) network.#softwire();
      network.#agents(hasGuestLan);
      // Bridges forward nothing in their first moments.
      await settle(300);
      return network;
    } catch (error) {
      await network.close();
      throw error;
    }
  }

  constructor(folder, set, between) {
    this.folder = folder;
    this.set = set;
    this.between = between;
    this.namespaces = new Namespaces(folder, set);
    this.agents = {};
    /** What must have happened before a stranger knocks; the carrier knows. */
    this.carrierIsReady = async () => {};
  }

  #cables(hasGuestLan) {
    const ns = this.namespaces;
    const hosts = hasGuestLan ? ['host', 'second', 'guest'] : ['host', 'second'];
    for (const name of [...hosts, 'cpe', 'carrier', 'other', 'internet']) ns.add(name);
    ns.link('cpe', 'port1', 'host', 'eth0');
    ns.link('cpe', 'port2', 'second', 'eth0');
    if (hasGuestLan) ns.link('cpe', 'port3', 'guest', 'eth0');
    ns.link('cpe', 'wan', 'carrier', 'line1');
    ns.link('other', 'wan', 'carrier', 'line2');
    ns.link('carrier', 'ext', 'internet', 'eth0');
  }

  #lan(hasGuestLan) {
    this.#bridge('cpe', 'br-lan', ['port1', 'port2'], `${LAN_GATEWAY}/24`);
    this.#address('host', 'eth0', `${LAN_HOST}/24`, LAN_GATEWAY);
    this.#address('second', 'eth0', `${SECOND_HOST}/24`, LAN_GATEWAY);
    if (!hasGuestLan) return;
    this.#bridge('cpe', 'br-guest', ['port3'], `${GUEST_GATEWAY}/24`);
    this.#address('guest', 'eth0', `${GUEST_HOST}/24`, GUEST_GATEWAY);
  }

  #access() {
    const { prefix, carrier, cpe, other } = this.between;
    this.#bridge('carrier', 'sub', ['line1', 'line2'], `${carrier}/${prefix}`);
    this.#address('cpe', 'wan', `${cpe}/${prefix}`, carrier);
    this.#address('other', 'wan', `${other}/${prefix}`, carrier);
    this.#address('carrier', 'ext', `${CARRIER_ADDRESS}/24`);
    // No route back: an address of the carrier's inside that leaks out is lost, as on the real Internet.
    this.#address('internet', 'eth0', `${STRANGER_ADDRESS}/24`);
    for (const router of ['cpe', 'carrier']) {
      this.namespaces.run(router, 'sysctl', '-qw', 'net.ipv4.ip_forward=1');
      // Where Docker runs, bridged packets go through the router's firewall as well; -e: elsewhere there is no such switch.
      this.namespaces.run(router, 'sysctl', '-eqw', 'net.bridge.bridge-nf-call-iptables=0');
    }
  }

  #cpe(isNatted) {
    const ns = this.namespaces;
    if (isNatted) {
      ns.nft('cpe', CPE_FIREWALL);
      ns.nft('cpe', CPE_MASQUERADE);
    } else {
      // The carrier knows where the LAN is; its NAT is the only one, and the only thing that keeps strangers out.
      ns.run('carrier', 'ip', 'route', 'add', '192.168.77.0/24', 'via', this.between.cpe);
    }
  }

  /**
   * Like RFC 6333 seen from both ends: no IPv4 address between CPE and carrier, IPv4 packets go from one's IPv6 address to
   * the other's. Routes with an IPv6 next hop take the place of the tunnel, which not every kernel has.
   */
  #softwire() {
    const ns = this.namespaces;
    const { carrierV6, cpeV6, cpe, prefix } = this.between;
    ns.run('carrier', 'ip', 'route', 'del', '192.168.77.0/24', 'via', cpe);
    ns.run('cpe', 'ip', 'address', 'del', `${cpe}/${prefix}`, 'dev', 'wan');
    ns.run('cpe', 'ip', 'address', 'add', `${cpeV6}/64`, 'dev', 'wan', 'nodad');
    ns.run('carrier', 'ip', 'address', 'add', `${carrierV6}/64`, 'dev', 'sub', 'nodad');
    ns.run('cpe', 'ip', 'route', 'add', '0.0.0.0/0', 'via', 'inet6', carrierV6, 'dev', 'wan');
    ns.run('carrier', 'ip', 'route', 'add', '192.168.77.0/24', 'via', 'inet6', cpeV6, 'dev', 'sub');
  }

  #agents(hasGuestLan) {
    const names = ['host', 'second', 'other', 'internet', ...(hasGuestLan ? ['guest'] : [])];
    for (const name of names) this.agents[name] = new Agent(this.namespaces, name);
  }

  #bridge(name, bridge, ports, address) {
    const ns = this.namespaces;
    ns.run(name, 'ip', 'link', 'add', bridge, 'type', 'bridge', 'forward_delay', '0');
    for (const port of ports) ns.run(name, 'ip', 'link', 'set', port, 'master', bridge);
    ns.run(name, 'ip', 'link', 'set', bridge, 'up');
    this.#address(name, bridge, address);
  }

  #address(name, dev, address, gateway) {
    this.namespaces.run(name, 'ip', 'address', 'add', address, 'dev', dev);
    if (gateway !== undefined) this.namespaces.run(name, 'ip', 'route', 'add', 'default', 'via', gateway);
  }

  /** The stranger, and what it finds behind an external port. */
  get stranger() {
    return this.agents.internet;
  }

  close() {
    return this.namespaces.close();
  }
}
