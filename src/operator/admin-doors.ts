// The two doors for the person at the box: the admin socket, and the page's listener where one is configured.

import type { Host } from '../base/host.ts';
import type { HttpHandler, HttpLimits, HttpListener } from '../base/http.ts';
import { type Endpoint, endpointText, type IpAddress } from '../base/ip-address.ts';
import { ok, type Result, refused } from '../base/result.ts';
import { seconds } from '../base/time.ts';
import type { Config } from '../config/config.ts';
import { faultAnswer } from './admin-answer.ts';
import { type AdminDoor, adminHandlers } from './admin-routes.ts';
import type { OperatorSource } from './operator-source.ts';

/** The owner and its group may, nobody else: the file system is the guard. */
const SOCKET_MODE = 0o660;
/** A long random word, and a line end. */
const MOST_TOKEN_OCTETS = 4096;
const SOCKET_LIMITS: HttpLimits = {
  bodyBytes: 16 * 1024,
  headBytes: 16 * 1024,
  headWithin: seconds(3),
  requestWithin: seconds(5),
  // A page with thousands of rows, over a slow tunnel.
  takenWithin: seconds(30),
  connections: 64,
  // Everybody on the socket is one peer.
  connectionsPerPeer: 64,
};
/** So that one machine cannot take every place. Everybody behind a reverse proxy is one peer, too. */
const PAGE_LIMITS: HttpLimits = { ...SOCKET_LIMITS, connections: 128, connectionsPerPeer: 48 };

function whoSeesThePage(address: IpAddress, hasToken: boolean): string {
  const who = address.isUnspecified
    ? 'everybody who reaches this box by any interface, the WAN too unless a firewall stops them,'
    : `everybody who reaches ${address}`;
  const what = "sees all mappings, host names, addresses and the day's events";
  const more = hasToken ? ', and may guess the token' : '';
  return `admin.listen is not on loopback: ${who} ${what}${more}; 127.0.0.1 shows them to this box alone`;
}

export class AdminDoors {
  readonly #host: Host;
  readonly #listeners: HttpListener[] = [];
  #pageEndpoint: Endpoint | undefined;
  #token: string | undefined;
  #handlers: Readonly<Record<AdminDoor, HttpHandler>> | undefined;

  private constructor(host: Host) {
    this.#host = host;
  }

  /** Nothing is shown before `serve`. The error is a sentence for the person who starts the daemon. */
  static async open(host: Host, config: Config): Promise<Result<AdminDoors, string>> {
    const doors = new AdminDoors(host);
    const tokenProblem = await doors.readToken(config.admin.tokenFile);
    if (tokenProblem !== undefined) return refused(tokenProblem);
    const { socket: path, listen } = config.admin;
    const socket = await host.http.listen(
      { kind: 'unix', path, mode: SOCKET_MODE },
      SOCKET_LIMITS,
      doors.#behind('socket'),
    );
    if (!socket.ok) return refused(`cannot open the admin socket: ${socket.error} (admin.socket or --admin-socket)`);
    doors.#listeners.push(socket.value);
    if (listen === 'off') return ok(doors);
    const page = await host.http.listen({ kind: 'tcp', endpoint: listen }, PAGE_LIMITS, doors.#behind('tcp'));
    if (!page.ok) {
      await doors.close();
      return refused(`cannot open the status page: ${page.error} (admin.listen or --admin; "off" for none)`);
    }
    doors.#listeners.push(page.value);
    doors.#pageEndpoint = page.value.endpoint;
    if (!listen.address.isLoopback) host.log.warn(whoSeesThePage(listen.address, config.admin.tokenFile !== ''));
    return ok(doors);
  }

  serve(source: OperatorSource): void {
    const { clock, random } = this.#host;
    this.#handlers = adminHandlers({ source, clock, random, token: () => this.#token });
  }

  pageUrl(): string | undefined {
    return this.#pageEndpoint === undefined ? undefined : `http://${endpointText(this.#pageEndpoint)}/`;
  }

  /** Undefined when all is well; the token may have been changed in its file. */
  async readToken(path: string): Promise<string | undefined> {
    if (path === '') {
      this.#token = undefined;
      return undefined;
    }
    const text = await this.#host.files.read(path, MOST_TOKEN_OCTETS);
    if (!text.ok) return `admin.token_file: ${text.error.message}`;
    const token = text.value.trim();
    if (token === '') return `admin.token_file: ${path} is empty; write a long random word into it`;
    this.#token = token;
    return undefined;
  }

  #behind(door: AdminDoor): HttpHandler {
    return async (request) => this.#handlers?.[door](request) ?? faultAnswer(503, 'igd2pcp is still starting');
  }

  async close(): Promise<void> {
    await Promise.all(this.#listeners.map((listener) => listener.close()));
  }
}
