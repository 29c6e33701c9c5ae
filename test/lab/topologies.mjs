// The networks of the lab: how the CPE is wired, what the carrier speaks, and how the daemon is configured for it.

import { MiniupnpdCarrier, SimulatedCarrier } from './carrier.mjs';
import { GUEST_GATEWAY, LAN_GATEWAY } from './network.mjs';

const CARRIER_GRADE = {
  prefix: 24,
  carrier: '100.64.0.1',
  cpe: '100.64.0.2',
  other: '100.64.0.3',
  nextCpe: '100.64.0.22',
};
const HOME_ROUTER = {
  prefix: 24,
  carrier: '192.168.1.1',
  cpe: '192.168.1.2',
  other: '192.168.1.3',
  nextCpe: '192.168.1.22',
};
const DS_LITE = { ...CARRIER_GRADE, carrierV6: 'fd77::1', cpeV6: 'fd77::2' };

const miniupnpd = (network) => new MiniupnpdCarrier(network);

export const TOPOLOGIES = {
  nat: {
    says: 'the CPE NATs; its WAN address is in 100.64.0.0/10; PCP server found at the default gateway',
    build: { between: CARRIER_GRADE, isNatted: true },
    carrier: miniupnpd,
    daemon: { nat: 'nftables' },
  },
  routed: {
    says: 'no NAT in the CPE; the carrier maps for LAN hosts (THIRD_PARTY)',
    build: { between: CARRIER_GRADE, isNatted: false },
    carrier: miniupnpd,
    daemon: { nat: 'none', trusted: true },
    // miniupnpd maps the way in alone; the way out keeps the host's port, which only our NAT1 would have changed.
    mapsOutbound: false,
  },
  'upstream-router': {
    says: 'the carrier is another home router in 192.168.0.0/16: double NAT',
    build: { between: HOME_ROUTER, isNatted: true },
    // As Debian and OpenWrt ship it: no internal port below 1024 either.
    carrier: (network) => new MiniupnpdCarrier(network, { internalPorts: '1024-65535' }),
    daemon: { nat: 'nftables' },
  },
  pmp: {
    says: 'the upstream speaks NAT-PMP only',
    build: { between: CARRIER_GRADE, isNatted: true },
    carrier: (network, program) =>
      new SimulatedCarrier(network, { program, listen: '100.64.0.1:5351', flags: ['--speaks', 'nat-pmp'] }),
    daemon: { nat: 'nftables', emulatePreferFailure: true },
    hasRemoteHost: false,
  },
  'two-lans': {
    says: 'two LAN bridges, two machines with the same internal port',
    build: { between: CARRIER_GRADE, isNatted: true, hasGuestLan: true },
    carrier: miniupnpd,
    daemon: { nat: 'nftables', lan: ['br-lan', 'br-guest'] },
    gateways: [LAN_GATEWAY, GUEST_GATEWAY],
  },
  'ds-lite': {
    says: 'PCP in plain mode from the CPE by IPv6, for IPv4 clients; no IPv4 address on the WAN',
    build: { between: DS_LITE, isNatted: false, isDsLite: true },
    carrier: (network, program) =>
      new SimulatedCarrier(network, { program, listen: '[fd77::1]:5351', flags: ['--third-party'] }),
    daemon: { nat: 'none', trusted: true, servers: ['fd77::1'] },
  },
};
