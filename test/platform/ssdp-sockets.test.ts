// What node-ssdp puts on the wire and takes off it, seen by plain sockets on loopback: the adapter stands on private
// members of the package, and this is where a changed package shows.

import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { type Endpoint, IpAddress } from '../../src/base/ip-address.ts';
import type { SsdpListener, SsdpMessage, SsdpSocket } from '../../src/base/ssdp-socket.ts';
import { SSDP_GROUP, SSDP_PORT } from '../../src/base/ssdp-socket.ts';
import { nodeSsdp } from '../../src/platform/ssdp-sockets.ts';

// Addresses of 127/8 that nothing else on this machine is likely to speak on.
const OURS = IpAddress.of('127.0.19.1');
const THEIRS = '127.0.19.77';
const ALIVE: SsdpMessage = {
  startLine: 'NOTIFY * HTTP/1.1',
  headers: [
    ['HOST', '239.255.255.250:1900'],
    ['EXT', ''],
    ['NT', 'upnp:rootdevice'],
  ],
};
const ALIVE_TEXT = 'NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nEXT:\r\nNT: upnp:rootdevice\r\n\r\n';

interface Heard {
  readonly message: SsdpMessage;
  readonly from: Endpoint;
}

const toClose: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of toClose.splice(0).reverse()) await close();
});

/** A collector of what comes, which one can wait on. */
class Inbox<T> {
  readonly all: T[] = [];
  #waiting: (() => void) | undefined;

  add(one: T): void {
    this.all.push(one);
    this.#waiting?.();
  }

  async until(found: (one: T) => boolean): Promise<T> {
    for (;;) {
      const one = this.all.find(found);
      if (one !== undefined) return one;
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    }
  }
}

async function openOurs(address = OURS): Promise<{ socket: SsdpSocket; inbox: Inbox<Heard>; failures: string[] }> {
  const inbox = new Inbox<Heard>();
  const failures: string[] = [];
  const listener: SsdpListener = {
    message: (message, from) => inbox.add({ message, from }),
    failed: (why) => failures.push(why),
  };
  const opened = await nodeSsdp.open({ interfaceName: 'lo', address }, listener);
  if (!opened.ok) throw new Error(opened.error);
  toClose.push(() => opened.value.close());
  return { socket: opened.value, inbox, failures };
}

interface Datagram {
  readonly text: string;
  readonly from: string;
  readonly port: number;
}

/** A plain socket of another machine, as far as loopback has others. */
async function openTheirs(listenTo: 'group' | 'itself'): Promise<{ socket: Socket; inbox: Inbox<Datagram> }> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  const inbox = new Inbox<Datagram>();
  socket.on('message', (bytes, from) =>
    inbox.add({ text: bytes.toString('latin1'), from: from.address, port: from.port }),
  );
  if (listenTo === 'group') socket.bind(SSDP_PORT, SSDP_GROUP.text);
  else socket.bind(0, THEIRS);
  await once(socket, 'listening');
  if (listenTo === 'group') socket.addMembership(SSDP_GROUP.text, OURS.text);
  else socket.setMulticastInterface(THEIRS);
  toClose.push(() => socket.close());
  return { socket, inbox };
}

const header = (heard: Heard, name: string): string | undefined =>
  heard.message.headers.find(([key]) => key === name)?.[1];

