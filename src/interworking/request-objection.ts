// What is wrong with a request to map, in the order WANIPConnection:2 §2.5.16 lets a control point expect it:
// the values first, then who asks, then how much and how often.

import { ANY_PORT } from '../base/port-number.ts';
import { type Objection, objectionToMapping, objectionToPlace } from './authorization.ts';
import type { ControlPoint, PortMappingRequest } from './gateway.ts';
import type { Interworking } from './interworking.ts';

/** PCP servers never give these out: they would answer for the carrier (RFC 6887 §11.3). */
const PCP_PORTS: readonly number[] = [5350, 5351];

export function objectionToRequest(
  iw: Interworking,
  asker: ControlPoint,
  request: PortMappingRequest,
  action: 'AddPortMapping' | 'AddAnyPortMapping',
): Objection | undefined {
  return (
    objectionToValues(asker, request, action) ??
    objectionToMapping(asker, request, iw.policy(), iw.macOf(request.internalClient)) ??
    objectionToPlace(asker, request.internalClient, iw.policy()) ??
    objectionToHaste(iw, asker)
  );
}

function objectionToValues(
  asker: ControlPoint,
  request: PortMappingRequest,
  action: 'AddPortMapping' | 'AddAnyPortMapping',
): Objection | undefined {
  // RFC 6970 §4.1: PCP has no disabled mapping.
  if (!request.isEnabled) return { code: 501, why: 'a mapping cannot be disabled' };
  if (request.internalClient.isUnspecified) return { code: 715, why: 'the internal client is a wildcard' };
  if (!request.internalClient.isIPv4)
    return { code: 501, why: 'the internal client is an IPv6 address: it needs no NAT' };
  // PCP maps to one host: the broadcast address UPnP allows for UDP cannot be expressed.
  if (request.internalClient.text === '255.255.255.255' || request.internalClient.isMulticast)
    return { code: 501, why: 'the internal client is not one host' };
  if (request.internalPort === ANY_PORT)
    return { code: asker.igd === 1 ? 402 : 732, why: 'the internal port is a wildcard' };
  if (action === 'AddPortMapping' && request.externalPort === ANY_PORT)
    return { code: 716, why: 'the external port is a wildcard' };
  if (action === 'AddPortMapping' && request.protocol === 'UDP' && PCP_PORTS.includes(request.externalPort))
    return { code: 718, why: 'PCP servers keep this port for themselves' };
  return undefined;
}

export function objectionToHaste(iw: Interworking, asker: ControlPoint): Objection | undefined {
  const { requestsPerMinute } = iw.policy();
  if (asker.isOperator || iw.rate.admit(iw.quota.machineOf(asker.address), requestsPerMinute, iw.now()))
    return undefined;
  return { code: asker.igd === 1 ? 501 : 728, why: `more than ${requestsPerMinute} requests in a minute` };
}

export function objectionToCount(
  iw: Interworking,
  asker: ControlPoint,
  request: PortMappingRequest,
): Objection | undefined {
  if (asker.isOperator) return undefined;
  const why = iw.quota.objection(request.internalClient, iw.policy());
  return why === undefined ? undefined : { code: asker.igd === 1 ? 501 : 728, why };
}
