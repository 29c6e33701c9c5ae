// What the HTTP parser could not read, or not in time, and the answer it gets.

import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { mandatoryPostIn, readAgain } from './mandatory-post.ts';
import type { RequestTurns } from './request-turns.ts';

interface ParserError extends Error {
  readonly code?: string;
  readonly rawPacket?: Buffer;
}

const STATUS_OF_BROKEN: Readonly<Record<string, string>> = {
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
};

export function answerBrokenRequests(server: Server, turns: RequestTurns): void {
  const readTwice = new WeakSet<Socket>();
  server.on('clientError', (error: ParserError, socket: Socket) => {
    // Its first parser still counts the time; the second one is the one that matters.
    if (readTwice.has(socket)) return;
    // An answer to an earlier request of this connection may be on its way: nothing may be written into it.
    if (!socket.writable || turns.isAnswering(socket) || error.code === 'ECONNRESET') {
      socket.destroy();
      return;
    }
    const packet = error.code === 'HPE_INVALID_METHOD' ? mandatoryPostIn(error.rawPacket) : undefined;
    if (packet !== undefined) {
      readTwice.add(socket);
      readAgain(server, socket, Buffer.concat([packet, turns.handOver(socket)]));
      return;
    }
    socket.end(`HTTP/1.1 ${statusOf(error)}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => socket.destroy());
  });
}

function statusOf(error: ParserError): string {
  // RFC 9110 §15.6.2: a method the parser never heard of, and not just any bytes.
  if (error.code === 'HPE_INVALID_METHOD' && /^[A-Z-]+ [/*]/.test(error.rawPacket?.toString('latin1') ?? ''))
    return '501 Not Implemented';
  return STATUS_OF_BROKEN[error.code ?? ''] ?? '400 Bad Request';
}
