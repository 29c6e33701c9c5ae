// `igd2pcp doctor`: considers the candidates, asks every server, prints the report. Needs no running daemon, changes nothing
// that stays.

import type { Host } from '../base/host.ts';
import type { IpAddress } from '../base/ip-address.ts';
import type { Config } from '../config/config.ts';
import { lookForLans } from '../lan/lan-addresses.ts';
import { type ConsideredPlace, considerPlaces } from '../upstream/pcp-servers.ts';
import { type DoctorReport, diagnose, doctorJson, doctorText } from './doctor.ts';
import type { CandidateFinding, ServerFinding } from './doctor-findings.ts';
import { askServer } from './doctor-server.ts';

// More are never tried by the daemon within a person's patience.
const MOST_SERVERS = 8;

const HEALTHY = 0;
const NOT_HEALTHY = 1;

/** Settles with the exit code. */
export async function runDoctor(
  host: Host,
  config: Config,
  options: { readonly json: boolean },
  print: (text: string) => void,
): Promise<number> {
  const report = await examine(host, config);
  print(options.json ? `${JSON.stringify(doctorJson(report), undefined, 2)}\n` : doctorText(report));
  return report.isHealthy ? HEALTHY : NOT_HEALTHY;
}

async function examine(host: Host, config: Config): Promise<DoctorReport> {
  const places = await considerPlaces(host, { ...config.pcp, onlyIPv4: config.wan.nat === 'nftables' });
  const named = places
    .flatMap(({ place, servers }) =>
      servers.flatMap(({ endpoints, interfaceName }) =>
        endpoints.map((server) => ({ source: place, place: { server, interfaceName } })),
      ),
    )
    .slice(0, MOST_SERVERS);
  const lanHost = lanAddress(host, config);
  const servers: ServerFinding[] = [];
  for (const { source, place } of named) {
    const asked = await askServer(host, place, lanHost);
    servers.push({ source, endpoint: place.server, ...asked });
  }
  const needs = {
    thirdParty: config.wan.nat === 'none',
    emulatesPreferFailure: config.pcp.emulatePreferFailure,
    speaksNatPmp: config.pcp.natPmp,
    descriptions: config.pcp.descriptions,
  };
  return diagnose({ candidates: places.map((place) => candidateOf(place, config)), servers, needs });
}

function candidateOf({ place, servers, why }: ConsideredPlace, config: Config): CandidateFinding {
  const endpoints = servers.flatMap((server) => server.endpoints);
  if (endpoints.length > 0) return { source: place, outcome: { kind: 'servers', endpoints } };
  // That no file was configured is no reason for there being no server.
  const isPassedOver = place === 'DHCP file' && config.pcp.dhcpFile === '';
  return { source: place, outcome: { kind: isPassedOver ? 'passed over' : 'none', why } };
}

/** This box's own LAN address stands for the hosts there: the server sees no difference. */
function lanAddress(host: Host, config: Config): IpAddress | undefined {
  return lookForLans(config.lan.interfaces, host.network.interfaces(), config.wan.interface).lans[0]?.address;
}
