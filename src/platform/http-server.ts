// HTTP listeners: express on a hardened node:http server. Limits are enforced here, meaning is given elsewhere:
// a request becomes an `HttpRequest` value, the handler's `HttpResponse` becomes bytes.

import { chmod } from 'node:fs/promises';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import express from 'express';
import type { HttpHandler, HttpLimits, HttpListener, HttpPlace, HttpRequest, HttpResponse } from '../base/http.ts';
import { type Endpoint, endpointText, IpAddress } from '../base/ip-address.ts';
import { ok, type Result, refused } from '../base/result.ts';
import { answerBrokenRequests, SecondReading } from './broken-requests.ts';
import { dropStrangers, limitConnectionsPerPeer, type RequestBody, readBody } from './http-limits.ts';
import { RequestTurns } from './request-turns.ts';
import { clearSocketPath, socketPlace } from './unix-socket.ts';
import type { UnreadAnswers } from './unread-answers.ts';

const NOWHERE: Endpoint = { address: IpAddress.of('0.0.0.0'), port: 0 };
// Deep enough for 64 control points that start at once; the kernel's default cuts it to somaxconn.
const BACKLOG = 1024;
const KEEP_ALIVE_MS = 2000;
/** How much longer than its limit a slow peer may stay; each look wakes an idle box, once per listener. */
const CHECK_CONNECTIONS_EVERY_MS = 2500;
/** The answer after the last one says "Connection: close". */
const MOST_REQUESTS_PER_CONNECTION = 100;
/** The same for its octets: what a peer never reads stays in the kernel's buffers. */
const MOST_OCTETS_PER_CONNECTION = 256 * 1024;
/** Of events that wait for one reader of a stream: pages read them at once. */
const MOST_UNREAD_OF_STREAM = 128 * 1024;

export async function listenHttp(
  place: HttpPlace,
  limits: HttpLimits,
  handler: HttpHandler,
  unread: UnreadAnswers,
  reportBug: ReportBug,
): Promise<Result<HttpListener, string>> {
  const turns = new RequestTurns();
  const app = createApp(limits, answerWith(place, limits, handler, unread, reportBug), reportBug);
  const server = createServer(
    {
      requestTimeout: limits.requestWithin,
      headersTimeout: limits.headWithin,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: CHECK_CONNECTIONS_EVERY_MS,
      maxHeaderSize: limits.headBytes,
      // Old control points leave the Host header out; who may ask is checked by the routes.
      requireHostHeader: false,
    },
    turns.inTurn(app),
  );
  server.maxConnections = limits.connections;
  server.maxRequestsPerSocket = MOST_REQUESTS_PER_CONNECTION;
  if (place.kind === 'tcp' && place.onlyFrom !== undefined) dropStrangers(server, place.onlyFrom);
  limitConnectionsPerPeer(server, limits.connectionsPerPeer);
  turns.watch(server);
  answerBrokenRequests(server, turns);
  server.on('checkContinue', turns.inTurn(beforeBody(app, limits.bodyBytes)));
  server.on(
    'checkExpectation',
    turns.inTurn((_incoming, outgoing) => endWith(outgoing, 417)),
  );
  try {
    await (place.kind === 'tcp' ? listenTcp(server, place.endpoint) : listenUnix(server, place.path, place.mode));
  } catch (error) {
    return refused(problemOf(place, error as NodeJS.ErrnoException));
  }
  const bound = server.address();
  const endpoint =
    place.kind === 'tcp' && bound !== null && typeof bound === 'object'
      ? { address: place.endpoint.address, port: bound.port }
      : NOWHERE;
  return ok({ endpoint, close: () => closeServer(server) });
}

/** A router without the application around it, which would give each request another prototype that nobody asks. */
function createApp(limits: HttpLimits, serve: ReturnType<typeof answerWith>, reportBug: ReportBug): RequestListener {
  const router = express.Router();
  router.use((incoming: IncomingMessage, outgoing: ServerResponse) => {
    // RFC 9112 §3.2: with two Host fields nobody can say which is meant.
    if (hostFieldsOf(incoming) > 1) return endWith(outgoing, 400);
    readBody(incoming, limits.bodyBytes, (body) => {
      // RFC 9110 §15.5.16.
      if (body.kind === 'encoded') endWith(outgoing, 415);
      else void serve(incoming, outgoing, body);
    });
  });
  return (incoming, outgoing) =>
    router(incoming as express.Request, outgoing as express.Response, (error: unknown) => {
      if (error !== undefined) reportBug(error);
      if (!outgoing.headersSent) endWith(outgoing, 500);
    });
}

function hostFieldsOf({ rawHeaders }: IncomingMessage): number {
  let count = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? '';
    if (name.length === 4 && name.toLowerCase() === 'host') count += 1;
  }
  return count;
}

/** RFC 9110 §10.1.1: whoever asks before it sends a body hears at once that it would be too long. */
function beforeBody(app: RequestListener, bodyBytes: number): RequestListener {
  return (incoming, outgoing) => {
    if (Number(incoming.headers['content-length']) > bodyBytes) return endWith(outgoing, 413);
    outgoing.writeContinue();
    app(incoming, outgoing);
  };
}

function endWith(response: ServerResponse, status: number): void {
  response.writeHead(status, { connection: 'close', 'content-length': 0 }).end();
}

