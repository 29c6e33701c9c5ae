// The published Node library: `import { PcpClient } from "igd2pcp/pcp"`, the daemon's own PCP client for a program that
// wants a port opened. Everything public is plain strings and numbers, so that the declarations stand alone. See README.md.

import { EventEmitter } from 'node:events';
import { SILENT_LOG } from '../base/log.ts';
import type { Granted } from '../pcp/asking/map-outcome.ts';
import type { MapRequest } from '../pcp/asking/map-request.ts';
import { NONCE_BYTES, nonceFromBytes } from '../pcp/asking/mapping-nonce.ts';
import { NodeFiles } from '../platform/files.ts';
import { nodeNetwork } from '../platform/network-view.ts';
import { NodeClock } from '../platform/node-clock.ts';
import { nodeRandom } from '../platform/node-random.ts';
import { nodeUdp } from '../platform/udp-sockets.ts';
import type { PcpSessionHost } from '../upstream/pcp-session.ts';
import type { KeptMapping } from './kept-mapping.ts';
import { LibraryConnection } from './library-connection.ts';
import { type Problem, problemOf, readClientOptions, readMapOptions } from './library-request.ts';

/** Which server is asked, and how patiently. */
export interface PcpClientOptions {
  /** "192.168.1.1", "192.168.1.1:5351", "[2001:db8::1]", a name, or "auto": the default gateway. A list: tried in order. */
  readonly server?: string | readonly string[];
  /** How many seconds `map` waits for an answer; 10 unless said otherwise. */
  readonly answerWithin?: number;
  /** Speak NAT-PMP to a server that knows nothing newer; true unless said otherwise. */
  readonly natPmp?: boolean;
}

/** One port that a program wants open. */
export interface MapOptions {
  readonly protocol: 'tcp' | 'udp' | 'TCP' | 'UDP';
  /** Where the program listens. */
  readonly internalPort: number;
  /** The port wished for outside; any unless said otherwise. */
  readonly externalPort?: number;
  /** `externalPort` or nothing: a conflict is then an error. */
  readonly exactPort?: boolean;
  /** In seconds, renewed as long as the client is open; 7200 unless said otherwise. */
  readonly lifetime?: number;
  /** Another host than this one; few servers allow it. */
  readonly internalAddress?: string;
  /** Who may connect; everybody unless said otherwise. */
  readonly remoteAddresses?: readonly string[];
  readonly description?: string;
}

/** What an open port tells by itself. */
export interface PortMappingEvents {
  /** Another external address or port, or open again after a loss. */
  change: [mapping: PortMapping];
  /** Closed for now, and tried again from time to time. */
  lost: [why: PcpError, mapping: PortMapping];
}

type Listener<E extends keyof PortMappingEvents> = (...args: PortMappingEvents[E]) => void;

/** An open port. Renewed until it is released or its client is closed. It is an `EventEmitter` of Node.js. */
export interface PortMapping {
  on<E extends keyof PortMappingEvents>(event: E, listener: Listener<E>): this;
  once<E extends keyof PortMappingEvents>(event: E, listener: Listener<E>): this;
  off<E extends keyof PortMappingEvents>(event: E, listener: Listener<E>): this;
  readonly protocol: 'TCP' | 'UDP';
  readonly internalAddress: string;
  readonly internalPort: number;
  readonly externalAddress: string;
  readonly externalPort: number;
  readonly state: 'mapped' | 'lost' | 'released';
  /** Closes the port at the server. Rejects when that is not certain: the port then closes when its lifetime ends. */
  release(): Promise<void>;
}

/** A server that answered. */
export interface Announcement {
  /** "192.168.1.1:5351". */
  readonly server: string;
  readonly protocol: 'PCP' | 'NAT-PMP';
  readonly roundTripMs: number;
  /** Seconds since a PCP server last lost its mappings. */
  readonly epoch: number | undefined;
}

const CODES = {
  'bad option': 'BAD_OPTION',
  'no server': 'NO_SERVER',
  'no answer': 'NO_ANSWER',
  refused: 'REFUSED',
  conflict: 'CONFLICT',
  'already mapped': 'ALREADY_MAPPED',
  closed: 'CLOSED',
} as const;

