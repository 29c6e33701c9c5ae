// The doctor's trial mapping: made short on a port of its own, tried with each option, stretched and shortened to see the
// server's limits, removed. The longest grant is asked for before the shortest, so that a lost removal leaves little behind.

import type { Host } from '../base/host.ts';
import { ANY_IPV4, IpAddress } from '../base/ip-address.ts';
import { ANY_PORT, type PortNumber, portNumber } from '../base/port-number.ts';
import { PROTOCOL_NUMBER } from '../base/transport-protocol.ts';
import { descriptionOption } from '../pcp/asking/dialect.ts';
import { type MappingNonce, NONCE_BYTES, nonceFromBytes } from '../pcp/asking/mapping-nonce.ts';
import { CANNOT_PROVIDE_EXTERNAL, SUCCESS, UNSUPP_OPTION } from '../pcp/asking/result-code.ts';
import type { Option } from '../pcp/wire/option.ts';
import { encodeRequest } from '../pcp/wire/pcp-request.ts';
import { decodeResponse, type MapResponse } from '../pcp/wire/pcp-response.ts';
import { type Reply, ServerAsker } from '../upstream/server-asker.ts';
import type { ServerPlace } from '../upstream/server-socket.ts';
import { LONGEST_ASKED_SECONDS, type MapFinding, type OptionFinding } from './doctor-findings.ts';

const TRIAL_SECONDS = 120;
const SHORTEST_ASKED_SECONDS = 1;
const PREFER_FAILURE: Option = { kind: 'prefer failure' };
const DESCRIPTION: Option = descriptionOption('igd2pcp doctor');
// RFC 5737: an address that nobody has, so that the filter lets nobody in meanwhile.
const FILTER: Option = {
  kind: 'filter',
  prefixBits: 128,
  remotePort: ANY_PORT,
  remoteAddress: IpAddress.of('192.0.2.1'),
};

interface Trial {
  readonly asker: ServerAsker;
  readonly nonce: MappingNonce;
  readonly internalPort: PortNumber;
}

interface Wish {
  readonly seconds: number;
  readonly suggested?: { readonly port: PortNumber; readonly address: IpAddress };
  readonly options?: readonly Option[];
}

export async function tryMapping(
  host: Host,
  place: ServerPlace,
  asker: ServerAsker,
  lanHost: IpAddress | undefined,
): Promise<MapFinding> {
  const trial = newTrial(host, asker);
  const first = await request(trial, { seconds: TRIAL_SECONDS });
  if (first.kind !== 'answer') return { kind: 'silent' };
  const { code, lifetimeSeconds, externalAddress, externalPort } = first.answer;
  if (code !== SUCCESS) return { kind: 'refused', code, lifetimeSeconds };
  const granted = { port: externalPort, address: externalAddress };

  const options = {
    PREFER_FAILURE: await tryPreferFailure(host, place, trial, granted),
    THIRD_PARTY: await tryThirdParty(host, asker, lanHost),
    DESCRIPTION: await tryOption(trial, granted, DESCRIPTION),
    FILTER: externalAddress.isIPv4 ? await tryOption(trial, granted, FILTER) : NOT_FOR_IPV6,
  };
  const longest = await request(trial, { seconds: LONGEST_ASKED_SECONDS, suggested: granted });
  const shortest = await request(trial, { seconds: SHORTEST_ASKED_SECONDS, suggested: granted });
  return {
    kind: 'granted',
    externalAddress,
    externalPort,
    shortestSeconds: grantIn(shortest),
    longestSeconds: grantIn(longest),
    options,
    isRemoved: await remove(trial),
  };
}

const NOT_FOR_IPV6: OptionFinding = { kind: 'not tried', why: 'the server maps IPv6' };

const newTrial = (host: Host, asker: ServerAsker): Trial => ({
  asker,
  nonce: nonceFromBytes(host.random.bytes(NONCE_BYTES)),
  internalPort: portNumber(asker.sparePort),
});