describe('SSDP sockets on the wire (node-ssdp 4.0.1)', () => {
  it('multicasts exactly the bytes of a message, from port 1900 of its own address', async () => {
    const theirs = await openTheirs('group');
    const { socket } = await openOurs();
    socket.multicast(ALIVE);
    const got = await theirs.inbox.until((one) => one.from === OURS.text);
    expect(got).toEqual({ text: ALIVE_TEXT, from: OURS.text, port: 1900 });
  });

  it('unicasts exactly the bytes of a message to the asker alone', async () => {
    const theirs = await openTheirs('itself');
    const { socket, inbox } = await openOurs();
    const { port } = theirs.socket.address();
    socket.unicast(ALIVE, { address: IpAddress.of(THEIRS), port });
    expect(await theirs.inbox.until(() => true)).toEqual({ text: ALIVE_TEXT, from: OURS.text, port: 1900 });
    expect(inbox.all.filter((one) => one.from.address.equals(OURS))).toEqual([]);
  });

  it.each(['239.255.255.250', OURS.text])('hears a search sent to %s, header names in upper case', async (to) => {
    const theirs = await openTheirs('itself');
    const { inbox } = await openOurs();
    theirs.socket.send('M-SEARCH * HTTP/1.1\r\nHost: x\r\nmx:3\r\nSt:upnp:rootdevice\r\n\r\n\r\n', 1900, to);
    const heard = await inbox.until((one) => one.from.address.text === THEIRS);
    expect(heard.message.startLine).toBe('M-SEARCH * HTTP/1.1');
    expect([header(heard, 'HOST'), header(heard, 'MX'), header(heard, 'ST')]).toEqual(['x', '3', 'upnp:rootdevice']);
    expect(heard.from.port).toBe(theirs.socket.address().port);
  });

  it('hears searches with bare line feeds, announcements and answers too', async () => {
    const theirs = await openTheirs('itself');
    const { inbox } = await openOurs();
    for (const text of [
      'M-SEARCH * HTTP/1.1\nST: a\n\n',
      'NOTIFY * HTTP/1.1\r\nNT: b\r\n\r\n',
      'HTTP/1.1 200 OK\r\nST: c\r\n\r\n',
    ]) {
      theirs.socket.send(text, 1900, OURS.text);
    }
    await inbox.until((one) => header(one, 'ST') === 'c');
    expect(inbox.all.map((one) => one.message.startLine)).toEqual([
      'M-SEARCH * HTTP/1.1',
      'NOTIFY * HTTP/1.1',
      'HTTP/1.1 200 OK',
    ]);
    expect(inbox.all[0] && header(inbox.all[0], 'ST')).toBe('a');
  });

  it('hears nothing that is sent to another address of this machine: no WAN address answers', async () => {
    const theirs = await openTheirs('itself');
    const { inbox } = await openOurs();
    theirs.socket.send('M-SEARCH * HTTP/1.1\r\nST: stray\r\n\r\n', 1900, '127.0.19.2');
    theirs.socket.send('M-SEARCH * HTTP/1.1\r\nST: ours\r\n\r\n', 1900, OURS.text);
    await inbox.until((one) => header(one, 'ST') === 'ours');
    expect(inbox.all.map((one) => header(one, 'ST'))).toEqual(['ours']);
  });

  it('drops oversized datagrams and survives rubbish', async () => {
    const theirs = await openTheirs('itself');
    const { inbox } = await openOurs();
    for (const rubbish of [
      '',
      '\0\0\0',
      ':',
      '\r\n\r\n',
      'M-SEARCH',
      `M-SEARCH * HTTP/1.1\r\nST: ${'x'.repeat(2000)}\r\n\r\n`,
    ]) {
      theirs.socket.send(Buffer.from(rubbish, 'latin1'), 1900, OURS.text);
    }
    theirs.socket.send('M-SEARCH * HTTP/1.1\r\nST: after\r\n\r\n', 1900, OURS.text);
    await inbox.until((one) => header(one, 'ST') === 'after');
    expect(inbox.all.some((one) => (header(one, 'ST') ?? '').length > 100)).toBe(false);
  });

  it('close waits until everything handed over has left: byebyes are not lost', async () => {
    const theirs = await openTheirs('group');
    const { socket } = await openOurs();
    for (let i = 0; i < 22; i += 1) socket.multicast({ ...ALIVE, headers: [['NT', String(i)]] });
    await socket.close();
    await theirs.inbox.until((one) => one.text.includes('NT: 21\r\n'));
    expect(theirs.inbox.all.filter((one) => one.from === OURS.text)).toHaveLength(22);
  });

  it('sends nothing by itself, and nothing after it was closed', async () => {
    const theirs = await openTheirs('group');
    const { socket } = await openOurs();
    await socket.close();
    socket.multicast(ALIVE);
    const second = await openOurs(IpAddress.of('127.0.19.3'));
    second.socket.multicast(ALIVE);
    await theirs.inbox.until((one) => one.from === '127.0.19.3');
    expect(theirs.inbox.all.filter((one) => one.from === OURS.text)).toEqual([]);
  });

  it('still hears the group after it joined again', async () => {
    const theirs = await openTheirs('itself');
    const { socket, inbox, failures } = await openOurs();
    socket.rejoin();
    socket.rejoin();
    theirs.socket.send('M-SEARCH * HTTP/1.1\r\nST: again\r\n\r\n', 1900, SSDP_GROUP.text);
    await inbox.until((one) => header(one, 'ST') === 'again');
    expect(failures).toEqual([]);
  });

  it('refuses an address this machine does not have, with its name in the message', async () => {
    const opened = await nodeSsdp.open(
      { interfaceName: 'lan9', address: IpAddress.of('192.0.2.77') },
      { message: () => {}, failed: () => {} },
    );
    expect(opened.ok).toBe(false);
    expect(opened.ok ? '' : opened.error).toMatch(/lan9.*192\.0\.2\.77/);
  });
});
