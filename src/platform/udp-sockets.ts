// UDP over node:dgram. A socket that fails after it was opened stays silent, as a lossy network would:
// the rules above retransmit, and whoever owns the socket watches the interface.

import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { networkInterfaces } from 'node:os';
import type { UdpHost, UdpListener, UdpOptions, UdpSocket } from '../base/host.ts';
import { type Endpoint, IpAddress } from '../base/ip-address.ts';
import { ok, type Result, refused } from '../base/result.ts';

const REFUSALS: ReadonlySet<string> = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH']);

export const nodeUdp: UdpHost = {
  async open(options: UdpOptions, listener: UdpListener): Promise<Result<UdpSocket, string>> {
    const isIPv4 = (options.address ?? options.peer?.address ?? options.multicast?.group)?.isIPv4 ?? true;
    const socket = createSocket({ type: isIPv4 ? 'udp4' : 'udp6', reuseAddr: options.multicast !== undefined });
    try {
      await bind(socket, options);
      if (options.multicast !== undefined) join(socket, options.multicast.group, options.multicast.onInterface);
      if (options.peer !== undefined) await connect(socket, options.peer, options.interfaceName);
    } catch (error) {
      socket.close();
      return refused(`${describe(options)}: ${(error as Error).message}`);
    }
    socket.on('message', (bytes: Buffer, from: RemoteInfo) => {
      const address = IpAddress.parse(from.address);
      if (address !== undefined) listener.datagram(bytes, { address, port: from.port });
    });
    const failed = (error: NodeJS.ErrnoException | null): void => {
      if (error !== null && REFUSALS.has(error.code ?? '')) listener.unreachable?.();
    };
    socket.on('error', failed);
    return ok(openSocket(socket, options.peer === undefined ? undefined : failed));
  },
};

type SendFailed = (error: NodeJS.ErrnoException | null) => void;

/** `failed` makes it a connected one: a refusal that came in between is told to the next send, and to nobody else. */
function openSocket(socket: Socket, failed: SendFailed | undefined): UdpSocket {
  const bound = socket.address();
  const local: Endpoint = { address: IpAddress.parse(bound.address) ?? IpAddress.of('0.0.0.0'), port: bound.port };
  let isClosed = false;
  // A failed send is a lost packet: nothing to tell, retransmission covers it.
  const sent = (): void => {};
  return {
    local,
    send(bytes, to) {
      if (isClosed) return;
      if (failed !== undefined) socket.send(bytes, (error) => isClosed || failed(error));
      else if (to !== undefined) socket.send(bytes, to.port, to.address.text, sent);
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      socket.close();
    },
  };
}

function bind(socket: Socket, options: UdpOptions): Promise<void> {
  // RFC 6886 §3.2.1: bound to the group itself, the socket hears nothing but the group.
  const address = options.multicast?.group.isIPv4 ? options.multicast.group.text : withZone(options.address);
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind({ port: options.port ?? 0, ...(address === undefined ? {} : { address }) }, () => {
      socket.off('error', reject);
      resolve();
    });
  });
}

/** A link-local address of this box means nothing to the system without the interface it is on. */
function withZone(address: IpAddress | undefined): string | undefined {
  if (address === undefined || address.isIPv4 || !address.isLinkLocal) return address?.text;
  const name = interfaceWith(address);
  return name === undefined ? address.text : `${address.text}%${name}`;
}

function connect(socket: Socket, peer: Endpoint, interfaceName: string | undefined): Promise<void> {
  const zone =
    peer.address.isLinkLocal && !peer.address.isIPv4 && interfaceName !== undefined ? `%${interfaceName}` : '';
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.connect(peer.port, `${peer.address.text}${zone}`, (error?: Error) => {
      socket.off('error', reject);
      if (error) reject(error);
      else resolve();
    });
  });
}

function join(socket: Socket, group: IpAddress, onInterface: IpAddress): void {
  if (group.isIPv4) {
    socket.addMembership(group.text, onInterface.text);
    return;
  }
  const name = interfaceWith(onInterface);
  socket.addMembership(group.text, name === undefined ? undefined : `::%${name}`);
}

const interfaceWith = (address: IpAddress): string | undefined =>
  Object.entries(networkInterfaces()).find(([, rows]) =>
    rows?.some((row) => IpAddress.parse(row.address)?.equals(address)),
  )?.[0];

function describe(options: UdpOptions): string {
  if (options.peer !== undefined) return `UDP to ${options.peer.address.text} port ${options.peer.port}`;
  if (options.multicast !== undefined) return `UDP group ${options.multicast.group.text} port ${options.port ?? 0}`;
  return `UDP ${options.address?.text ?? '*'} port ${options.port ?? 0}`;
}