/** A bug in a handler costs one answer, not the daemon. */
export type ReportBug = (error: unknown) => void;

function answerWith(
  place: HttpPlace,
  limits: HttpLimits,
  handler: HttpHandler,
  unread: UnreadAnswers,
  reportBug: ReportBug,
) {
  const localOf = localEndpointAt(place);
  return async (
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    body: Exclude<RequestBody, { kind: 'encoded' }>,
  ): Promise<void> => {
    const hangUp = new AbortController();
    const { socket } = incoming;
    const lookAtReader = (): void => unread.look(socket, limits.takenWithin);
    let isTaken = false;
    // A connection that is cut "finishes" its answer, too.
    outgoing.once('finish', () => {
      isTaken = !socket.destroyed;
    });
    outgoing.once('close', () => {
      if (!isTaken) hangUp.abort();
      lookAtReader();
    });
    try {
      const response = await handler(toRequest(incoming, localOf(socket), body, hangUp.signal));
      if (outgoing.destroyed) return;
      if (response.stream !== undefined) stream(outgoing, response, response.stream, lookAtReader);
      else write(incoming, outgoing, response);
      lookAtReader();
    } catch (error) {
      if (outgoing.headersSent) outgoing.end();
      else endWith(outgoing, 500);
      reportBug(error);
    }
  };
}

function toRequest(
  incoming: IncomingMessage,
  local: Endpoint,
  body: Exclude<RequestBody, { kind: 'encoded' }>,
  hungUp: AbortSignal,
): HttpRequest {
  const [, authority, rest = incoming.url ?? '/'] = /^https?:\/\/([^/?]*)(.*)$/i.exec(incoming.url ?? '') ?? [];
  const url = rest.startsWith('/') ? rest : `/${rest}`;
  const mark = url.indexOf('?');
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  // RFC 9112 §3.2.2: whom an absolute target names is meant, whatever Host says.
  if (authority !== undefined) headers['host'] = authority;
  return {
    method: incoming.method ?? 'GET',
    path: mark < 0 ? url : url.slice(0, mark),
    query: mark < 0 ? '' : url.slice(mark + 1),
    headers,
    body: body.kind === 'whole' ? body.text : '',
    bodyTooLong: body.kind === 'too long',
    httpVersion: incoming.httpVersion,
    peer: endpointOf(incoming.socket.remoteAddress, incoming.socket.remotePort),
    local,
    hungUp,
  };
}

/** A listener of one address has only this one; the kernel need not be asked each time. */
function localEndpointAt(place: HttpPlace): (socket: Socket) => Endpoint {
  if (place.kind === 'unix') return () => NOWHERE;
  const { address, port } = place.endpoint;
  if (address.isUnspecified || port === 0) return ({ localAddress, localPort }) => endpointOf(localAddress, localPort);
  return () => place.endpoint;
}

function endpointOf(address: string | undefined, port: number | undefined): Endpoint {
  const parsed = address === undefined ? undefined : IpAddress.parse(address);
  return parsed === undefined ? NOWHERE : { address: parsed, port: port ?? 0 };
}

function write(incoming: IncomingMessage, outgoing: ServerResponse, response: HttpResponse): void {
  const body = response.body ?? '';
  const { socket } = incoming;
  const wantsToStay = /\bkeep-alive\b/i.test(incoming.headers.connection ?? '');
  const mayStay = !(socket instanceof SecondReading) && socket.bytesWritten < MOST_OCTETS_PER_CONNECTION;
  outgoing.shouldKeepAlive = wantsToStay && mayStay && outgoing.shouldKeepAlive;
  outgoing.writeHead(response.status, { ...response.headers, 'content-length': Buffer.byteLength(body) });
  // As text: head and body then leave in one piece.
  outgoing.end(incoming.method === 'HEAD' ? undefined : body, 'utf8', response.afterwards);
}

function stream(
  outgoing: ServerResponse,
  response: HttpResponse,
  start: NonNullable<HttpResponse['stream']>,
  lookAtReader: () => void,
): void {
  outgoing.writeHead(response.status, response.headers);
  outgoing.flushHeaders();
  const stop = start((chunk) => {
    if (outgoing.destroyed) return;
    outgoing.write(chunk, lookAtReader);
    if (outgoing.writableLength > MOST_UNREAD_OF_STREAM) outgoing.destroy();
    lookAtReader();
  });
  outgoing.once('close', stop);
}

function listenTcp(server: Server, endpoint: Endpoint): Promise<void> {
  return listen(server, { host: endpoint.address.text, port: endpoint.port, backlog: BACKLOG });
}

async function listenUnix(server: Server, path: string, mode: number): Promise<void> {
  const place = await socketPlace(path);
  await clearSocketPath(place);
  await listen(server, { path: place });
  await chmod(place, mode);
}

function listen(server: Server, options: object): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

function problemOf(place: HttpPlace, error: NodeJS.ErrnoException): string {
  const where = place.kind === 'tcp' ? endpointText(place.endpoint) : place.path;
  switch (error.code) {
    case 'EADDRINUSE':
      return `${where} is already in use: another program listens there`;
    case 'ENOTSOCK':
      return `${where} is there and is no socket: it was left alone`;
    case 'EADDRNOTAVAIL':
      return `${where}: no interface of this machine has this address`;
    case 'EACCES':
      return `${where}: not permitted to listen there`;
    default:
      return `${where}: ${error.message}`;
  }
}
