// May this control point do that? (RFC 6970 §5.8, §6; WANIPConnection:2 §2.2: own address, ports from 1024.)
// A refusal carries the code its version of the service knows, and the reason for the log.

import type { IpAddress } from '../base/ip-address.ts';
import type { Mapping } from '../mapping/mapping.ts';
import type { UpnpErrorCode } from '../upnp/upnp-error.ts';
import type { ControlPoint, PortMappingRequest } from './gateway.ts';
import { isHostOfTheHouse, isReservedPort, isThisBox, type Policy, policyObjection } from './policy.ts';

export interface Objection {
  readonly code: UpnpErrorCode;
  readonly why: string;
}

/** IGD:1 has no 606: there 718 means "not this one" for a new mapping, 714 "no such entry" for an existing one. */
const mayNotMap = (asker: Pick<ControlPoint, 'igd'>): UpnpErrorCode => (asker.igd === 1 ? 718 : 606);
const mayNotTouch = (asker: ControlPoint): UpnpErrorCode => (asker.igd === 1 ? 714 : 606);

export function objectionToMapping(
  asker: Pick<ControlPoint, 'address' | 'igd' | 'isOperator'>,
  request: Pick<PortMappingRequest, 'internalClient' | 'externalPort' | 'internalPort'>,
  policy: Policy,
  mac: string | undefined,
): Objection | undefined {
  if (asker.isOperator) return undefined;
  // RFC 6970 §6: acting for somebody else is the business of those who can prove they may, and here nobody can.
  if (policy.ownAddressOnly && !asker.address.equals(request.internalClient))
    return { code: mayNotMap(asker), why: `${asker.address.text} may map for itself only` };
  const why = policyObjection(policy, {
    client: request.internalClient,
    mac,
    externalPort: request.externalPort,
    internalPort: request.internalPort,
  });
  if (why !== undefined) return { code: mayNotMap(asker), why };
  if (isReservedPort(policy, request.externalPort))
    return { code: asker.igd === 1 ? 718 : 729, why: `port ${request.externalPort} is used by this box` };
  return undefined;
}

/**
 * Where an internal client may be: for the operator as for everybody. A control point's own address passed the door of the
 * LAN, so it is one.
 */
export function objectionToPlace(asker: ControlPoint, client: IpAddress, policy: Policy): Objection | undefined {
  if (!asker.isOperator && asker.address.equals(client)) return undefined;
  if (isThisBox(policy, client))
    return asker.isOperator ? undefined : { code: mayNotMap(asker), why: `${client} is this box itself` };
  if (isHostOfTheHouse(policy, client)) return undefined;
  return { code: asker.igd === 1 ? 402 : 600, why: `${client} is no host of a network that is served` };
}

/** Whose entry is it? (RFC 6970 §5.7: "used by the asking control point".) */
export function objectionToSeeing(asker: ControlPoint, mapping: Mapping, policy: Policy): Objection | undefined {
  if (asker.isOperator || owns(asker, mapping) || !policy.ownAddressOnly) return undefined;
  return { code: mayNotTouch(asker), why: `it belongs to ${mapping.internalClient.text}` };
}

/** RFC 6970 §5.8: failed authorization is 606 on IGD:2. What the operator made, only the operator takes away. */
export function objectionToDeleting(asker: ControlPoint, mapping: Mapping, policy: Policy): Objection | undefined {
  if (!asker.isOperator && mapping.madeBy.isOperator) return { code: mayNotTouch(asker), why: 'the operator made it' };
  return objectionToSeeing(asker, mapping, policy);
}

/** A control point that adds the operator's mapping again leaves it as it is, unless the operator is giving it up. */
export const isKeptForOperator = (asker: ControlPoint, mapping: Mapping): boolean =>
  mapping.madeBy.isOperator && !asker.isOperator && mapping.state !== 'deleting';

const owns = (asker: ControlPoint, mapping: Mapping): boolean => mapping.internalClient.equals(asker.address);

/** NewManage = 1 is heeded for those who may act for everybody (WANIPConnection:2 §2.5.21). */
export const maySeeAll = (asker: ControlPoint, policy: Policy): boolean => asker.isOperator || !policy.ownAddressOnly;
