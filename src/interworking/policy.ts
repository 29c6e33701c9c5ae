// Who may map what: the operator's rules, ports and caps (RFC 6970 §6; WANIPConnection:2 §2.2 recommends the defaults).
// Pure judgement over values; which error code a refusal becomes is `authorization.ts`'s business.

import type { IpAddress } from '../base/ip-address.ts';
import type { IpPrefix } from '../base/ip-prefix.ts';
import { ANY_PORT, isInPortRange, type PortNumber, type PortRange } from '../base/port-number.ts';

export interface PolicyRule {
  readonly action: 'allow' | 'deny';
  readonly client:
    | { readonly kind: 'anyone' }
    | { readonly kind: 'prefix'; readonly prefix: IpPrefix }
    | { readonly kind: 'mac'; readonly mac: string };
  readonly externalPorts: PortRange;
  readonly internalPorts: PortRange;
}

export interface LanNetwork {
  /** This box's own. */
  readonly address: IpAddress;
  readonly prefix: IpPrefix;
}

export interface Policy {
  /** A control point maps for itself only, and sees and deletes by port only what is its own. */
  readonly ownAddressOnly: boolean;
  readonly minPort: number;
  readonly maxMappings: number;
  readonly maxMappingsPerClient: number;
  /** Changes and probes a control point may ask for in a minute; 0: no cap. */
  readonly requestsPerMinute: number;
  /** First match wins; no match allows. */
  readonly rules: readonly PolicyRule[];
  /** The networks that are served. */
  readonly lans: readonly LanNetwork[];
  /** Networks of the house behind other routers: their hosts may be internal clients, too. */
  readonly routedPrefixes: readonly IpPrefix[];
  /** External ports this box uses itself or forwards statically. */
  readonly reservedPorts: readonly PortRange[];
}

export const DEFAULT_POLICY: Policy = {
  ownAddressOnly: true,
  minPort: 1024,
  maxMappings: 1024,
  maxMappingsPerClient: 128,
  requestsPerMinute: 240,
  rules: [],
  lans: [],
  routedPrefixes: [],
  reservedPorts: [],
};

export interface PolicyQuestion {
  readonly client: IpAddress;
  readonly mac: string | undefined;
  /** `ANY_PORT`: not known yet; asked again when it is. */
  readonly externalPort: PortNumber;
  readonly internalPort: PortNumber;
}

/** Why not; undefined: allowed. */
export function policyObjection(policy: Policy, question: PolicyQuestion): string | undefined {
  if (question.externalPort !== ANY_PORT && question.externalPort < policy.minPort)
    return `external ports below ${policy.minPort} are not given out`;
  if (question.internalPort < policy.minPort) return `internal ports below ${policy.minPort} are not opened`;
  const index = policy.rules.findIndex((rule) => matches(rule, question));
  return policy.rules[index]?.action === 'deny' ? `rule ${index + 1} denies it` : undefined;
}

/** Anything else would make this box a relay into the Internet or into itself. */
export const isHostOfTheHouse = ({ lans, routedPrefixes }: Policy, client: IpAddress): boolean =>
  lans.some(({ prefix }) => prefix.isHost(client)) || routedPrefixes.some((prefix) => prefix.isHost(client));

export const isThisBox = ({ lans }: Policy, client: IpAddress): boolean =>
  lans.some(({ address }) => address.equals(client));

export const isReservedPort = (policy: Policy, port: PortNumber): boolean =>
  policy.reservedPorts.some((range) => isInPortRange(port, range));

function matches(rule: PolicyRule, question: PolicyQuestion): boolean {
  if (!isInPortRange(question.internalPort, rule.internalPorts)) return false;
  if (question.externalPort !== ANY_PORT && !isInPortRange(question.externalPort, rule.externalPorts)) return false;
  // A port yet unknown can only be judged by rules about every port; an allowing rule is believed until the port is known.
  if (question.externalPort === ANY_PORT && rule.action === 'deny' && !coversAllPorts(rule.externalPorts)) return false;
  if (rule.client.kind === 'anyone') return true;
  if (rule.client.kind === 'prefix') return rule.client.prefix.contains(question.client);
  return question.mac !== undefined && rule.client.mac.toLowerCase() === question.mac.toLowerCase();
}

const coversAllPorts = (range: PortRange): boolean => range.first <= 1 && range.last === 0xffff;
