// What a program asks of the library, in its plain strings and numbers, becomes a `MapRequest`; or a sentence that says
// what to mend. And the other way: what became of a request, as a sentence with advice.

import { ANY_IPV4, ANY_IPV6, IpAddress } from '../base/ip-address.ts';
import { ANY_PORT, isPortNumber, type PortNumber } from '../base/port-number.ts';
import { ok, type Result, refused, unreachable } from '../base/result.ts';
import { durationInWords } from '../base/time.ts';
import { parseTransportProtocol } from '../base/transport-protocol.ts';
import type { MapOutcome, Refused, Unanswered } from '../pcp/asking/map-outcome.ts';
import { LONGEST_LIFETIME_SECONDS, type MapRequest } from '../pcp/asking/map-request.ts';
import type { MappingNonce } from '../pcp/asking/mapping-nonce.ts';
import {
  ADDRESS_MISMATCH,
  CANNOT_PROVIDE_EXTERNAL,
  resultName,
  UNSUPP_OPTION,
  USER_EX_QUOTA,
} from '../pcp/asking/result-code.ts';

export interface PlainMapOptions {
  readonly protocol: string;
  readonly internalPort: number;
  readonly externalPort?: number | undefined;
  readonly exactPort?: boolean | undefined;
  readonly lifetime?: number | undefined;
  readonly internalAddress?: string | undefined;
  readonly remoteAddresses?: readonly string[] | undefined;
  readonly description?: string | undefined;
}

// RFC 6886 §3.3 recommends it and RFC 6887 names no other: two hours.
const USUAL_LIFETIME_SECONDS = 7200;
// What a server has to support is one (RFC 6887 §13.3); more than this would not fit a datagram with the rest.
const MOST_REMOTE_ADDRESSES = 16;

const USUAL_ANSWER_SECONDS = 10;

export interface ClientOptions {
  readonly servers: readonly string[];
  readonly answerWithinSeconds: number;
  readonly natPmp: boolean;
}

/** Programs without types hand over anything. */
export function readClientOptions(given: unknown): Result<ClientOptions, string> {
  if (!isObject(given))
    return refused(`the options must be an object such as { server: "ADDRESS" }, not ${shown(given)}`);
  const { server = 'auto', answerWithin = USUAL_ANSWER_SECONDS, natPmp = true } = given;
  const servers: readonly unknown[] = Array.isArray(server) ? server : [server];
  if (servers.length === 0 || !servers.every((one) => typeof one === 'string'))
    return refused(`server must be an address, a name, "auto", or a list of them, not ${shown(server)}`);
  if (typeof answerWithin !== 'number') return refused(`answerWithin must be seconds, not ${shown(answerWithin)}`);
  if (typeof natPmp !== 'boolean') return refused(`natPmp must be true or false, not ${shown(natPmp)}`);
  return ok({ servers, answerWithinSeconds: answerWithin, natPmp });
}

export function readMapOptions(options: PlainMapOptions, nonce: MappingNonce): Result<MapRequest, string> {
  if (!isObject(options))
    return refused(
      `the options must be an object such as { protocol: "tcp", internalPort: 8080 }, not ${shown(options)}`,
    );
  const protocol = parseTransportProtocol(String(options.protocol));
  if (protocol === undefined) return refused(`protocol must be "tcp" or "udp", not ${shown(options.protocol)}`);
  const { internalPort, externalPort = 0, lifetime = USUAL_LIFETIME_SECONDS, exactPort = false } = options;
  if (!isRealPort(internalPort)) {
    return refused(`internalPort must be a whole number from 1 to 65535, not ${shown(internalPort)}`);
  }
  if (!isPortNumber(externalPort)) {
    return refused(`externalPort must be a whole number from 0 (any) to 65535, not ${shown(externalPort)}`);
  }
  if (typeof exactPort !== 'boolean') return refused(`exactPort must be true or false, not ${shown(exactPort)}`);
  if (exactPort && externalPort === ANY_PORT) return refused('exactPort needs an externalPort to be exact about');
  if (!Number.isInteger(lifetime) || lifetime < 1 || lifetime > LONGEST_LIFETIME_SECONDS) {
    return refused(`lifetime must be whole seconds from 1 to ${LONGEST_LIFETIME_SECONDS}, not ${shown(lifetime)}`);
  }
  const addresses = readAddresses(options);
  if (!addresses.ok) return addresses;
  const { thirdParty, remotePeers } = addresses.value;
  const { description } = options;
  if (description !== undefined && typeof description !== 'string')
    return refused(`description must be a text, not ${shown(description)}`);
  return ok({
    protocol,
    internalPort,
    thirdParty,
    nonce,
    suggestedPort: externalPort,
    suggestedAddress: thirdParty?.isIPv4 === false ? ANY_IPV6 : ANY_IPV4,
    exactPort,
    remotePeers,
    lifetimeSeconds: lifetime,
    ...(description === undefined ? {} : { description }),
  });
}

