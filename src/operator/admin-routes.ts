// The admin listener and the admin socket: one table of paths. The socket's file mode says who may use it, so there all
// methods are open; over TCP everybody may read, and who writes must show the token.

import type { CancelWake, Clock, RandomSource } from '../base/host.ts';
import type { HttpHandler, HttpRequest, HttpResponse } from '../base/http.ts';
import { IpAddress } from '../base/ip-address.ts';
import { after, type Duration, seconds } from '../base/time.ts';
import { faultAnswer, jsonAnswer, refusalAnswer, textAnswer } from './admin-answer.ts';
import { bearerToken, crossSiteProblem, TokenGuesses, unwelcomeBecause } from './admin-guard.ts';
import { AdminPage } from './admin-page.ts';
import { parseJson } from './api-schema.ts';
import { healthOf } from './health.ts';
import type { OperatorSource } from './operator-source.ts';
import { emptiedJson, eventJson, eventsJson, mappingsJson, statusJson } from './status-json.ts';
import { tr181Of } from './tr181.ts';

interface AdminParts {
  readonly source: OperatorSource;
  readonly clock: Clock;
  readonly random: RandomSource;
  /** Of `admin.token_file`; undefined when none is set. Asked each time: the file may change. */
  readonly token: () => string | undefined;
}

export type AdminDoor = 'socket' | 'tcp';

type Route = (request: HttpRequest) => HttpResponse | Promise<HttpResponse>;
type Routes = ReadonlyMap<string, ReadonlyMap<string, Route>>;

/** Content type of the Prometheus text format. */
const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** Both doors share sessions, streams and the book of wrong tokens. */
export function adminHandlers(parts: AdminParts): Readonly<Record<AdminDoor, HttpHandler>> {
  const guesses = new TokenGuesses();
  const routes = routesOf(parts, guesses);
  return {
    socket: (request) => answer(routes, request),
    tcp: async (request) => {
      const reason = unwelcomeBecause(request);
      if (reason !== undefined) return faultAnswer(403, reason);
      const isApiWrite = request.path.startsWith('/api/') && request.method !== 'GET' && request.method !== 'HEAD';
      const refusal = isApiWrite ? tokenRefusal(parts, guesses, request) : undefined;
      return refusal ?? answer(routes, request);
    },
  };
}

function tokenRefusal(
  { token, clock }: AdminParts,
  guesses: TokenGuesses,
  request: HttpRequest,
): HttpResponse | undefined {
  const secret = token();
  if (secret === undefined)
    return faultAnswer(403, 'this listener only reads: set admin.token_file, or use the admin socket');
  const given = bearerToken(request);
  const guess = given === undefined ? 'wrong' : guesses.judge(request.peer.address, given, secret, clock.now());
  if (guess === 'right') return undefined;
  if (guess === 'too many tries') {
    const tooMany = faultAnswer(429, 'too many wrong tokens from your address: wait a minute');
    return { ...tooMany, headers: { ...tooMany.headers, 'retry-after': '60' } };
  }
  const refusal = faultAnswer(401, 'show the token: Authorization: Bearer TOKEN');
  return { ...refusal, headers: { ...refusal.headers, 'www-authenticate': 'Bearer realm="igd2pcp"' } };
}

function routesOf({ source, clock, random, token }: AdminParts, guesses: TokenGuesses): Routes {
  const page = new AdminPage(source, random, token, guesses);
  const streams = new AdminStreams(source, clock);
  const table: readonly (readonly [method: string, path: string, Route])[] = [
    ['GET', '/', (request) => page.show(request, clock.now())],
    ['POST', '/login', (request) => page.signIn(request, clock.now())],
    ['POST', '/logout', (request) => page.signOut(request, clock.now())],
    ['POST', '/delete', (request) => page.close(request, clock.now())],
    ['GET', '/api/status', () => jsonAnswer(statusJson(source.snapshot()))],
    ['GET', '/api/mappings', () => jsonAnswer(mappingsJson(source.snapshot()))],
    ['POST', '/api/mappings', (request) => postMapping(source, request)],
    ['DELETE', '/api/mappings', (request) => deleteMapping(source, request)],
    ['GET', '/api/events', (request) => eventsAnswer(source, streams, request)],
    ['GET', '/api/tr181', () => jsonAnswer(tr181Of(source.snapshot()))],
    ['GET', '/metrics', () => textAnswer(source.metrics(), 200, METRICS_TYPE)],
    ['GET', '/healthz', () => healthAnswer(source)],
  ];
  const routes = new Map<string, Map<string, Route>>();
  for (const [method, path, route] of table) {
    const methods = routes.get(path) ?? new Map<string, Route>();
    routes.set(path, methods.set(method, route));
  }
  return routes;
}

async function answer(routes: Routes, request: HttpRequest): Promise<HttpResponse> {
  const methods = routes.get(request.path);
  if (methods === undefined) return faultAnswer(404, 'there is nothing here');
  if (request.bodyTooLong) return faultAnswer(413, 'that is too long');
  const route = methods.get(request.method === 'HEAD' ? 'GET' : request.method);
  if (route === undefined) {
    const refusal = faultAnswer(405, `${request.method} is not for this path`);
    return { ...refusal, headers: { ...refusal.headers, allow: [...methods.keys()].join(', ') } };
  }
  const response = await route(request);
  if (request.method !== 'HEAD') return response;
  const { status, headers = {} } = response;
  return { status, headers };
}

