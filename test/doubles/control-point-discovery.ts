// How a client finds its gateway: its own searches in its own order, then the description, then a service it can use.

import type { Host } from '../../src/base/host.ts';
import type { IpAddress } from '../../src/base/ip-address.ts';
import { ok, type Result, refused } from '../../src/base/result.ts';
import { milliseconds, seconds } from '../../src/base/time.ts';
import type { ClientProfile, ClientSearch } from './clients/client-profile.ts';
import { chooseService, type FoundGateway, type FoundService, readGateway } from './control-point-description.ts';
import { type ControlPointHttp, type Place, parseUrl } from './control-point-http.ts';
import { type SsdpAnswer, search } from './control-point-ssdp.ts';

export interface Found {
  readonly location: Place;
  readonly gateway: FoundGateway;
  readonly connection: FoundService;
}

export interface Looking {
  readonly host: Pick<Host, 'udp' | 'clock'>;
  readonly http: ControlPointHttp;
  readonly own: IpAddress;
  /** For unicast searches; without it they are left out. */
  readonly gateway: IpAddress | undefined;
}

const DESCRIPTION_WITHIN = seconds(10);
/** Answers may take all of MX; a little more for the way. */
const GRACE = milliseconds(300);

const USUAL_LINES = ['HOST: 239.255.255.250:1900', 'MAN: "ssdp:discover"', 'MX: {mx}', 'ST: {target}'];

/** Where the gateways are that answer this one search, best first. */
export async function locationsFrom(one: ClientSearch, looking: Looking): Promise<Result<readonly string[], string>> {
  const lines = (one.lines ?? USUAL_LINES).map((line) =>
    line.replace('{target}', one.target).replace('{mx}', String(one.mx)),
  );
  const to = one.isUnicast === true ? looking.gateway : undefined;
  if (one.isUnicast === true && to === undefined) return refused('the gateway to ask is not known');
  const patience = milliseconds(seconds(one.mx) + GRACE);
  const answers = await search(looking.host, looking.own, { lines, patience, ...(to === undefined ? {} : { to }) });
  if (!answers.ok) return answers;
  const matching = answers.value.filter((answer) => isAnswerTo(one.target, answer));
  if (matching.length === 0)
    return refused(answers.value.length === 0 ? 'nobody answers' : 'no answer names what it asked for');
  return ok([...new Set(matching.map((answer) => answer.location))]);
}

/** Syncthing, nat-upnp, nat-api and @achingbrain compare ST with what they asked; Tailscale looks for the device in it. */
function isAnswerTo(target: string, answer: SsdpAnswer): boolean {
  if (target === 'ssdp:all') return answer.usn.includes(':InternetGatewayDevice:');
  return answer.target === target;
}

export async function describe(
  locationText: string,
  client: ClientProfile,
  http: ControlPointHttp,
): Promise<Result<Found, string>> {
  const location = parseUrl(locationText);
  if (location === undefined) return refused('LOCATION is not http:// with an address literal');
  const got = await http.ask({
    method: 'GET',
    place: location,
    headers: [
      ...(client.userAgent === undefined ? [] : [['User-Agent', client.userAgent] as const]),
      ['Connection', 'close'],
    ],
    body: '',
    within: DESCRIPTION_WITHIN,
  });
  if (!got.ok) return got;
  if (got.value.status !== 200) return refused(`HTTP ${got.value.status}`);
  const gateway = readGateway(got.value.body, location);
  if (!gateway.ok) return gateway;
  const connection = chooseService(gateway.value, client.accepts);
  return connection.ok ? ok({ location, gateway: gateway.value, connection: connection.value }) : connection;
}
