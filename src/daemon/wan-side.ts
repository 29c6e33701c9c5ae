// The external interface of this box: which one it is, what address it has now, and this box's own NAT on it.

import type { Host } from '../base/host.ts';
import type { IpAddress } from '../base/ip-address.ts';
import { ok, type Result, refused } from '../base/result.ts';
import { seconds } from '../base/time.ts';
import type { WanView } from '../operator/operator-source.ts';
import type { Config } from './config.ts';
import type { Driver } from './drive.ts';
import { type NftablesSession, startNftablesSession } from './nftables-session.ts';
import { Periodic } from './periodic.ts';

/** The upstream DHCP client or PPP may change it at any time, and tells nobody. */
const LOOK_AT_ADDRESS_EVERY = seconds(5);

export class WanSide {
  readonly interfaceName: string | undefined;
  /** Undefined with `nat = "none"`. */
  readonly nat: NftablesSession | undefined;
  readonly #host: Host;
  #address: IpAddress | undefined;

  private constructor(host: Host, interfaceName: string | undefined, nat: NftablesSession | undefined) {
    this.#host = host;
    this.interfaceName = interfaceName;
    this.nat = nat;
    this.#address = addressOf(host, interfaceName);
  }

  /** The error is a sentence for the person who starts the daemon. */
  static async open(host: Host, driver: Driver, config: Config): Promise<Result<WanSide, string>> {
    const named = config.wan.interface;
    const interfaceName = named !== '' ? named : (await host.network.defaultRoute('IPv4'))?.interfaceName;
    if (config.wan.nat === 'none') return ok(new WanSide(host, interfaceName, undefined));
    if (interfaceName === undefined) {
      return refused('wan.interface: there is no default route to find it by; name the external interface (--wan)');
    }
    const wanAddress = addressOf(host, interfaceName);
    const options = { wanInterface: interfaceName, hairpin: config.wan.hairpin, wanAddress };
    const nat = await startNftablesSession(host, driver, options);
    if (!nat.ok) return nat;
    const side = new WanSide(host, interfaceName, nat.value);
    const look = new Periodic(LOOK_AT_ADDRESS_EVERY, 'look at the WAN address', host.clock.now());
    driver.add('WAN address', look, () => side.look());
    return ok(side);
  }

  /** Rules follow the address; what the PCP server must be told is the PCP session's business. */
  look(): void {
    const address = addressOf(this.#host, this.interfaceName);
    if (address === undefined || (this.#address !== undefined && address.equals(this.#address))) return;
    this.#address = address;
    this.nat?.wanAddressChanged(address);
  }

  view(): WanView {
    const figures = this.nat?.figures();
    return {
      interfaceName: this.interfaceName ?? '',
      nat: figures === undefined ? 'none' : 'nftables',
      natProblem: figures?.problem,
      natCounts: figures,
    };
  }

  async close(flush: boolean): Promise<void> {
    if (this.nat === undefined) return;
    if (flush) await this.nat.flush();
    else this.nat.close();
  }
}

function addressOf(host: Host, interfaceName: string | undefined): IpAddress | undefined {
  return host.network.interfaces().find((row) => row.name === interfaceName && row.address.isIPv4)?.address;
}
