// SSDP on the LAN addresses of this box, each by itself. What is said there, and to whom, is decided in upnp/ssdp/.

import { LanPresence, type LanPresenceOptions, type SsdpLan, type SsdpLanStatus } from './lan-presence.ts';

export interface SsdpSessionOptions extends LanPresenceOptions {
  readonly lans: readonly SsdpLan[];
}

export interface SsdpSession {
  status(): readonly SsdpLanStatus[];
  /** Says goodbye on every LAN; settles when that has left. */
  close(): Promise<void>;
}

export function createSsdpSession(options: SsdpSessionOptions): SsdpSession {
  const lans = options.lans.map((lan) => new LanPresence(options, lan));
  for (const lan of lans) lan.start();
  return {
    status: () => lans.map((lan) => lan.status()),
    close: async () => {
      await Promise.all(lans.map((lan) => lan.close()));
    },
  };
}
