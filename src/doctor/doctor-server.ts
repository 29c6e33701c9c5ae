// The questions the doctor puts to one server: are you there, which protocol, and a short mapping on a spare port on which
// every option and limit is tried before it is removed again (RFC 6887 §11, §13, §14.1, §15).

import type { Host } from '../base/host.ts';
import type { IpAddress } from '../base/ip-address.ts';
import type { Duration } from '../base/time.ts';
import { encodeNatPmpRequest } from '../pcp/wire/nat-pmp-request.ts';
import { decodeNatPmpResponse } from '../pcp/wire/nat-pmp-response.ts';
import { ServerAsker } from '../upstream/server-asker.ts';
import { greet } from '../upstream/server-greeting.ts';
import type { ServerPlace } from '../upstream/server-socket.ts';
import type { ServerSpeech } from './doctor-findings.ts';
import { tryMapping } from './doctor-mapping.ts';

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
