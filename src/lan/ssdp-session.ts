// SSDP on the LAN addresses of this box, each by itself. What is said there, and to whom, is decided in upnp/ssdp/.

import type { IpAddress } from '../base/ip-address.ts';
import { LanPresence, type LanPresenceOptions, type SsdpLan, type SsdpLanStatus } from './lan-presence.ts';

export class SsdpSession {
  readonly #options: LanPresenceOptions;
  /** By address. */
  readonly #lans = new Map<string, LanPresence>();
  #bootId: number;

  constructor(options: LanPresenceOptions) {
    this.#options = options;
    this.#bootId = options.bootId;
  }

  status(): readonly SsdpLanStatus[] {
    return [...this.#lans.values()].map((lan) => lan.status());
  }

  add(lan: SsdpLan): void {
    const presence = new LanPresence({ ...this.#options, bootId: this.#bootId }, lan);
    this.#lans.set(lan.address.text, presence);
    presence.start();
  }

  /** Says goodbye there, where that is possible still. What comes in its place is another start (UDA 1.1 §1.2.2). */
  async remove(address: IpAddress): Promise<void> {
    const presence = this.#lans.get(address.text);
    if (presence === undefined) return;
    this.#lans.delete(address.text);
    this.#bootId = Math.max(this.#bootId, presence.nextBootId);
    await presence.close();
  }

  /** Says goodbye on every LAN; settles when that has left. */
  async close(): Promise<void> {
    await Promise.all([...this.#lans.values()].map((lan) => lan.close()));
  }
}
