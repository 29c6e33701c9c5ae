// HTTP listeners: express on a hardened node:http server. Limits are enforced here, meaning is given elsewhere:
// a request becomes an `HttpRequest` value, the handler's `HttpResponse` becomes bytes.

import { chmod } from 'node:fs/promises';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import express from 'express';
import type { HttpHandler, HttpLimits, HttpListener, HttpPlace, HttpRequest, HttpResponse } from '../base/http.ts';
import { type Endpoint, endpointText, IpAddress } from '../base/ip-address.ts';
import { ok, type Result, refused } from '../base/result.ts';
import { answerBrokenRequests } from './broken-requests.ts';
import { dropStrangers, limitConnectionsPerPeer } from './connection-limits.ts';
import { type RequestBody, readBody } from './request-body.ts';
import { clearSocketPath, socketPlace } from './unix-socket.ts';

const NOWHERE: Endpoint = { address: IpAddress.of('0.0.0.0'), port: 0 };
// Deep enough for 64 control points that start at once; the kernel's default cuts it to somaxconn.
const BACKLOG = 1024;
const KEEP_ALIVE_MS = 2000;
/** How much longer than its limit a slow peer may stay; each look wakes an idle box, once per listener. */
const CHECK_CONNECTIONS_EVERY_MS = 2500;

export async function listenHttp(
  place: HttpPlace,
  limits: HttpLimits,
  handler: HttpHandler,
  reportBug: ReportBug,
): Promise<Result<HttpListener, string>> {
  const app = createApp(place, limits, handler, reportBug);
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
    app,
  );
  server.maxConnections = limits.connections;
  server.maxRequestsPerSocket = 1000;
  if (place.kind === 'tcp' && place.onlyFrom !== undefined) dropStrangers(server, place.onlyFrom);
  limitConnectionsPerPeer(server, limits.connectionsPerPeer);
  answerBrokenRequests(server);
  answerExpectations(server, app, limits.bodyBytes);
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
function createApp(place: HttpPlace, limits: HttpLimits, handler: HttpHandler, reportBug: ReportBug): RequestListener {
  const serve = answerWith(place, handler, reportBug);
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
function answerExpectations(server: Server, app: RequestListener, bodyBytes: number): void {
  server.on('checkContinue', (incoming: IncomingMessage, outgoing: ServerResponse) => {
    if (Number(incoming.headers['content-length']) > bodyBytes) return endWith(outgoing, 413);
    outgoing.writeContinue();
    app(incoming, outgoing);
  });
  server.on('checkExpectation', (_incoming: IncomingMessage, outgoing: ServerResponse) => endWith(outgoing, 417));
}

function endWith(response: ServerResponse, status: number): void {
  response.writeHead(status, { connection: 'close', 'content-length': 0 }).end();
}

/** A bug in a handler costs one answer, not the daemon. */
export type ReportBug = (error: unknown) => void;

function answerWith(place: HttpPlace, handler: HttpHandler, reportBug: ReportBug) {
  const localOf = localEndpointAt(place);
  return async (
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    body: Exclude<RequestBody, { kind: 'encoded' }>,
  ): Promise<void> => {
    const hangUp = new AbortController();
    outgoing.once('close', () => {
      if (!outgoing.writableFinished) hangUp.abort();
    });
    try {
      const response = await handler(toRequest(incoming, localOf(incoming.socket), body, hangUp.signal));
      if (outgoing.destroyed) return;
      if (response.stream !== undefined) stream(outgoing, response, response.stream);
      else write(incoming, outgoing, response);
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
  const wantsToStay = /\bkeep-alive\b/i.test(incoming.headers.connection ?? '');
  outgoing.shouldKeepAlive = wantsToStay && outgoing.shouldKeepAlive;
  outgoing.writeHead(response.status, { ...response.headers, 'content-length': Buffer.byteLength(body) });
  // As text: head and body then leave in one piece.
  outgoing.end(incoming.method === 'HEAD' ? undefined : body, 'utf8', response.afterwards);
}

function stream(outgoing: ServerResponse, response: HttpResponse, start: NonNullable<HttpResponse['stream']>): void {
  outgoing.writeHead(response.status, response.headers);
  outgoing.flushHeaders();
  const stop = start((chunk) => {
    if (!outgoing.destroyed) outgoing.write(chunk);
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
