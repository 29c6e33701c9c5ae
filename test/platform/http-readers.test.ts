// Real loopback sockets: peers that send ahead and peers that do not read. What they can make the listener keep.

import { createConnection, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { HttpHandler, HttpLimits, HttpListener } from '../../src/base/http.ts';
import { IpAddress } from '../../src/base/ip-address.ts';
import { seconds } from '../../src/base/time.ts';
import { NodeClock } from '../../src/platform/node-clock.ts';
import { createHttpHost } from '../../src/platform/node-host.ts';

const ANYWHERE = IpAddress.of('0.0.0.0');
const LIMITS: HttpLimits = {
  bodyBytes: 16 * 1024,
  headBytes: 4096,
  headWithin: seconds(2),
  requestWithin: seconds(2),
  takenWithin: seconds(1),
  connections: 64,
  connectionsPerPeer: 32,
};
/** More than the kernel takes for a peer that does not read. */
const HUGE = 'x'.repeat(12 * 1024 * 1024);
const GET = 'GET /a HTTP/1.1\r\nConnection: keep-alive\r\n\r\n';

const http = createHttpHost(new NodeClock(), (error) => {
  throw error;
});
const opened: { close(): unknown }[] = [];

async function listen(handler: HttpHandler, limits = LIMITS): Promise<HttpListener> {
  const result = await http.listen({ kind: 'tcp', endpoint: { address: ANYWHERE, port: 0 } }, limits, handler);
  if (!result.ok) throw new Error(result.error);
  opened.push(result.value);
  return result.value;
}

/** Sends these octets and reads nothing; keeps its half open whatever the listener does. */
function sendOnly(port: number, octets: string, from = '127.0.0.1'): Socket {
  const socket = createConnection({ port, host: '127.0.0.1', localAddress: from, allowHalfOpen: true });
  socket.on('connect', () => socket.write(octets));
  socket.on('error', () => {});
  socket.pause();
  opened.push({ close: () => socket.destroy() });
  return socket;
}

/** All that comes until the listener ends the connection, which this side never does. */
function hear(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    socket.setEncoding('latin1').on('data', (part: string) => {
      answer += part;
    });
    socket.on('end', () => resolve(answer));
    socket.on('close', () => resolve(answer));
    socket.resume();
  });
}

afterEach(() => Promise.all(opened.splice(0).map((one) => one.close())));

describe('a peer that sends requests ahead', () => {
  it('is served one at a time and in order, with all the bodies (RFC 9112 §9.3.2)', async () => {
    let atWork = 0;
    let most = 0;
    const { endpoint } = await listen(async ({ path, body }) => {
      atWork += 1;
      most = Math.max(most, atWork);
      await new Promise((resolve) => setImmediate(resolve));
      atWork -= 1;
      return { status: 200, body: `${path}:${body.length};` };
    });
    const requests = Array.from({ length: 30 }, (_, index) => {
      const length = (index % 4) * 700;
      const stay = index === 29 ? 'close' : 'keep-alive';
      return `POST /${index} HTTP/1.1\r\nConnection: ${stay}\r\nContent-Length: ${length}\r\n\r\n${'b'.repeat(length)}`;
    });
    const answer = await hear(sendOnly(endpoint.port, requests.join('')));
    expect(answer.match(/\/\d+:\d+;/g)).toEqual(requests.map((_, index) => `/${index}:${(index % 4) * 700};`));
    expect(most).toBe(1);
  });

  it('has no further request served while it does not read the answer', async () => {
    let served = 0;
    let begin = (): void => {};
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const { endpoint } = await listen(async ({ path }) => {
      if (path === '/honest') return { status: 200, body: 'served' };
      served += 1;
      begin();
      return { status: 200, body: HUGE };
    });
    sendOnly(endpoint.port, GET.repeat(900));
    await begun;
    for (let count = 0; count < 10; count += 1)
      expect(await hear(sendOnly(endpoint.port, 'GET /honest HTTP/1.0\r\n\r\n'))).toContain('served');
    expect(served).toBe(1);
  });

  it('is cut when more than fifteen requests fit into half a kilobyte', async () => {
    let served = 0;
    const { endpoint } = await listen(async () => {
      served += 1;
      return { status: 200 };
    });
    await hear(sendOnly(endpoint.port, 'GET / HTTP/1.1\r\n\r\n'.repeat(900)));
    expect(served).toBeLessThanOrEqual(16);
  });

  it('is told after a hundred requests, or 256 KB of answers, that the connection ends (RFC 9112 §9.6)', async () => {
    const { endpoint } = await listen(async ({ path }) => ({
      status: 200,
      body: 'x'.repeat(path === '/a' ? 1 : 9000),
    }));
    const small = await hear(sendOnly(endpoint.port, GET.repeat(200)));
    expect(small.match(/HTTP\/1\.1 200/g)).toHaveLength(100);
    const large = await hear(sendOnly(endpoint.port, GET.replace('/a', '/b').repeat(200)));
    expect(large.match(/HTTP\/1\.1 200/g)).toHaveLength(30);
    expect(large.match(/connection: close/gi)).toHaveLength(1);
  });
});

