// HTTP listeners: express on a hardened node:http server. Limits are enforced here, meaning is given elsewhere:
// a request becomes an `HttpRequest` value, the handler's `HttpResponse` becomes bytes.

import { chmod } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import express from 'express';
import type { HttpHandler, HttpLimits, HttpListener, HttpPlace, HttpRequest, HttpResponse } from '../base/http.ts';
import { type Endpoint, endpointText, IpAddress } from '../base/ip-address.ts';
import type { IpPrefix } from '../base/ip-prefix.ts';
import { ok, type Result, refused } from '../base/result.ts';
import { answerBrokenRequests } from './broken-requests.ts';
import { clearSocketPath } from './unix-socket.ts';

const NOWHERE: Endpoint = { address: IpAddress.of('0.0.0.0'), port: 0 };
// Deep enough for 64 control points that start at once; the kernel's default cuts it to somaxconn.
const BACKLOG = 1024;
const KEEP_ALIVE_MS = 2000;

export async function listenHttp(
  place: HttpPlace,
  limits: HttpLimits,
  handler: HttpHandler,
  reportBug: ReportBug,
): Promise<Result<HttpListener, string>> {
  const app = createApp(limits, handler, reportBug);
  const server = createServer(
    {
      requestTimeout: limits.requestWithin,
      headersTimeout: limits.headWithin,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: 500,
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

function createApp(limits: HttpLimits, handler: HttpHandler, reportBug: ReportBug): express.Express {
  const serve = answerWith(handler, reportBug);
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use((request: express.Request, response: express.Response, next: () => void) => {
    // RFC 9112 §3.2: with two Host fields nobody can say which is meant.
    if ((request.headersDistinct['host']?.length ?? 0) > 1) endWith(response, 400);
    else next();
  });
  // `type` as a function: control points send odd content types or none. Nothing is inflated: no decompression bombs.
  app.use(express.raw({ type: () => true, limit: limits.bodyBytes, inflate: false }));
  app.use((request: express.Request, response: express.Response) => {
    void serve(request, response, bodyText(request.body), false);
  });
  app.use(
    (
      error: { type?: string; status?: number },
      request: express.Request,
      response: express.Response,
      _next: unknown,
    ) => {
      if (error.type === 'entity.too.large') void serve(request, response, '', true);
      else if (!response.headersSent) endWith(response, error.status ?? 400);
    },
  );
  return app;
}

/** RFC 9110 §10.1.1: whoever asks before it sends a body hears at once that it would be too long. */
function answerExpectations(server: Server, app: express.Express, bodyBytes: number): void {
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

function bodyText(body: unknown): string {
  return body instanceof Uint8Array ? new TextDecoder().decode(body) : '';
}

/** A bug in a handler costs one answer, not the daemon. */
export type ReportBug = (error: unknown) => void;

function answerWith(handler: HttpHandler, reportBug: ReportBug) {
  return async (
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    body: string,
    bodyTooLong: boolean,
  ): Promise<void> => {
    const hangUp = new AbortController();
    outgoing.once('close', () => {
      if (!outgoing.writableFinished) hangUp.abort();
    });
    try {
      const response = await handler(toRequest(incoming, body, bodyTooLong, hangUp.signal));
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

function toRequest(incoming: IncomingMessage, body: string, bodyTooLong: boolean, hungUp: AbortSignal): HttpRequest {
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
    body,
    bodyTooLong,
    httpVersion: incoming.httpVersion,
    peer: endpointOf(incoming.socket.remoteAddress, incoming.socket.remotePort),
    local: endpointOf(incoming.socket.localAddress, incoming.socket.localPort),
    hungUp,
  };
}

function endpointOf(address: string | undefined, port: number | undefined): Endpoint {
  const parsed = address === undefined ? undefined : IpAddress.parse(address);
  return parsed === undefined ? NOWHERE : { address: parsed, port: port ?? 0 };
}

function write(incoming: IncomingMessage, outgoing: ServerResponse, response: HttpResponse): void {
  const bytes = Buffer.from(response.body ?? '', 'utf8');
  const wantsToStay = /\bkeep-alive\b/i.test(incoming.headers.connection ?? '');
  outgoing.shouldKeepAlive = wantsToStay && outgoing.shouldKeepAlive;
  outgoing.writeHead(response.status, { ...response.headers, 'content-length': bytes.length });
  outgoing.end(incoming.method === 'HEAD' ? undefined : bytes, response.afterwards);
}

function stream(outgoing: ServerResponse, response: HttpResponse, start: NonNullable<HttpResponse['stream']>): void {
  outgoing.writeHead(response.status, response.headers);
  outgoing.flushHeaders();
  const stop = start((chunk) => {
    if (!outgoing.destroyed) outgoing.write(chunk);
  });
  outgoing.once('close', stop);
}

/** A packet to a LAN address can come in by the WAN interface, too; whoever sent it learns nothing. */
function dropStrangers(server: Server, onlyFrom: IpPrefix): void {
  server.on('connection', (socket: Socket) => {
    const peer = IpAddress.parse(socket.remoteAddress ?? '');
    if (peer === undefined || !onlyFrom.contains(peer)) socket.resetAndDestroy();
  });
}

/** `maxConnections` is for all together: without this one silent machine could take every place. */
function limitConnectionsPerPeer(server: Server, most: number): void {
  const open = new Map<string, number>();
  server.on('connection', (socket: Socket) => {
    const peer = socket.remoteAddress;
    if (peer === undefined) return;
    const count = (open.get(peer) ?? 0) + 1;
    if (count > most) {
      socket.destroy();
      return;
    }
    open.set(peer, count);
    socket.once('close', () => {
      const left = (open.get(peer) ?? 1) - 1;
      if (left === 0) open.delete(peer);
      else open.set(peer, left);
    });
  });
}

function listenTcp(server: Server, endpoint: Endpoint): Promise<void> {
  return listen(server, { host: endpoint.address.text, port: endpoint.port, backlog: BACKLOG });
}

async function listenUnix(server: Server, path: string, mode: number): Promise<void> {
  await clearSocketPath(path);
  await listen(server, { path });
  await chmod(path, mode);
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
