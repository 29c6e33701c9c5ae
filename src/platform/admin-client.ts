// The commands' side of the admin socket: one HTTP request over a Unix socket.

import { request } from 'node:http';
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
