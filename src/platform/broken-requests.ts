// What the HTTP parser could not read, or not in time, and the answer it gets.

import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
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

// M-POST over a parser that does not know it (UDA 1.0 §3.2.1, RFC 2774): it is POST with a mandatory extension, and is
// read as one. The connection is handed to the server once more, with the method's name exchanged. It is closed after the
// answer: whoever speaks M-POST opens a new one, and each second reading on top of another would cost memory.

const MANDATORY_POST = Buffer.from('M-POST ');
const POST = Buffer.from('POST ');

/** What the parser could not read, when it was the beginning of an M-POST. */
function mandatoryPostIn(packet: Buffer | undefined): Buffer | undefined {
  if (packet === undefined || !packet.subarray(0, MANDATORY_POST.length).equals(MANDATORY_POST)) return undefined;
  return Buffer.concat([POST, packet.subarray(MANDATORY_POST.length)]);
}

function readAgain(server: Server, socket: Socket, packet: Buffer): void {
  server.emit('connection', new SecondReading(socket, packet));
}

/** The rest of a connection whose first parser gave up. */
export class SecondReading extends Duplex {
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
  readonly #socket: Socket;

  constructor(socket: Socket, packet: Buffer) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    // A socket forgets them when it closes.
    this.remoteAddress = socket.remoteAddress;
    this.remotePort = socket.remotePort;
    this.localAddress = socket.localAddress;
    this.localPort = socket.localPort;
    this.push(packet);
    // The first parser must not see what follows; listening for data takes the socket out of its hands.
    socket.removeAllListeners('data');
    socket.on('data', (bytes: Buffer) => {
      if (!this.push(bytes)) socket.pause();
    });
    socket.on('end', () => this.push(null));
    socket.on('close', () => this.destroy());
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(bytes, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(done);
  }

  /** What was written goes out, then the connection ends, whatever the peer does. */
  destroySoon(): void {
    if (this.writableFinished) this.destroy();
    else this.end(() => this.destroy());
  }

  resetAndDestroy(): this {
    this.#socket.resetAndDestroy();
    return this.destroy();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (this.writableFinished) this.#socket.destroySoon();
    else this.#socket.destroy();
    done(error);
  }
}