function request(trial: Trial, wish: Wish): Promise<Reply<MapResponse>> {
  const { asker, nonce, internalPort } = trial;
  const bytes = encodeRequest({
    kind: 'map',
    clientAddress: asker.ownAddress,
    lifetimeSeconds: wish.seconds,
    nonce,
    protocol: PROTOCOL_NUMBER.UDP,
    internalPort,
    externalPort: wish.suggested?.port ?? ANY_PORT,
    externalAddress: wish.suggested?.address ?? ANY_IPV4,
    options: wish.options ?? [],
  });
  return asker.ask(bytes, (answer) => {
    const decoded = decodeResponse(answer);
    if (decoded.kind === 'ignored' || decoded.message.kind !== 'map') return undefined;
    const { message } = decoded;
    return message.nonce === nonce && message.internalPort === internalPort ? message : undefined;
  });
}

const grantIn = (reply: Reply<MapResponse>): number | undefined =>
  reply.kind === 'answer' && reply.answer.code === SUCCESS ? reply.answer.lifetimeSeconds : undefined;

async function remove(trial: Trial, options: readonly Option[] = []): Promise<boolean> {
  const reply = await request(trial, { seconds: 0, options });
  return reply.kind === 'answer' && reply.answer.code === SUCCESS;
}

async function tryOption(
  trial: Trial,
  granted: NonNullable<Wish['suggested']>,
  option: Option,
): Promise<OptionFinding> {
  return findingOf(await request(trial, { seconds: TRIAL_SECONDS, suggested: granted, options: [option] }), option);
}

function findingOf(reply: Reply<MapResponse>, option: Option): OptionFinding {
  if (reply.kind !== 'answer') return { kind: 'silent' };
  const { code, options } = reply.answer;
  if (code === UNSUPP_OPTION) return { kind: 'unsupported' };
  if (code !== SUCCESS) return { kind: 'refused', code };
  // RFC 6887 §7.3: a success repeats the options that were acted on.
  return options.some(({ kind }) => kind === option.kind) ? { kind: 'works' } : { kind: 'unsupported' };
}

/** Asked from a second port for the port the first one holds: right is CANNOT_PROVIDE_EXTERNAL (RFC 6887 §13.2). */
async function tryPreferFailure(
  host: Host,
  place: ServerPlace,
  trial: Trial,
  granted: NonNullable<Wish['suggested']>,
): Promise<OptionFinding> {
  const kept = await tryOption(trial, granted, PREFER_FAILURE);
  if (kept.kind !== 'works') return kept;
  const opened = await ServerAsker.open(host, place);
  if (!opened.ok) return kept;
  try {
    const second = newTrial(host, opened.value);
    const options = [PREFER_FAILURE];
    const reply = await request(second, { seconds: TRIAL_SECONDS, suggested: granted, options });
    if (reply.kind !== 'answer') return { kind: 'silent' };
    if (reply.answer.code === CANNOT_PROVIDE_EXTERNAL) return kept;
    if (reply.answer.code !== SUCCESS) return { kind: 'refused', code: reply.answer.code };
    await remove(second);
    return { kind: 'not kept' };
  } finally {
    opened.value.close();
  }
}

async function tryThirdParty(host: Host, asker: ServerAsker, lanHost: IpAddress | undefined): Promise<OptionFinding> {
  if (lanHost === undefined) return { kind: 'not tried', why: 'no LAN address is configured to try it with' };
  // RFC 6887 §13.1: naming the sender itself is malformed.
  if (lanHost.equals(asker.ownAddress)) return { kind: 'not tried', why: 'the LAN address is the one we ask from' };
  const option: Option = { kind: 'third party', internalAddress: lanHost };
  const trial = newTrial(host, asker);
  const reply = await request(trial, { seconds: TRIAL_SECONDS, options: [option] });
  const finding = findingOf(reply, option);
  if (reply.kind === 'answer' && reply.answer.code === SUCCESS) await remove(trial, [option]);
  return finding;
}
