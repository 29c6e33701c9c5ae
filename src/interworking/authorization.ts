// May this asker have that? The values first, then who asks, then how much and how often (RFC 6970 §5.8, §6;
// WANIPConnection:2 §2.2, §2.5.16). Where the operator's rules are: `policy.ts`; how much and how often: `quota.ts`.

import type { IpAddress } from '../base/ip-address.ts';
import { ANY_PORT } from '../base/port-number.ts';
import type { Maker, Mapping } from '../mapping/mapping.ts';
import type { Asker, Wish } from './gateway.ts';
import type { Interworking } from './interworking.ts';
import { isHostOfTheHouse, isReservedPort, isThisBox, type Policy, policyObjection } from './policy.ts';
import { type Refusal, refusal } from './refusal.ts';

/** PCP servers never give these out: who had them would answer for the carrier (RFC 6887 §11.3). */
const PCP_PORTS: readonly number[] = [5350, 5351];

export function objectionToWish(iw: Interworking, asker: Asker, wish: Wish): Refusal | undefined {
  return (
    objectionToValues(wish) ??
    objectionToMapping(asker, wish, iw.policy(), iw.macOf(wish.internalClient)) ??
    objectionToPlace(asker, wish.internalClient, iw.policy()) ??
    objectionToHaste(iw, asker)
  );
}

function objectionToValues({
  internalClient,
  internalPort,
  externalPort,
  protocol,
  isExact,
}: Wish): Refusal | undefined {
  if (internalClient.isUnspecified) return refusal('wildcard client', 'the internal client is a wildcard');
  if (!internalClient.isIPv4)
    return refusal('cannot be mapped', 'the internal client is an IPv6 address: it needs no NAT');
  // PCP maps to one host: the broadcast address UPnP allows for UDP cannot be expressed.
  if (internalClient.text === '255.255.255.255' || internalClient.isMulticast)
    return refusal('cannot be mapped', 'the internal client is not one host');
  if (internalPort === ANY_PORT) return refusal('wildcard internal port', 'the internal port is a wildcard');
  if (isExact && externalPort === ANY_PORT) return refusal('wildcard external port', 'the external port is a wildcard');
  if (isExact && protocol === 'UDP' && PCP_PORTS.includes(externalPort))
    return refusal('taken', 'PCP servers keep this port for themselves');
  return undefined;
}

/** Asked for each wish, and for each entry again when the rules change: `asker` may be the one that made it. */
export function objectionToMapping(
  asker: Pick<Asker | Maker, 'address' | 'via'>,
  wish: Pick<Wish, 'internalClient' | 'externalPort' | 'internalPort'>,
  policy: Policy,
  mac: string | undefined,
): Refusal | undefined {
  if (isOperator(asker)) return undefined;
  // RFC 6970 §6: acting for somebody else is the business of those who can prove they may, and here nobody can.
  if (policy.ownAddressOnly && !asker.address.equals(wish.internalClient))
    return refusal('not allowed', `${asker.address.text} may map for itself only`);
  const why = policyObjection(policy, {
    client: wish.internalClient,
    mac,
    externalPort: wish.externalPort,
    internalPort: wish.internalPort,
  });
  if (why !== undefined) return refusal('not allowed', why);
  if (isReservedPort(policy, wish.externalPort))
    return refusal('used by this box', `port ${wish.externalPort} is used by this box`);
  return undefined;
}

/**
 * Where an internal client may be: for the operator as for everybody. An asker's own address passed the door of the LAN, so
 * it is one.
 */
function objectionToPlace(asker: Asker, client: IpAddress, policy: Policy): Refusal | undefined {
  if (!isOperator(asker) && asker.address.equals(client)) return undefined;
  if (isThisBox(policy, client))
    return isOperator(asker) ? undefined : refusal('not allowed', `${client} is this box itself`);
  if (isHostOfTheHouse(policy, client)) return undefined;
  return refusal('no host of ours', `${client} is no host of a network that is served`);
}

export function objectionToHaste(iw: Interworking, asker: Asker): Refusal | undefined {
  const { requestsPerMinute } = iw.policy();
  if (isOperator(asker) || iw.rate.admit(iw.quota.machineOf(asker.address), requestsPerMinute, iw.now()))
    return undefined;
  return refusal('too many requests', `more than ${requestsPerMinute} requests in a minute`);
}

export function objectionToCount(iw: Interworking, asker: Asker, wish: Wish): Refusal | undefined {
  if (isOperator(asker)) return undefined;
  const why = iw.quota.objection(wish.internalClient, iw.policy());
  return why === undefined ? undefined : refusal('over quota', why);
}

/** Whose entry is it? (RFC 6970 §5.7: "used by the asking control point".) */
export function objectionToSeeing(asker: Asker, mapping: Mapping, policy: Policy): Refusal | undefined {
  if (isOperator(asker) || mapping.internalClient.equals(asker.address) || !policy.ownAddressOnly) return undefined;
  return refusal('not yours', `it belongs to ${mapping.internalClient.text}`);
}

/** What the operator made, only the operator takes away. */
export function objectionToDeleting(asker: Asker, mapping: Mapping, policy: Policy): Refusal | undefined {
  if (!isOperator(asker) && isOperator(mapping.madeBy)) return refusal('not yours', 'the operator made it');
  return objectionToSeeing(asker, mapping, policy);
}

/** An asker that adds the operator's mapping again leaves it as it is, unless the operator is giving it up. */
export const isKeptForOperator = (asker: Asker, mapping: Mapping): boolean =>
  isOperator(mapping.madeBy) && !isOperator(asker) && mapping.state !== 'deleting';

/** Other hosts' entries too? NewManage = 1 is heeded for those who may act for everybody (WANIPConnection:2 §2.5.21). */
export const maySeeAll = (asker: Asker, policy: Policy): boolean => isOperator(asker) || !policy.ownAddressOnly;

export const isOperator = ({ via }: Pick<Asker | Maker, 'via'>): boolean => via === 'operator';