function readAddresses(options: PlainMapOptions): Result<Pick<MapRequest, 'thirdParty' | 'remotePeers'>, string> {
  const { internalAddress, remoteAddresses = [] } = options;
  const thirdParty = typeof internalAddress === 'string' ? IpAddress.parse(internalAddress) : undefined;
  if (internalAddress !== undefined && thirdParty === undefined) {
    return refused(`internalAddress must be an IP address, not ${shown(internalAddress)}`);
  }
  if (!Array.isArray(remoteAddresses)) return refused(`remoteAddresses must be a list, not ${shown(remoteAddresses)}`);
  if (remoteAddresses.length > MOST_REMOTE_ADDRESSES) {
    return refused(`remoteAddresses may hold ${MOST_REMOTE_ADDRESSES} at most, not ${remoteAddresses.length}`);
  }
  const remotePeers: IpAddress[] = [];
  for (const text of remoteAddresses) {
    const address = typeof text === 'string' ? IpAddress.parse(text) : undefined;
    if (address === undefined) return refused(`remoteAddresses must be IP addresses; ${shown(text)} is none`);
    remotePeers.push(address);
  }
  return ok({ thirdParty, remotePeers });
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

const isRealPort = (value: number): value is PortNumber => isPortNumber(value) && value !== ANY_PORT;

const shown = (value: unknown): string => JSON.stringify(value) ?? String(value);

/** Why there is no mapping, and what to do. */
export interface Problem {
  readonly kind: 'no server' | 'no answer' | 'refused' | 'conflict' | 'already mapped' | 'closed';
  readonly message: string;
  readonly resultCode?: number;
  readonly retryAfterSeconds?: number;
}

export function problemOf(outcome: Exclude<MapOutcome, { kind: 'granted' }>): Problem {
  return outcome.kind === 'refused' ? refusalProblem(outcome) : silenceProblem(outcome.why);
}

function silenceProblem(why: Unanswered['why']): Problem {
  switch (why) {
    case 'no server':
      return {
        kind: 'no server',
        message:
          'there is no PCP server to ask: this machine has no default gateway; name one with { server: "ADDRESS" }',
      };
    case 'server known to be down':
    case 'no answer in time':
    case 'hung up':
      return {
        kind: 'no answer',
        message:
          'the PCP server does not answer: see whether PCP or NAT-PMP is switched on in the router, and no firewall drops UDP port 5351',
      };
    case 'closed':
      return { kind: 'closed', message: 'the client was closed before the answer came' };
    default:
      return unreachable(why);
  }
}

const ADVICE: ReadonlyMap<number, string> = new Map([
  [CANNOT_PROVIDE_EXTERNAL, 'somebody else has that port; ask for another one, or leave exactPort out'],
  [USER_EX_QUOTA, 'the quota is used up; release mappings that are not needed'],
  [ADDRESS_MISMATCH, 'there is another NAT between this machine and the server'],
  [UNSUPP_OPTION, 'it lacks an option: leave out exactPort, internalAddress or remoteAddresses'],
]);

function refusalProblem({ code, hold }: Refused): Problem {
  const advice = ADVICE.get(code);
  const again = `ask again in ${durationInWords(hold)}`;
  return {
    kind: code === CANNOT_PROVIDE_EXTERNAL ? 'conflict' : 'refused',
    message: `the PCP server refused with ${resultName(code)}: ${advice === undefined ? again : `${advice}, or ${again}`}`,
    resultCode: code,
    retryAfterSeconds: Math.ceil(hold / 1000),
  };
}
