// The commands' side of the admin socket: one HTTP request over a Unix socket, or a stream of server-sent events.

import { type IncomingMessage, request } from 'node:http';
import { ok, type Result, refused } from '../base/result.ts';

export interface AdminAnswer {
  readonly status: number;
  readonly body: string;
}

const ANSWER_WITHIN_MS = 35_000;

export function askAdmin(
  socketPath: string,
  method: string,
  path: string,
  body: string,
): Promise<Result<AdminAnswer, string>> {
  return new Promise((resolve) => {
    const outgoing = request(
      { socketPath, method, path, headers: headersFor(body), agent: false, timeout: ANSWER_WITHIN_MS },
      (incoming) => {
        let text = '';
        incoming.setEncoding('utf8');
        incoming.on('data', (part: string) => {
          text += part;
        });
        incoming.on('end', () => resolve(ok({ status: incoming.statusCode ?? 0, body: text })));
        incoming.on('error', (error) => resolve(refused(problemOf(socketPath, error))));
      },
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error('the daemon does not answer')));
    outgoing.on('error', (error) => resolve(refused(problemOf(socketPath, error))));
    outgoing.end(body);
  });
}

/** Settles when the stream ends, with why; `stop` ends it. */
export function followAdmin(
  socketPath: string,
  path: string,
  listener: (chunk: string) => void,
): { readonly ended: Promise<string>; readonly stop: () => void } {
  let live: IncomingMessage | undefined;
  const outgoing = request({ socketPath, method: 'GET', path, headers: { accept: 'text/event-stream' }, agent: false });
  const ended = new Promise<string>((resolve) => {
    outgoing.on('response', (incoming: IncomingMessage) => {
      live = incoming;
      incoming.setEncoding('utf8');
      incoming.on('data', listener);
      incoming.on('close', () => resolve('the daemon ended'));
    });
    outgoing.on('error', (error) => resolve(problemOf(socketPath, error)));
    outgoing.end();
  });
  return {
    ended,
    stop: () => {
      live?.destroy();
      outgoing.destroy();
    },
  };
}

function headersFor(body: string): Record<string, string | number> {
  return body === ''
    ? {}
    : { 'content-type': 'application/json', 'content-length': new TextEncoder().encode(body).length };
}

function problemOf(socketPath: string, error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ENOENT':
    case 'ECONNREFUSED':
      return `no daemon listens on ${socketPath}: is igd2pcp running? (admin.socket in the configuration, or --admin-socket)`;
    case 'EACCES':
      return `not permitted to open ${socketPath}: run this as root or as a member of its group`;
    default:
      return `${socketPath}: ${error.message}`;
  }
}
