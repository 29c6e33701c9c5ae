// What is known about the hosts on the LAN: their MAC addresses from the neighbour table, their names and address leases
// from dnsmasq's lease file. Read now and then and kept, because requests need it at once.

import type { Host, Neighbour } from '../base/host.ts';
import type { IpAddress } from '../base/ip-address.ts';
import { type HostObservation, parseDhcpLeases } from '../interworking/host-departure.ts';

/** Where OpenWrt's dnsmasq keeps it. Elsewhere anybody may put a file there, and would say who has left. */
const OPENWRT_LEASES = '/tmp/dhcp.leases';
const OPENWRT_MARK = '/etc/openwrt_release';
/** Thirteen thousand leases. */
const MOST_LEASE_OCTETS = 1024 * 1024;

export class LanHosts {
  readonly #host: Pick<Host, 'files' | 'network'>;
  #leaseFile: string;
  #leaseVersion: string | undefined;
  #observation: HostObservation = { leases: undefined, neighbours: [], ownAddresses: [] };
  #macs: ReadonlyMap<string, string> = new Map();
  #names: ReadonlyMap<string, string> = new Map();

  constructor(host: Pick<Host, 'files' | 'network'>, leaseFile: string) {
    this.#host = host;
    this.#leaseFile = leaseFile;
  }

  /** From a reloaded configuration. */
  useLeaseFile(path: string): void {
    this.#leaseFile = path;
    this.#leaseVersion = undefined;
  }

  async look(): Promise<HostObservation> {
    const neighbours = await this.#lookAtNeighbours();
    const leases = await this.#readLeases();
    const ownAddresses = this.#host.network.interfaces().map((row) => row.address);
    this.#observation = { leases, neighbours, ownAddresses };
    return this.#observation;
  }

  /** Before its request is judged by its MAC: who has just come is in the kernel's table, though not yet in ours. */
  async meet(address: IpAddress): Promise<void> {
    if (this.macOf(address) === undefined && !address.isLoopback) await this.#lookAtNeighbours();
  }

  macOf(address: IpAddress): string | undefined {
    return this.#macs.get(address.text);
  }

  /** The MAC of an address, or its text where there is none to know. */
  machineOf(address: IpAddress): string {
    return this.macOf(address)?.toLowerCase() ?? address.text;
  }

  nameOf(address: string): string | undefined {
    return this.#names.get(address);
  }

  async #lookAtNeighbours(): Promise<readonly Neighbour[]> {
    const neighbours = await this.#host.network.neighbours();
    this.#macs = new Map(neighbours.filter((row) => row.isReachable).map((row) => [row.address.text, row.mac]));
    return neighbours;
  }

  async #readLeases(): Promise<string | undefined> {
    const { files } = this.#host;
    const isOpenWrt = this.#leaseFile === 'auto' && (await files.version(OPENWRT_MARK)) !== undefined;
    const path = this.#leaseFile === 'auto' ? (isOpenWrt ? OPENWRT_LEASES : '') : this.#leaseFile;
    if (path === '') {
      this.#names = new Map();
      return undefined;
    }
    const version = await files.version(path);
    if (version !== undefined && version === this.#leaseVersion) return this.#observation.leases;
    const read = await files.read(path, MOST_LEASE_OCTETS);
    // No file descriptor is free, say: nobody left because of that. The next look reads it.
    if (!read.ok && read.error.kind === 'failed') return this.#observation.leases;
    this.#leaseVersion = version;
    this.#names = new Map(read.ok ? namesIn(read.value) : []);
    return read.ok ? read.value : undefined;
  }
}

/** dnsmasq writes "*" for a host that gave no name. */
function namesIn(leases: string): readonly (readonly [string, string])[] {
  const addresses = new Set(parseDhcpLeases(leases).map((lease) => lease.address.text));
  return leases.split('\n').flatMap((line) => {
    const [, , address = '', name = '*'] = line.trim().split(/\s+/);
    return addresses.has(address) && name !== '*' ? [[address, name] as const] : [];
  });
}
