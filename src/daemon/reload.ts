// What a configuration that is read again may change while the daemon runs, and what has to wait for a restart.

import type { Config, ConfigKey } from '../config/config.ts';
import { changedKeys } from '../config/config-reader.ts';

// These are read again for each request, or followed; everything else was used up when it was opened.
const RELOADABLE: ReadonlySet<ConfigKey> = new Set<ConfigKey>([
  'lan.interfaces',
  'lan.routed_prefixes',
  'wan.interface',
  'policy.own_address_only',
  'policy.min_port',
  'policy.max_mappings',
  'policy.max_mappings_per_client',
  'policy.requests_per_minute',
  'policy.rule',
  'hosts.dhcp_leases',
  'admin.token_file',
]);

export interface Reload {
  /** The running configuration, changed where it can. */
  readonly config: Config;
  readonly changed: readonly ConfigKey[];
  readonly late: readonly ConfigKey[];
}

export function reload(running: Config, wanted: Config): Reload {
  const keys = changedKeys(running, wanted);
  return {
    // Key by key: what waits for a restart is to be named at the next reload, too.
    config: {
      ...running,
      lan: { ...running.lan, interfaces: wanted.lan.interfaces, routedPrefixes: wanted.lan.routedPrefixes },
      wan: { ...running.wan, interface: wanted.wan.interface },
      policy: wanted.policy,
      hosts: { ...running.hosts, dhcpLeases: wanted.hosts.dhcpLeases },
      admin: { ...running.admin, tokenFile: wanted.admin.tokenFile },
    },
    changed: keys.filter((key) => RELOADABLE.has(key)),
    late: keys.filter((key) => !RELOADABLE.has(key)),
  };
}
