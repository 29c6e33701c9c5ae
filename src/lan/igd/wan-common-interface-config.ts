// WANCommonInterfaceConfig:1: the link to the carrier, its speed and its counters, as the kernel reports them.
// miniupnpc recognises a gateway by this service; Windows and Home Assistant poll the counters.

import type { LinkState } from '../../base/host.ts';
import { ok, refused } from '../../base/result.ts';
import type { ActionTable } from '../../upnp/control/controlled-service.ts';
import type { IgdContext } from './igd-context.ts';

// The service knows DSL, POTS, Cable and Ethernet; what is really behind the CPE's port is not visible from here.
const ACCESS_TYPE = 'Ethernet';
/** There is one connection, and it is always the same one. */
const CONNECTIONS = 1;

export function wanCommonInterfaceConfigActions(context: IgdContext): ActionTable {
  const { link, connection } = context;
  const counter = (name: string, read: (state: LinkState) => bigint): ActionTable => ({
    [`Get${name}`]: {
      handle: async () => {
        const state = await link.refresh();
        return ok({ [`New${name}`]: state === undefined ? 0 : rolledOver(read(state)) });
      },
    },
  });
  return {
    // The carrier's line is not ours to switch; 606 exists on IGD:2 only.
    SetEnabledForInternet: { handle: () => refused(context.igd === 2 ? 606 : 501) },
    GetEnabledForInternet: { handle: () => ok({ NewEnabledForInternet: true }) },
    GetCommonLinkProperties: {
      handle: async () => {
        const state = await link.refresh();
        const speed = bitRate(state);
        return ok({
          NewWANAccessType: ACCESS_TYPE,
          NewLayer1UpstreamMaxBitRate: speed,
          NewLayer1DownstreamMaxBitRate: speed,
          NewPhysicalLinkStatus: link.status(),
        });
      },
    },
    GetWANAccessProvider: { handle: () => ok({ NewWANAccessProvider: '' }) },
    GetMaximumActiveConnections: { handle: () => ok({ NewMaximumActiveConnections: CONNECTIONS }) },
    ...counter('TotalBytesSent', (state) => state.bytesSent),
    ...counter('TotalBytesReceived', (state) => state.bytesReceived),
    ...counter('TotalPacketsSent', (state) => state.packetsSent),
    ...counter('TotalPacketsReceived', (state) => state.packetsReceived),
    GetActiveConnection: {
      handle: (given) =>
        given.integer('NewActiveConnectionIndex') >= CONNECTIONS
          ? refused(713)
          : ok({
              NewActiveConnDeviceContainer: `${connection.udn}:${connection.device}`,
              NewActiveConnectionServiceID: connection.serviceId,
            }),
    },
  };
}

export function wanCommonInterfaceConfigVariable(context: IgdContext, name: string): string | undefined {
  switch (name) {
    case 'WANAccessType':
      return ACCESS_TYPE;
    case 'PhysicalLinkStatus':
      return context.link.status();
    case 'EnabledForInternet':
      return '1';
    case 'MaximumActiveConnections':
    case 'NumberOfActiveConnections':
      return String(CONNECTIONS);
    default:
      return undefined;
  }
}

const LARGEST_UI4 = 0xffff_ffff;

const bitRate = (state: LinkState | undefined): number => Math.min(LARGEST_UI4, Math.floor(state?.bitsPerSecond ?? 0));

/** The counters are ui4 and roll over at 2^32 (WANCommonInterfaceConfig:1 §2.2). */
const rolledOver = (count: bigint): number => Number(BigInt.asUintN(32, count));