function eventsAnswer(source: OperatorSource, streams: AdminStreams, request: HttpRequest): HttpResponse {
  const wantsStream = (request.headers['accept'] ?? '').includes('text/event-stream');
  if (!wantsStream) return jsonAnswer(eventsJson(source.lastDay()));
  // Its data would not reach the other site, but its place would be taken.
  const problem = crossSiteProblem(request);
  if (problem !== undefined) return faultAnswer(403, problem);
  return streams.respond(request.peer.address.text) ?? faultAnswer(503, 'too many pages are open; close one');
}

function healthAnswer(source: OperatorSource): HttpResponse {
  const { level, sentence } = healthOf(source.snapshot());
  return textAnswer(`${sentence}\n`, level === 'bad' ? 503 : 200);
}

// The JSON API's writing methods. Who may use them is decided before, in admin-routes.ts.

async function postMapping(source: OperatorSource, request: HttpRequest): Promise<HttpResponse> {
  const order = parseJson('order', request.body);
  if (!order.ok) return faultAnswer(400, `the order is not right: ${order.error}`);
  if (IpAddress.parse(order.value.internalAddress) === undefined) {
    return faultAnswer(400, `"${order.value.internalAddress}" is not an IP address`);
  }
  if (order.value.externalPort === 0 && !order.value.anyPort) {
    return faultAnswer(400, 'externalPort is missing: name one, or set anyPort');
  }
  const added = await source.addMapping(order.value);
  if (!added.ok) return refusalAnswer(added.error);
  const { protocol, externalPort, remoteHost, externalAddress } = added.value;
  return jsonAnswer({ protocol, externalPort, remoteHost, externalAddress: externalAddress ?? null }, 201);
}

/** One mapping, or `?all=true`. Named in the query: bodies of DELETE get lost on the way. */
async function deleteMapping(source: OperatorSource, request: HttpRequest): Promise<HttpResponse> {
  const fields = new URLSearchParams(request.query);
  if (fields.get('all') === 'true') return jsonAnswer(emptiedJson(await source.deleteAll()));
  const name = parseJson(
    'name',
    JSON.stringify({
      protocol: fields.get('protocol')?.toUpperCase(),
      externalPort: Number(fields.get('externalPort') ?? Number.NaN),
      remoteHost: fields.get('remoteHost') ?? '',
    }),
  );
  if (!name.ok) return faultAnswer(400, `name the mapping as ?protocol=TCP&externalPort=8080: ${name.error}`);
  const deleted = await source.deleteMapping(name.value);
  return deleted.ok ? jsonAnswer(name.value) : refusalAnswer(deleted.error);
}

// /api/events as server-sent events: "happened" carries an event, "changed" says that a fresh look is worth it.

/** Each holds a connection; a household has fewer open pages. */
const MAX_STREAMS = 32;
/** One browser with many pages must leave places for others. */
const MAX_STREAMS_OF_PEER = 8;
/** A burst of hundreds of mappings is one look, not hundreds. */
const CHANGES_AT_MOST_EVERY = seconds(1);
/** So that a browser notices a connection that died silently. */
const PING_EVERY = seconds(25);

class AdminStreams {
  readonly #source: OperatorSource;
  readonly #clock: Clock;
  /** By peer; every stream is counted here. */
  readonly #open = new Map<string, number>();

  constructor(source: OperatorSource, clock: Clock) {
    this.#source = source;
    this.#clock = clock;
  }

  /** Undefined: too many are open. */
  respond(peer: string): HttpResponse | undefined {
    const all = [...this.#open.values()].reduce((sum, count) => sum + count, 0);
    if (all >= MAX_STREAMS || this.#openOf(peer) >= MAX_STREAMS_OF_PEER) return undefined;
    return {
      status: 200,
      headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' },
      stream: (write) => this.#start(peer, write),
    };
  }

  #openOf(peer: string): number {
    return this.#open.get(peer) ?? 0;
  }

  #start(peer: string, write: (chunk: string) => void): () => void {
    this.#open.set(peer, this.#openOf(peer) + 1);
    const ping = this.#repeat(PING_EVERY, () => write(': still here\n\n'));
    let pendingChange: CancelWake | undefined;
    const stopListening = this.#source.listen({
      happened: (event) => write(`event: happened\ndata: ${JSON.stringify(eventJson(event))}\n\n`),
      changed: () => {
        pendingChange ??= this.#clock.wakeAt(after(this.#clock.now(), CHANGES_AT_MOST_EVERY), () => {
          pendingChange = undefined;
          write('event: changed\ndata: {}\n\n');
        });
      },
    });
    write('retry: 3000\n\n');
    let isOpen = true;
    return () => {
      if (!isOpen) return;
      isOpen = false;
      const left = this.#openOf(peer) - 1;
      if (left > 0) this.#open.set(peer, left);
      else this.#open.delete(peer);
      stopListening();
      ping();
      pendingChange?.();
    };
  }

  #repeat(every: Duration, act: () => void): CancelWake {
    let cancel: CancelWake = () => undefined;
    const arm = (): void => {
      cancel = this.#clock.wakeAt(after(this.#clock.now(), every), () => {
        act();
        arm();
      });
    };
    arm();
    return () => cancel();
  }
}
