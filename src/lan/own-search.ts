// Searches for our own root the way a control point does: from a port of its own, over the interface of one LAN address,
// through the kernel and back to our own SSDP socket. Whether and when is the SearchWatchdog's business.

import type { Host, UdpSocket } from '../base/host.ts';
import type { Endpoint, IpAddress } from '../base/ip-address.ts';
import { SSDP_GROUP, SSDP_PORT, ssdpText } from '../base/ssdp-socket.ts';
import type { AdvertisedRoot } from '../upnp/ssdp/advertised-root.ts';
import { searchMessage } from '../upnp/ssdp/ssdp-messages.ts';

const GROUP: Endpoint = { address: SSDP_GROUP, port: SSDP_PORT };
const MAX_DELAY_SECONDS = 1;

export class OwnSearch {
  readonly #host: Host;
  readonly #from: IpAddress;
  readonly #roots: readonly AdvertisedRoot[];
  readonly #answered: () => void;
  #socket: UdpSocket | undefined;
  #isEnded = false;

  constructor(host: Host, from: IpAddress, roots: readonly AdvertisedRoot[], answered: () => void) {
    this.#host = host;
    this.#from = from;
    this.#roots = roots;
    this.#answered = answered;
  }

  async ask(): Promise<void> {
    const udn = this.#roots[0]?.root.udn;
    if (udn === undefined) return;
    if (this.#socket === undefined) await this.#open(udn);
    this.#socket?.send(new TextEncoder().encode(ssdpText(searchMessage(udn, MAX_DELAY_SECONDS))), GROUP);
  }

  end(): void {
    this.#isEnded = true;
    this.#shut();
  }

  async #open(udn: string): Promise<void> {
    const opened = await this.#host.udp.open(
      { address: this.#from },
      {
        datagram: (bytes) => {
          const text = new TextDecoder().decode(bytes);
          if (!text.startsWith('HTTP/1.1 200') || !text.includes(udn)) return;
          this.#shut();
          this.#answered();
        },
      },
    );
    if (!opened.ok) return;
    if (this.#isEnded) opened.value.close();
    else this.#socket = opened.value;
  }

  #shut(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }
}
