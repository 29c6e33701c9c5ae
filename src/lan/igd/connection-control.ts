// The actions of WANIPConnection that concern the connection itself, not its ports (WANIPConnection:1 §2.4.1–§2.4.14,
// WANIPConnection:2 §2.5.1–§2.5.14). The carrier's line is not ours to switch: what would change it is refused with the
// code that says why, what asks about it is answered.

import { ok, refused } from '../../base/result.ts';
import { inSeconds } from '../../base/time.ts';
import type { ActionAnswer, ActionTable } from '../../upnp/control/controlled-service.ts';
import type { IgdContext } from './igd-context.ts';

export const CONNECTION_TYPE = 'IP_Routed';

export function connectionControlActions(context: IgdContext): ActionTable {
  return {
    SetConnectionType: { handle: (given) => setConnectionType(context, given.string('NewConnectionType')) },
    GetConnectionTypeInfo: {
      handle: () => ok({ NewConnectionType: CONNECTION_TYPE, NewPossibleConnectionTypes: CONNECTION_TYPE }),
    },
    RequestConnection: { handle: () => requestConnection(context) },
    RequestTermination: { handle: () => terminate(context) },
    ForceTermination: { handle: () => terminate(context) },
    SetAutoDisconnectTime: { handle: () => refused(notPermitted(context)) },
    SetIdleDisconnectTime: { handle: () => refused(notPermitted(context)) },
    SetWarnDisconnectDelay: { handle: () => refused(notPermitted(context)) },
    GetStatusInfo: { handle: () => getStatusInfo(context) },
    // 0: it is never taken down for lack of use.
    GetAutoDisconnectTime: { handle: () => ok({ NewAutoDisconnectTime: 0 }) },
    GetIdleDisconnectTime: { handle: () => ok({ NewIdleDisconnectTime: 0 }) },
    GetWarnDisconnectDelay: { handle: () => ok({ NewWarnDisconnectDelay: 0 }) },
    GetNATRSIPStatus: { handle: () => ok({ NewRSIPAvailable: false, NewNATEnabled: true }) },
  };
}

/** WANIPConnection:2 §2.3.4 keeps these from control points that have not proved who they are; version 1 has no 606. */
const notPermitted = (context: IgdContext): 501 | 606 => (context.igd === 2 ? 606 : 501);

const isConnected = (context: IgdContext): boolean => context.gateway.known.connection().status === 'Connected';

function setConnectionType(context: IgdContext, wanted: string): ActionAnswer {
  if (context.igd === 2) return refused(606);
  if (wanted === CONNECTION_TYPE) return ok({});
  // WANIPConnection:1 §2.4.1: only an inactive connection changes its type.
  return refused(isConnected(context) ? 703 : 501);
}

function requestConnection(context: IgdContext): ActionAnswer {
  if (context.igd === 2) return refused(606);
  return isConnected(context) ? ok({}) : refused(704);
}

function terminate(context: IgdContext): ActionAnswer {
  if (context.igd === 2) return refused(606);
  return refused(isConnected(context) ? 501 : 711);
}

async function getStatusInfo(context: IgdContext): Promise<ActionAnswer> {
  const { status, lastError } = await context.gateway.connection();
  return ok({ NewConnectionStatus: status, NewLastConnectionError: lastError, NewUptime: uptimeSeconds(context) });
}

/** WANIPConnection:2 §2.2.4: counts while connected, and only then. */
export function uptimeSeconds(context: IgdContext): number {
  return isConnected(context) ? Math.floor(inSeconds(context.gateway.known.connection().uptime)) : 0;
}
