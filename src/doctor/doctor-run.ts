// `igd2pcp doctor`: considers the candidates, asks every server, prints the report. Needs no running daemon, changes nothing
// that stays.

import type { Host } from '../base/host.ts';
import type { IpAddress } from '../base/ip-address.ts';
import type { Duration } from '../base/time.ts';
import type { Config } from '../config/config.ts';
import { lookForLans } from '../lan/lan-addresses.ts';
import { encodeNatPmpRequest } from '../pcp/wire/nat-pmp-request.ts';
import { decodeNatPmpResponse } from '../pcp/wire/nat-pmp-response.ts';
import { type ConsideredPlace, considerPlaces } from '../upstream/pcp-servers.ts';
import { greet, ServerAsker } from '../upstream/server-asker.ts';
import type { ServerPlace } from '../upstream/server-socket.ts';
import { type DoctorReport, diagnose, doctorJson, doctorText } from './doctor.ts';
import type { CandidateFinding, ServerFinding, ServerSpeech } from './doctor-findings.ts';
import { tryMapping } from './doctor-mapping.ts';

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

// The questions the doctor puts to one server: are you there, which protocol, and a short mapping on a spare port on which
// every option and limit is tried before it is removed again (RFC 6887 §11, §13, §14.1, §15).

export interface AskedServer {
  readonly ownAddress: IpAddress | undefined;
  readonly speech: ServerSpeech;
}

/** `lanHost`: an address to try THIRD_PARTY with; undefined where there is none. */
export async function askServer(host: Host, place: ServerPlace, lanHost: IpAddress | undefined): Promise<AskedServer> {
  const opened = await ServerAsker.open(host, place);
  if (!opened.ok) return { ownAddress: undefined, speech: { kind: 'cannot send', why: opened.error } };
  const asker = opened.value;
  try {
    return { ownAddress: asker.ownAddress, speech: await converse(host, place, asker, lanHost) };
  } finally {
    asker.close();
  }
}

async function converse(
  host: Host,
  place: ServerPlace,
  asker: ServerAsker,
  lanHost: IpAddress | undefined,
): Promise<ServerSpeech> {
  const greeting = await greet(asker);
  if (greeting.kind !== 'answer') return { kind: greeting.kind };
  const { answer, roundTrip } = greeting;
  if (answer.kind === 'epoch') {
    const map = await tryMapping(host, place, asker, lanHost);
    return { kind: 'PCP', roundTrip, epoch: answer.epoch, map };
  }
  return answer.version === 0 ? askNatPmp(asker, roundTrip) : { kind: 'another version', version: answer.version };
}

async function askNatPmp(asker: ServerAsker, roundTrip: Duration): Promise<ServerSpeech> {
  const reply = await asker.ask(encodeNatPmpRequest({ kind: 'external address' }), (bytes) => {
    const decoded = decodeNatPmpResponse(bytes);
    return decoded.kind === 'message' && decoded.message.kind === 'external address' ? decoded.message : undefined;
  });
  const externalAddress = reply.kind === 'answer' ? reply.answer.address : undefined;
  return { kind: 'NAT-PMP', roundTrip, externalAddress };
}