/** Whatever went wrong. The message says what to do, the code is for the program. */
export class PcpError extends Error {
  override readonly name = 'PcpError';
  readonly code: 'BAD_OPTION' | 'NO_SERVER' | 'NO_ANSWER' | 'REFUSED' | 'CONFLICT' | 'ALREADY_MAPPED' | 'CLOSED';
  /** As the server sent it (RFC 6887 §7.4), when it refused. */
  readonly resultCode: number | undefined;
  /** The same question is refused until then. */
  readonly retryAfterSeconds: number | undefined;

  constructor(problem: {
    readonly kind: keyof typeof CODES;
    readonly message: string;
    readonly resultCode?: number;
    readonly retryAfterSeconds?: number;
  }) {
    super(problem.message);
    this.code = CODES[problem.kind];
    this.resultCode = problem.resultCode;
    this.retryAfterSeconds = problem.retryAfterSeconds;
  }
}

/** A PCP client. It keeps every port open that was mapped with it, until the port is released or the client is closed. */
export class PcpClient {
  readonly #connection: LibraryConnection;

  constructor(options: PcpClientOptions = {}) {
    const read = readClientOptions(options);
    if (!read.ok) throw new PcpError({ kind: 'bad option', message: read.error });
    const connection = LibraryConnection.over(nodeHost(), read.value);
    if (!connection.ok) throw new PcpError({ kind: 'bad option', message: connection.error });
    this.#connection = connection.value;
  }

  /** Opens a port. Rejects with a `PcpError`. */
  async map(options: MapOptions): Promise<PortMapping> {
    const wish = readMapOptions(options, nonceFromBytes(nodeRandom.bytes(NONCE_BYTES)));
    if (!wish.ok) throw new PcpError({ kind: 'bad option', message: wish.error });
    const held = this.#connection.hold(wish.value);
    if (!held.ok) throw errorOf(held.error);
    const { request, outcome } = await this.#connection.map(wish.value);
    if (outcome.kind === 'granted') return new LivePortMapping(this.#connection, request, outcome);
    this.#connection.letGo(wish.value);
    throw errorOf(problemOf(outcome));
  }

  /** Asks whether the server is there; changes nothing (RFC 6887 §14.1.1). Rejects with a `PcpError`. */
  async announce(): Promise<Announcement> {
    const answer = await this.#connection.announce();
    if (!answer.ok) throw errorOf(answer.error);
    return answer.value;
  }

  /** Stops renewing and closes the sockets. What was not released stays open until its lifetime ends. */
  async close(): Promise<void> {
    await this.#connection.close();
  }
}

/** Only what a PCP client needs of the machine: the daemon's HTTP and log are not loaded. */
const nodeHost = (): PcpSessionHost => ({
  clock: new NodeClock(),
  random: nodeRandom,
  log: SILENT_LOG,
  udp: nodeUdp,
  files: new NodeFiles(),
  network: nodeNetwork,
});

class LivePortMapping extends EventEmitter<PortMappingEvents> implements PortMapping {
  readonly #connection: LibraryConnection;
  readonly #request: MapRequest;
  readonly #kept: KeptMapping;

  constructor(connection: LibraryConnection, request: MapRequest, granted: Granted) {
    super();
    this.#connection = connection;
    this.#request = request;
    this.#kept = connection.keep(request, granted, {
      changed: () => this.emit('change', this),
      lost: (why) => this.emit('lost', errorOf(problemOf(why)), this),
    });
  }

  get protocol(): 'TCP' | 'UDP' {
    return this.#request.protocol;
  }

  get internalAddress(): string {
    return this.#kept.internalAddress.text;
  }

  get internalPort(): number {
    return this.#request.internalPort;
  }

  get externalAddress(): string {
    return this.#kept.externalAddress.text;
  }

  get externalPort(): number {
    return this.#kept.externalPort;
  }

  get state(): 'mapped' | 'lost' | 'released' {
    return this.#kept.state;
  }

  async release(): Promise<void> {
    const outcome = await this.#kept.release();
    this.#connection.forget(this.#kept);
    this.#connection.letGo(this.#request);
    if (outcome.kind !== 'released') throw errorOf(problemOf(outcome));
  }
}

const errorOf = (problem: Problem): PcpError => new PcpError(problem);
