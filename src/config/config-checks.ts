// What must fit together between options. Each row looks at a whole configuration and names the key to mend.

import { IpAddress } from '../base/ip-address.ts';
import type { Config, ConfigKey } from './config.ts';

/**
 * "run" serves a real LAN; a "demo" lives on loopback and needs neither interfaces nor a trusted network; "command" only
 * finds the daemon.
 */
export type ConfigPurpose = 'run' | 'demo' | 'command';

export interface Contradiction {
  readonly key: ConfigKey;
  readonly message: string;
}

type Check = (config: Config) => Contradiction | undefined;

const needsLan: Check = ({ lan }) =>
  lan.interfaces.length > 0
    ? undefined
    : {
        key: 'lan.interfaces',
        message: 'must name at least one interface to serve, such as ["br-lan"] (or --lan br-lan)',
      };

// RFC 6970 §6, RFC 6887 §13.1: requests for other hosts only where nobody else can forge them.
const needsTrust: Check = ({ wan, pcp }) =>
  wan.nat !== 'none' || pcp.trusted
    ? undefined
    : {
        key: 'pcp.trusted',
        message:
          'must be true with wan.nat = "none": every request then names a LAN host (THIRD_PARTY), which is safe only ' +
          'where nobody else reaches the PCP server in our name (RFC 6970 §6). If this box translates, set wan.nat = "nftables"',
      };

const wanIsNotLan: Check = ({ lan, wan }) =>
  wan.interface === '' || !lan.interfaces.includes(wan.interface)
    ? undefined
    : {
        key: 'lan.interfaces',
        message: `must not hold the external interface "${wan.interface}": strangers are not served`,
      };

const adminIsApart: Check = ({ lan, admin }) => {
  if (admin.listen === 'off' || lan.httpPort === 0 || admin.listen.port !== lan.httpPort) return undefined;
  const { address } = admin.listen;
  const isServed =
    address.isUnspecified || lan.interfaces.some((name) => IpAddress.parse(name)?.equals(address) === true);
  return isServed
    ? { key: 'admin.listen', message: `must not use port ${lan.httpPort}: the LAN is served there (lan.http_port)` }
    : undefined;
};

const shareFits: Check = ({ policy }) =>
  policy.maxMappingsPerClient <= policy.maxMappings
    ? undefined
    : {
        key: 'policy.max_mappings_per_client',
        message: `must not be more than policy.max_mappings, which is ${policy.maxMappings}`,
      };

const CHECKS: Readonly<Record<ConfigPurpose, readonly Check[]>> = {
  run: [needsLan, needsTrust, wanIsNotLan, adminIsApart, shareFits],
  demo: [wanIsNotLan, adminIsApart, shareFits],
  command: [],
};

export const contradictionsIn = (config: Config, purpose: ConfigPurpose): readonly Contradiction[] =>
  CHECKS[purpose].flatMap((check) => check(config) ?? []);
