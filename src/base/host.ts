// Everything the daemon may ask of the machine it runs on, as one interface. `platform/` implements it over Node.js,
// the tests' simulated host over virtual time. No other file reaches the outside world.

import type { HttpHost } from './http.ts';
import type { Endpoint, IpAddress } from './ip-address.ts';
import type { IpPrefix } from './ip-prefix.ts';
import type { Log } from './log.ts';
import type { Result } from './result.ts';
import type { SsdpHost } from './ssdp-socket.ts';
import type { Duration, Instant, WallTime } from './time.ts';

export interface Host {
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly log: Log;
  readonly udp: UdpHost;
  readonly http: HttpHost;
  readonly ssdp: SsdpHost;
  readonly files: FileStore;
  readonly network: NetworkView;
  readonly programs: ProgramRunner;
  readonly soleUses: SoleUses;
  /** HMAC-SHA-256: 32 bytes that nobody can foretell who has not the secret. */
  keyedHash(secret: string, text: string): Uint8Array;
}

export interface Clock {
  now(): Instant;
  wallTime(): WallTime;
  /** Calls back once at or after `at`. */
  wakeAt(at: Instant, wake: () => void): CancelWake;
}

export type CancelWake = () => void;

export interface RandomSource {
  /** Of cryptographic quality: nonces and UUIDs come from here (RFC 6887 §11.2). */
  bytes(count: number): Uint8Array;
  /** Uniform in [0, 1). */
  unit(): number;
}

export interface UdpHost {
  open(options: UdpOptions, listener: UdpListener): Promise<Result<UdpSocket, string>>;
}

export interface UdpOptions {
  /** Local address to bind; left out: chosen by the system. */
  readonly address?: IpAddress;
  /** Left out: a random free port (RFC 6887 §8.1). */
  readonly port?: number;
  /** Connects the socket: its own address becomes known (RFC 6887 §8.1) and ICMP refusals reach `unreachable`. */
  readonly peer?: Endpoint;
  /** Needed to reach a link-local peer (an IPv6 default router). */
  readonly interfaceName?: string;
  /** Joins a group on the interface that has `onInterface`; several sockets may share the port. */
  readonly multicast?: { readonly group: IpAddress; readonly onInterface: IpAddress };
}

export interface UdpListener {
  datagram(bytes: Uint8Array, from: Endpoint): void;
  /** The peer's machine answered "port unreachable" or the like. Only on connected sockets. */
  unreachable?(): void;
}

export interface UdpSocket {
  readonly local: Endpoint;
  /** `to` is left out on a connected socket. Failures are silent, as loss is. */
  send(bytes: Uint8Array, to?: Endpoint): void;
  close(): void;
}

export interface FileProblem {
  readonly kind: 'missing' | 'denied' | 'full' | 'failed';
  /** Names the path. */
  readonly message: string;
}

export interface FileStore {
  /** Regular files only, and none that is longer than `mostOctets`. */
  read(path: string, mostOctets?: number): Promise<Result<string, FileProblem>>;
  /** Atomic and durable: after a crash either the old or the new text is there, never a part. */
  replace(path: string, text: string, mode?: number): Promise<Result<void, FileProblem>>;
  /** Durable when it settles. Calls made while one is under way are written together. */
  append(path: string, text: string, mode?: number): Promise<Result<void, FileProblem>>;
  rename(from: string, to: string): Promise<Result<void, FileProblem>>;
  remove(path: string): Promise<Result<void, FileProblem>>;
  makeDirectory(path: string, mode?: number): Promise<Result<void, FileProblem>>;
  /** Changes whenever the file does; undefined when there is none. Cheap enough to poll. */
  version(path: string): Promise<string | undefined>;
}

export interface NetworkInterface {
  readonly name: string;
  readonly address: IpAddress;
  readonly prefix: IpPrefix;
  readonly mac: string;
  readonly isLoopback: boolean;
}

export interface DefaultRoute {
  readonly interfaceName: string;
  /** Undefined on links without a next hop (PPP, WireGuard, a DS-Lite tunnel). */
  readonly gateway: IpAddress | undefined;
}

export interface Neighbour {
  readonly address: IpAddress;
  readonly mac: string;
  readonly interfaceName: string;
  readonly isReachable: boolean;
}

export interface LinkState {
  readonly isUp: boolean;
  readonly bitsPerSecond: number;
  readonly bytesSent: bigint;
  readonly bytesReceived: bigint;
  readonly packetsSent: bigint;
  readonly packetsReceived: bigint;
}

export interface NetworkView {
  /** One row per address. */
  interfaces(): readonly NetworkInterface[];
  defaultRoute(family: 'IPv4' | 'IPv6'): Promise<DefaultRoute | undefined>;
  neighbours(): Promise<readonly Neighbour[]>;
  linkState(interfaceName: string): Promise<LinkState | undefined>;
  /** Addresses of a host name; empty when it has none. */
  resolve(name: string): Promise<readonly IpAddress[]>;
}

export interface ProgramOutcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program that stays, reads one command per line and complains on its standard error. */
export interface Dialogue {
  /**
   * Says the lines; settles with all that was complained of up to the line in which `until` occurs. One at a time.
   * The error: the program ended or did not get so far in time, and is gone.
   */
  say(lines: string, until: string, endWithin: Duration): Promise<Result<string, string>>;
  close(): void;
}

export interface ProgramRunner {
  /** The error names the program and why it could not run or did not end in time. */
  run(
    program: string,
    args: readonly string[],
    input: string,
    endWithin: Duration,
  ): Promise<Result<ProgramOutcome, string>>;
  /** Where a host has it; `run` does everything that a dialogue does, only later. */
  talk?(program: string, args: readonly string[]): Dialogue;
}

/** What one process at a time may use. It is given back when the process ends, kill -9 included. */
export interface SoleUses {
  /** Against every process that sees this directory, whatever its container or network namespace. */
  ofDirectory(path: string): Promise<SoleUse>;
  /** Against every process of this network namespace that takes the same name. */
  inNetwork(name: string): Promise<SoleUse>;
}

export type SoleUse =
  | { readonly kind: 'mine'; giveBack(): Promise<void> }
  | { readonly kind: 'taken' }
  /** There is no telling: the directory cannot be written, or knows no sockets. */
  | { readonly kind: 'impossible'; readonly message: string };
