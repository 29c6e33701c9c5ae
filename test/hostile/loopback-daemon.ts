// The daemon as `main.ts` wires it, over real sockets on loopback, with the simulator as its carrier. Every address of
// 127/8 is a host of its own here: that is the LAN.

import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Driver } from '../../src/base/drive.ts';
import { IpAddress } from '../../src/base/ip-address.ts';
import { milliseconds } from '../../src/base/time.ts';
import { readConfig } from '../../src/config/config-reader.ts';
import { Daemon } from '../../src/daemon/daemon.ts';
import { createNodeHost } from '../../src/platform/node-host.ts';
import { attachSimulator } from '../doubles/attach-simulator.ts';
import { descriptorTexts } from '../doubles/descriptor-texts.ts';
import { ownTime } from '../doubles/own-time.ts';

/** Patience of these tests, not of the daemon. */
const GIVE_UP_MS = 20_000;

export interface LoopbackDaemon {
  readonly daemon: Daemon;
  readonly address: string;
  readonly port: number;
  readonly adminPort: number;
  /** Everything at "info" or above, one line each. */
  readonly log: string[];
  close(): Promise<void>;
}

/** `address`: of 127/8, used by no other test. */
export async function startLoopbackDaemon(
  address: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<LoopbackDaemon> {
  const directory = await mkdtemp(join(tmpdir(), 'igd2pcp-hostile-'));
  const log: string[] = [];
  const note = (message: string): void => void log.push(message);
  const host = createNodeHost({ debug() {}, info: note, warn: note, error: note });
  const carrier = await attachSimulator(
    host,
    { address: IpAddress.of(address), port: 0 },
    {
      options: { allowThirdParty: true },
    },
  );
  const all: Record<string, string> = {
    'lan.interfaces': `["${address}"]`,
    'lan.http_port': '0',
    'lan.ssdp': 'false',
    'pcp.servers': `["${address}:${carrier.endpoint.port}"]`,
    'pcp.trusted': 'true',
    'hosts.dhcp_leases': '""',
    'state.directory': JSON.stringify(join(directory, 'state')),
    'admin.socket': JSON.stringify(join(directory, 'admin.sock')),
    'admin.listen': `"${address}:0"`,
    ...settings,
  };
  const fileText = Object.entries(all)
    .map(([key, value]) => `${key} = ${value}\n`)
    .join('');
  const read = readConfig({ args: new Map(), env: {}, fileText, fileName: 'hostile.toml', purpose: 'run' });
  if (!read.ok) throw new Error(JSON.stringify(read.error));
  const driver = new Driver(host.clock);
  const started = await Daemon.start({
    host,
    driver,
    config: read.value,
    descriptors: descriptorTexts(),
    version: '0.1.0',
    isDemo: true,
    processFigures: () => ({
      residentBytes: 0,
      heapBytes: 0,
      cpuSeconds: 0,
      eventLoopDelay: milliseconds(0),
      logLinesDropped: 0,
    }),
  });
  if (!started.ok) throw new Error(started.error);
  const daemon = started.value;
  return {
    daemon,
    address,
    port: Number(new URL(daemon.descriptionUrls()[0] ?? '').port),
    adminPort: Number(new URL(daemon.pageUrl() ?? '').port),
    log,
    close: async () => {
      await daemon.close();
      carrier.close();
      driver.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

export interface RawAnswer {
  /** 0: cut off without an answer. */
  readonly status: number;
  readonly text: string;
  readonly tookMs: number;
}

/** One connection, these octets, everything that comes back until the other side closes. */
export function exchange(to: { address: string; port: number }, from: string, octets: string): Promise<RawAnswer> {
  const began = ownTime();
  return new Promise((resolve) => {
    let text = '';
    const socket = connect({ host: to.address, port: to.port, localAddress: from });
    const settle = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({
        status: Number(/^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1] ?? 0),
        text,
        tookMs: ownTime() - began,
      });
    };
    const timer = setTimeout(settle, GIVE_UP_MS);
    socket.setEncoding('latin1');
    socket.on('connect', () => socket.write(octets, 'latin1'));
    socket.on('data', (chunk: string) => {
      text += chunk;
    });
    socket.on('error', settle);
    socket.on('close', settle);
  });
}

/** A connection that says `octets` and then nothing; `closed` settles with how long the daemon bore it. */
export function linger(
  to: { address: string; port: number },
  from: string,
  octets: string,
): { readonly socket: Socket; readonly closed: Promise<number> } {
  const began = ownTime();
  const socket = connect({ host: to.address, port: to.port, localAddress: from });
  socket.on('connect', () => socket.write(octets));
  socket.on('error', () => {});
  socket.resume();
  return { socket, closed: new Promise((resolve) => socket.on('close', () => resolve(ownTime() - began))) };
}

const TYPE = 'urn:schemas-upnp-org:service:WANIPConnection:1';

export function soap(to: { address: string; port: number }, action: string, args: string): string {
  const body =
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>' +
    `<u:${action} xmlns:u="${TYPE}">${args}</u:${action}></s:Body></s:Envelope>`;
  return post(to, action, body);
}

export const post = (to: { address: string; port: number }, action: string, body: string, more = ''): string =>
  `POST /control/igd1/WANIPConnection HTTP/1.1\r\nHost: ${to.address}:${to.port}\r\nConnection: close\r\n${more}` +
  `SOAPAction: "${TYPE}#${action}"\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

export function addArguments(client: string, port: number): string {
  const fields = {
    NewRemoteHost: '',
    NewExternalPort: port,
    NewProtocol: 'TCP',
    NewInternalPort: port,
    NewInternalClient: client,
    NewEnabled: 1,
    NewPortMappingDescription: '',
    NewLeaseDuration: 600,
  };
  return Object.entries(fields)
    .map(([name, value]) => `<${name}>${value}</${name}>`)
    .join('');
}

/** All at once, at most `width` at a time. */
export async function inParallel<T>(width: number, count: number, work: (index: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) {
      const index = next;
      next += 1;
      results[index] = await work(index);
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
  return results;
}
