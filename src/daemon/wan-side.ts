// The external interface of this box: which one it is now, under which address the PCP server and the Internet see it, and
// this box's own NAT on it. It may come after us, change its name or its address, and hand over to another line.

import type { Driver } from '../base/drive.ts';
import type { Host, NetworkInterface } from '../base/host.ts';
import type { IpAddress } from '../base/ip-address.ts';
import { ok, type Result } from '../base/result.ts';
import type { Config } from '../config/config.ts';
import { deviceOf } from '../lan/lan-addresses.ts';
import type { WanView } from '../operator/operator-source.ts';
import { type NftablesSession, startNftablesSession } from '../packet-filter/nftables-session.ts';

export class WanSide {
  readonly #host: Host;
  /** As configured; "": where the default route leads. */
  #wish: string;
  #interfaceName: string | undefined;
  /** From where the PCP server is asked. */
  #source: IpAddress | undefined;
  #address: IpAddress | undefined;
  #nat: NftablesSession | undefined;

  private constructor(host: Host, wish: string) {
    this.#host = host;
    this.#wish = wish;
  }

  /** The error is a sentence for the person who starts the daemon. That there is no external interface yet is none. */
  static async open(host: Host, driver: Driver, config: Config): Promise<Result<WanSide, string>> {
    const side = new WanSide(host, config.wan.interface);
    await side.look();
    if (config.wan.nat === 'none') return ok(side);
    const nat = await startNftablesSession(host, driver, {
      wanInterface: side.#interfaceName,
      hairpin: config.wan.hairpin,
      wanAddress: side.#address,
      obstacle: () => side.obstacle(),
    });
    if (!nat.ok) return nat;
    side.#nat = nat.value;
    const obstacle = side.obstacle();
    if (obstacle !== undefined) host.log.warn(`no port can be opened yet: ${obstacle}`);
    return ok(side);
  }

  /** Undefined with `nat = "none"`. */
  get nat(): NftablesSession | undefined {
    return this.#nat;
  }

  get interfaceName(): string | undefined {
    return this.#interfaceName;
  }

  /** Rules follow the interface and its address; what the PCP server must be told is the PCP session's business. */
  async look(): Promise<void> {
    const name = (await externalInterface(this.#host, this.#wish)) ?? this.#interfaceName;
    if (name !== undefined && name !== this.#interfaceName) {
      if (this.#nat !== undefined) this.#host.log.info(`the external interface is ${name} now`);
      this.#interfaceName = name;
      this.#nat?.wanInterfaceChanged(name);
    }
    this.#followAddress();
  }

  /** From a reloaded configuration. */
  async useInterface(wish: string): Promise<void> {
    this.#wish = wish;
    await this.look();
  }

  askedFrom(source: IpAddress | undefined): void {
    this.#source = source;
    this.#followAddress();
  }

  /** Why nobody could get in, though the PCP server might grant it. Undefined: nothing is in the way. */
  obstacle(): string | undefined {
    const name = this.#interfaceName;
    if (name === undefined) {
      return 'there is no external interface yet: nothing names it (wan.interface), and there is no default route';
    }
    const rows = this.#host.network.interfaces();
    if (natAddress(rows, name, this.#source) === undefined) {
      return `the external interface ${name} is not up or has no IPv4 address`;
    }
    const asked = rows.find((row) => this.#source !== undefined && row.address.equals(this.#source));
    if (asked === undefined || asked.isLoopback || deviceOf(asked.name) === name) return undefined;
    return (
      `the PCP server is asked from ${asked.address.text} (${asked.name}), but the external interface is ${name}, ` +
      'so what comes in there would not be let in: name the other with wan.interface, or mend the route'
    );
  }

  view(): WanView {
    const figures = this.#nat?.figures();
    return {
      interfaceName: this.#interfaceName ?? '',
      nat: figures === undefined ? 'none' : 'nftables',
      natProblem: figures?.problem ?? (figures === undefined ? undefined : this.obstacle()),
      natCounts: figures,
    };
  }

  async close(flush: boolean): Promise<void> {
    if (flush) await this.#nat?.flush();
    else this.#nat?.close();
  }

  /** An address that is gone stays in the rules: it mostly comes back, and then nothing has to be written. */
  #followAddress(): void {
    const rows = this.#host.network.interfaces();
    const address = natAddress(rows, this.#interfaceName, this.#source);
    if (address === undefined || (this.#address !== undefined && address.equals(this.#address))) return;
    this.#address = address;
    this.#nat?.wanAddressChanged(address);
  }
}

/** Undefined: not known yet. */
export async function externalInterface(host: Pick<Host, 'network'>, wish: string): Promise<string | undefined> {
  return wish !== '' ? wish : (await host.network.defaultRoute('IPv4'))?.interfaceName;
}

/**
 * What NAT1 rules are keyed by. The PCP server sends what arrives to the address that it was asked from, which is not always
 * the first one of the interface, and on an unnumbered line not even on it.
 */
function natAddress(
  rows: readonly NetworkInterface[],
  interfaceName: string | undefined,
  source: IpAddress | undefined,
): IpAddress | undefined {
  const asked = rows.find((row) => source !== undefined && row.address.equals(source))?.address;
  if (asked?.isIPv4 === true && !asked.isLoopback) return asked;
  return rows.find((row) => deviceOf(row.name) === interfaceName && row.address.isIPv4)?.address;
}
