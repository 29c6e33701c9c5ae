// SSDP sockets over node-ssdp 4.0.1, whose own searching, advertising and stopping are wrong for a box with a WAN side.
// Only its binding, parsing and sending are used. Two sockets per LAN address, one bound to the group and one to the
// address: nothing is bound to the wildcard, so nothing that arrives for another address of this box is ever heard.

import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { Server } from 'node-ssdp';
import { IpAddress } from '../base/ip-address.ts';
import { ok, type Result, refused } from '../base/result.ts';
import {
  SSDP_GROUP,
  SSDP_PORT,
  type SsdpHost,
  type SsdpListener,
  type SsdpMessage,
  type SsdpOptions,
  type SsdpSocket,
  ssdpText,
} from '../base/ssdp-socket.ts';

const GROUP = SSDP_GROUP.text;
/** UDA 1.1 §1.1.2: time-to-live 2. */
const TTL = 2;
/** UDA 1.1 §1.1.2 wants one packet per message; nothing real is longer than an Ethernet frame. */
const MAX_DATAGRAM = 1500;
/** Names and values beyond this are noise: real messages have about ten. */
const MAX_HEADERS = 32;

const INTERFACE_GONE: ReadonlySet<string> = new Set(['ENODEV', 'ENETDOWN', 'ENETUNREACH', 'EADDRNOTAVAIL', 'EINVAL']);

interface BoundTo {
  readonly address: string;
  /** The interface by its address; only for the socket that hears the group. */
  readonly joinOn?: string;
}

/** One socket of node-ssdp, without its rules. */
class BareSsdp extends Server {
  readonly #bound: BoundTo;
  readonly #listener: SsdpListener;
  readonly #socket: Socket = createSocket({ type: 'udp4', reuseAddr: true });
  readonly #addMembership = this.#socket.addMembership.bind(this.#socket);
  #problem: string | undefined;
  #underWay = 0;
  #idle: (() => void) | undefined;

  constructor(bound: BoundTo, listener: SsdpListener) {
    super({
      location: 'unused:',
      explicitSocketBind: true,
      suppressRootDeviceAdvertisements: true,
      ssdpTtl: TTL,
    });
    this.#bound = bound;
    this.#listener = listener;
  }

  /** Undefined when the socket is bound, and joined where it should be. */
  async open(): Promise<string | undefined> {
    const failed = new Promise<string>((resolve) => {
      this.#socket.once('error', (error) => resolve(error.message));
    });
    const started = Promise.resolve(this.start()).then(() => undefined);
    const problem = (await Promise.race([failed, started])) ?? this.#problem;
    if (problem !== undefined) {
      this.shut();
      return problem;
    }
    this.#socket.on('error', (error) => this.#listener.failed(error.message));
    return undefined;
  }

  /** Membership, and the interface by which multicast leaves: both are lost when the interface is made anew. */
  join(): string | undefined {
    try {
      if (this.#bound.joinOn !== undefined) this.#addMembership(GROUP, this.#bound.joinOn);
      else this.#socket.setMulticastInterface(this.#bound.address);
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  }

  rejoin(): void {
    try {
      if (this.#bound.joinOn !== undefined) this.#socket.dropMembership(GROUP, this.#bound.joinOn);
    } catch {
      // Already gone with the interface that held it: that is why we are here.
    }
    const problem = this.join();
    if (problem !== undefined) this.#listener.failed(problem);
  }

  transmit(message: SsdpMessage, to: string, port: number): void {
    if (this.sockets === null) return;
    this.#underWay += 1;
    this._send(Buffer.from(ssdpText(message), 'latin1'), to, port, (error) => {
      this.#underWay -= 1;
      if (this.#underWay === 0) this.#idle?.();
      // A lost answer is the asker's to ask for again; a group that cannot be reached means the interface is gone.
      if (error && to === GROUP && INTERFACE_GONE.has(error.code ?? '')) this.#listener.failed(error.message);
    });
  }

  /** The package's own stop closes before its byebyes have left; this one waits for whatever was handed over. */
  async drain(): Promise<void> {
    if (this.#underWay > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
  }

  shut(): void {
    if (this.sockets !== null) this._stop();
  }

  protected override _createSockets(): void {
    const socket = this.#socket;
    // The package joins on every socket by the address it is bound to, retries by a timer of its own, and throws
    // into the void when that fails; joining is done here instead.
    socket.addMembership = () => {
      this.#problem = this.join();
    };
    this.sockets = { [this.#bound.address]: socket };
  }

  /** No advertising on a schedule that is not ours. */
  protected override _initAdLoop(): void {}

  protected override _parseMessage(bytes: Uint8Array, from: RemoteInfo): void {
    if (bytes.length > MAX_DATAGRAM) return;
    // Some send bare line feeds, which the package takes for one long line.
    super._parseMessage(Buffer.from(bytes).toString('latin1').replace(/\r?\n/g, '\r\n'), from);
  }

  protected override _parseCommand(text: string, from: RemoteInfo): void {
    this.#deliver(text, from);
  }

  protected override _parseResponse(text: string, from: RemoteInfo): void {
    this.#deliver(text, from);
  }

  #deliver(text: string, from: RemoteInfo): void {
    const address = IpAddress.parse(from.address);
    if (address === undefined) return;
    const end = text.indexOf('\r\n');
    const startLine = (end < 0 ? text : text.slice(0, end)).trim();
    const headers = Object.entries(this._getHeaders(text)).slice(0, MAX_HEADERS);
    this.#listener.message({ startLine, headers }, { address, port: from.port });
  }
}

export const nodeSsdp: SsdpHost = {
  async open({ interfaceName, address }: SsdpOptions, listener: SsdpListener): Promise<Result<SsdpSocket, string>> {
    const group = new BareSsdp({ address: GROUP, joinOn: address.text }, listener);
    const own = new BareSsdp({ address: address.text }, listener);
    const problem = (await group.open()) ?? (await own.open());
    if (problem === undefined) return ok(pair(group, own));
    group.shut();
    own.shut();
    return refused(`SSDP on ${interfaceName} (${address.text}): ${problem}`);
  },
};

function pair(group: BareSsdp, own: BareSsdp): SsdpSocket {
  return {
    multicast: (message) => own.transmit(message, GROUP, SSDP_PORT),
    unicast: (message, to) => own.transmit(message, to.address.text, to.port),
    rejoin: () => {
      group.rejoin();
      own.rejoin();
    },
    close: async () => {
      group.shut();
      await own.drain();
      own.shut();
    },
  };
}
