// Debian's upnpc as the control point on a LAN host: what it says, turned into values.

export class Upnpc {
  #network;
  #host;
  /** `url`: the device to talk to; without it every call searches for two seconds. */
  constructor(network, host, url) {
    this.#network = network;
    this.#host = host;
    this.url = url;
  }

  async say(...args) {
    const where = this.url === undefined ? [] : ['-u', this.url];
    const { output } = await this.#network.namespaces.attempt(this.#host, 60_000, 'upnpc', ...where, ...args);
    return output;
  }

  /** The error code of the fault, or 0. */
  async add(address, internalPort, externalPort, protocol, { lease = 3600, remoteHost } = {}) {
    const more = remoteHost === undefined ? [] : [remoteHost];
    const output = await this.say('-a', address, internalPort, externalPort, protocol, lease, ...more);
    return verdict(output, / is redirected to internal /);
  }

  /** The port that was reserved, or `{ code }`. */
  async addAny(address, internalPort, externalPort, protocol, lease = 3600) {
    const output = await this.say('-n', address, internalPort, externalPort, protocol, lease);
    const reserved = /external [\d.]*:(\d+) (?:TCP|UDP) is redirected/.exec(output);
    return reserved === null ? { code: verdict(output, /$^/) } : { port: Number(reserved[1]) };
  }

  async delete(externalPort, protocol) {
    return verdict(await this.say('-d', externalPort, protocol), /UPNP_DeletePortMapping\(\) returned : 0/);
  }

  async deleteRange(first, last, protocol) {
    return verdict(await this.say('-N', first, last, protocol), /UPNP_DeletePortMappingRange\(\) returned : 0/);
  }

  /** Rows of -l (one by one) or -L (GetListOfPortMappings). */
  async list(how = '-l') {
    const output = await this.say(how);
    return [...output.matchAll(/^\s*\d+\s+(TCP|UDP)\s+(\d+)->([\d.]+):(\d+)\s/gm)].map(
      ([, protocol, externalPort, address, internalPort]) => ({
        protocol,
        externalPort: Number(externalPort),
        address,
        internalPort: Number(internalPort),
      }),
    );
  }
}

/** upnpc goes on after a refusal, and what it then prints may look like a success. */
function verdict(output, success) {
  const refusal = /Mapping(?:Range)?\([^)]*\) failed with code :? ?(-?\d+)/.exec(output);
  if (refusal !== null) return Number(refusal[1]);
  return success.test(output) ? 0 : -1;
}