describe('a peer that does not read', () => {
  it('is cut when its time for reading is over', async () => {
    await new Promise<void>((resolve) => {
      void listen(async ({ hungUp }) => {
        hungUp.addEventListener('abort', () => resolve());
        return { status: 200, body: HUGE };
      }).then(({ endpoint }) => sendOnly(endpoint.port, GET));
    });
  });

  it('costs itself the connection, not the one who has less waiting, when 8 MiB wait altogether', async () => {
    const cut: string[] = [];
    let noteCut = (): void => {};
    const twoAreCut = new Promise<void>((resolve) => {
      noteCut = () => cut.length === 2 && resolve();
    });
    const handler: HttpHandler = async ({ path, hungUp }) => {
      hungUp.addEventListener('abort', () => {
        cut.push(path);
        noteCut();
      });
      return { status: 200, body: path === '/one' ? HUGE.slice(0, HUGE.length / 2) : HUGE };
    };
    const { endpoint } = await listen(handler, { ...LIMITS, takenWithin: seconds(60) });
    sendOnly(endpoint.port, GET.replace('/a', '/one'), '127.0.0.2');
    for (const path of ['/first', '/second', '/third']) sendOnly(endpoint.port, GET.replace('/a', path), '127.0.0.66');
    await twoAreCut;
    expect(cut).not.toContain('/one');
  });

  it('loses its stream of events beyond 128 KB', async () => {
    await new Promise<void>((resolve) => {
      void listen(async () => ({
        status: 200,
        stream: (write) => {
          for (let count = 0; count < 64; count += 1) write(HUGE.slice(0, 1024 * 1024));
          return resolve;
        },
      })).then(({ endpoint }) => sendOnly(endpoint.port, GET));
    });
  });
});

describe('M-POST', () => {
  const HEAD = 'M-POST /control HTTP/1.1\r\nConnection: keep-alive\r\nMAN: "x"; ns=01\r\n01-SOAPACTION: "a#b"\r\n';

  it('is answered once and its connection closed, whatever the peer asks for (UDA 1.0 §3.2.1)', async () => {
    const bodies: string[] = [];
    const { endpoint } = await listen(async ({ body }) => {
      bodies.push(body);
      return { status: 200, body: 'served' };
    });
    const body = 'b'.repeat(3000);
    const request = `${HEAD}Content-Length: ${body.length}\r\n\r\n${body}`;
    const answer = await hear(sendOnly(endpoint.port, request));
    expect(answer.match(/HTTP\/1\.1 200/g)).toHaveLength(1);
    expect(answer).toMatch(/connection: close/i);
    expect(bodies).toEqual([body]);
  });

  it('holds no place after its answer, even if the peer keeps its half open', async () => {
    const { endpoint } = await listen(async () => ({ status: 200, body: 'served' }));
    for (let count = 0; count < LIMITS.connectionsPerPeer + 5; count += 1) {
      expect(await hear(sendOnly(endpoint.port, `${HEAD}Content-Length: 0\r\n\r\n`))).toContain('served');
    }
  });

  it('whose answer is not read is cut like any other', async () => {
    await new Promise<void>((resolve) => {
      void listen(async ({ hungUp }) => {
        hungUp.addEventListener('abort', () => resolve());
        return { status: 200, body: HUGE };
      }).then(({ endpoint }) => sendOnly(endpoint.port, `${HEAD}Content-Length: 0\r\n\r\n`));
    });
  });
});
