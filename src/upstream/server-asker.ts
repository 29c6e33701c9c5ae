// Asks one PCP server one thing at a time and waits: a few copies, one answer, the time it took. For diagnosis; mappings
// that matter are asked for by `pcp/` with all its rules, which would hide what is to be seen here.

import type { Host, UdpSocket } from '../base/host.ts';
import type { Endpoint, IpAddress } from '../base/ip-address.ts';
import { ok, type Result } from '../base/result.ts';
import { after, between, type Duration, type Instant, milliseconds } from '../base/time.ts';
import { encodeRequest } from '../pcp/wire/pcp-request.ts';
import { decodeResponse } from '../pcp/wire/pcp-response.ts';
import { openServerSocket, type ServerPlace } from './server-socket.ts';

export type Reply<Answer> =
  | { readonly kind: 'answer'; readonly answer: Answer; readonly roundTrip: Duration }
  | { readonly kind: 'silent' }
  /** ICMP: nothing listens there. */
  | { readonly kind: 'port closed' };

// A person waits. RFC 6887's first timeout of 3 s is for networks that are to be spared; these are four packets.
const SEND_AT = [0, 400, 1000, 2000].map(milliseconds);
const GIVE_UP_AFTER = milliseconds(3500);

type AskingHost = Pick<Host, 'clock' | 'udp' | 'network'>;

export class ServerAsker {
  readonly #host: AskingHost;
  readonly #server: Endpoint;
  #socket: UdpSocket | undefined;
  #heard: (bytes: Uint8Array) => void = () => {};
  #refused: () => void = () => {};

  private constructor(host: AskingHost, server: Endpoint) {
    this.#host = host;
    this.#server = server;
  }

  static async open(host: AskingHost, place: ServerPlace): Promise<Result<ServerAsker, string>> {
    const asker = new ServerAsker(host, place.server);
    const socket = await openServerSocket(host, place, {
      datagram: (bytes) => asker.#heard(bytes),
      unreachable: () => asker.#refused(),
    });
    if (!socket.ok) return socket;
    asker.#socket = socket.value;
    return ok(asker);
  }

  /** As the server sees it, if nothing translates on the way. */
  get ownAddress(): IpAddress {
    return this.#socket?.local.address ?? this.#server.address;
  }

  /** A port nobody else on this machine has, as long as the asker is open. */
  get sparePort(): number {
    return this.#socket?.local.port ?? 0;
  }

  /** `read` picks the answer out of what comes in; undefined: something else, keep waiting. */
  ask<Answer>(bytes: Uint8Array, read: (bytes: Uint8Array) => Answer | undefined): Promise<Reply<Answer>> {
    const { clock } = this.#host;
    const start = clock.now();
    let lastSentAt: Instant = start;
    const timers: (() => void)[] = [];
    return new Promise((resolve) => {
      const settle = (reply: Reply<Answer>): void => {
        for (const cancel of timers) cancel();
        this.#heard = () => {};
        this.#refused = () => {};
        resolve(reply);
      };
      this.#heard = (datagram) => {
        const answer = read(datagram);
        if (answer !== undefined) settle({ kind: 'answer', answer, roundTrip: between(lastSentAt, clock.now()) });
      };
      this.#refused = () => settle({ kind: 'port closed' });
      timers.push(clock.wakeAt(after(start, GIVE_UP_AFTER), () => settle({ kind: 'silent' })));
      const send = (): void => {
        lastSentAt = clock.now();
        this.#socket?.send(bytes);
      };
      for (const delay of SEND_AT) {
        if (delay === 0) send();
        else timers.push(clock.wakeAt(after(start, delay), send));
      }
    });
  }

  close(): void {
    this.#socket?.close();
  }
}

// "Are you there, and what do you speak?": one unicast ANNOUNCE, which changes nothing at the server (RFC 6887 §14.1.1).

type Greeting =
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
