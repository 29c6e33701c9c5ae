// "Are you there, and what do you speak?": one unicast ANNOUNCE, which changes nothing at the server (RFC 6887 §14.1.1).

import type { IpAddress } from '../base/ip-address.ts';
import { encodeRequest } from '../pcp/wire/pcp-request.ts';
import { decodeResponse } from '../pcp/wire/pcp-response.ts';
import type { Reply, ServerAsker } from './server-asker.ts';

export type Greeting =
  | { readonly kind: 'epoch'; readonly epoch: number }
  | { readonly kind: 'version'; readonly version: number };

export const greet = (asker: ServerAsker): Promise<Reply<Greeting>> =>
  asker.ask(announceRequest(asker.ownAddress), readGreeting);

const announceRequest = (clientAddress: IpAddress): Uint8Array =>
  encodeRequest({ kind: 'announce', clientAddress, lifetimeSeconds: 0, options: [] });

/** Any answer tells who is there: a refused ANNOUNCE carries the epoch as well. */
function readGreeting(bytes: Uint8Array): Greeting | undefined {
  const decoded = decodeResponse(bytes);
  if (decoded.kind === 'ignored') return undefined;
  const { message } = decoded;
  return message.kind === 'version refused'
    ? { kind: 'version', version: message.version }
    : { kind: 'epoch', epoch: message.epoch };
}
