// The requests of one connection take turns: the next one is read when the answer before it has left this process. Node's
// parser would hand over all requests of a packet, 64 KB of them, and their answers would wait in our memory for as long
// as the peer does not read. RFC 9112 §9.3.2 allows a client to send ahead; it does not ask us to read ahead.

import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** What the parser is given at once: most heads are shorter. */
const PIECE_OCTETS = 512;
/** In one piece there are more only if they are shorter than any real request. */
const MOST_WAITING = 15;

interface Turn {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly serve: () => void;
}

export class RequestTurns {
  readonly #connections = new WeakMap<Socket, Connection>();

  /** From now on each request that `inTurn` wraps waits for its turn. */
  watch(server: Server): void {
    server.on('connection', (socket: Socket) => this.#connections.set(socket, new Connection(socket)));
  }

  inTurn(serve: RequestListener): RequestListener {
    return (incoming, outgoing) =>
      this.#connections.get(incoming.socket)?.take({ incoming, outgoing, serve: () => serve(incoming, outgoing) });
  }

  /** An answer is on its way: nothing else may be written. */
  isAnswering(socket: Socket): boolean {
    return this.#connections.get(socket)?.isAnswering ?? false;
  }

  /** Somebody else reads this connection from now on: what was not parsed yet is his. */
  handOver(socket: Socket): Buffer {
    return this.#connections.get(socket)?.handOver() ?? NOTHING;
  }
}

const NOTHING: Buffer = Buffer.alloc(0);

class Connection {
  readonly #socket: Socket;
  /** The server's own listener, which hands octets to its parser. */
  readonly #parse: (octets: Buffer) => void;
  readonly #waiting: Turn[] = [];
  #serving: Turn | undefined;
  /** Read from the socket, not parsed yet: one packet of the kernel, two at most. */
  #rest: Buffer = NOTHING;
  #isFeeding = false;
  #isHolding = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    const [parse] = socket.listeners('data') as ((octets: Buffer) => void)[];
    this.#parse = parse ?? (() => {});
    // A listener of our own takes the socket out of the parser's hands; the server's comes after this gate.
    socket.removeAllListeners('data');
    socket.on('data', this.#read);
    socket.on('resume', this.#feed);
  }

  get isAnswering(): boolean {
    return this.#serving?.outgoing.headersSent === true;
  }

  take(turn: Turn): void {
    // The parser goes on with its piece after the connection was cut or closed.
    if (!this.#socket.writable) return;
    if (this.#serving === undefined) this.#begin(turn);
    // A client whose connection ends asks again for what was not answered (RFC 9112 §9.3.1).
    else if (this.#waiting.length >= MOST_WAITING) this.#socket.destroy();
    else this.#waiting.push(turn);
  }

  handOver(): Buffer {
    const rest = this.#rest;
    this.#rest = NOTHING;
    this.#socket.off('data', this.#read);
    this.#socket.off('resume', this.#feed);
    return rest;
  }

  #begin(turn: Turn): void {
    this.#serving = turn;
    turn.outgoing.once('close', () => {
      this.#serving = undefined;
      // Others come in between: while the kernel takes every answer at once, one peer could go on for ever.
      if (this.#waiting.length > 0 || this.#rest.length > 0) setImmediate(this.#goOn);
    });
    turn.serve();
  }

  readonly #goOn = (): void => {
    const next = this.#socket.writable && this.#serving === undefined ? this.#waiting.shift() : undefined;
    if (next !== undefined) this.#begin(next);
    else this.#feed();
  };

  readonly #read = (octets: Buffer): void => {
    this.#rest = this.#rest.length === 0 ? octets : Buffer.concat([this.#rest, octets]);
    this.#feed();
  };

  /** As long as nothing is sent ahead the socket goes on reading, so that we hear when the peer hangs up. */
  readonly #feed = (): void => {
    if (this.#isFeeding || this.#rest.length === 0) return;
    this.#isFeeding = true;
    if (this.#isHolding && this.#isNextWanted()) {
      this.#isHolding = false;
      this.#socket.resume();
    }
    // The server itself pauses its socket while a body finds no reader.
    while (this.#rest.length > 0 && this.#isNextWanted() && !this.#socket.isPaused()) {
      const piece = this.#rest.subarray(0, PIECE_OCTETS);
      this.#rest = this.#rest.subarray(PIECE_OCTETS);
      this.#parse(piece);
    }
    if (this.#rest.length > 0 && !this.#socket.isPaused()) {
      this.#isHolding = true;
      this.#socket.pause();
    }
    this.#isFeeding = false;
  };

  /** The request that is being served may still wait for its own body. */
  #isNextWanted(): boolean {
    const isComplete = this.#serving?.incoming.complete === true;
    return !isComplete && this.#waiting.length === 0 && this.#socket.writable;
  }
}
