// Real loopback sockets: what the listener itself guarantees, whatever the routes answer.

import { spawnSync } from 'node:child_process';
import { lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { HttpHandler, HttpLimits, HttpListener, HttpRequest } from '../../src/base/http.ts';
import { IpAddress } from '../../src/base/ip-address.ts';
import { IpPrefix } from '../../src/base/ip-prefix.ts';
import { seconds } from '../../src/base/time.ts';
import { NodeClock } from '../../src/platform/node-clock.ts';
import { createHttpHost } from '../../src/platform/node-host.ts';

const LOOPBACK = IpAddress.of('127.0.0.1');
const LIMITS: HttpLimits = {
  bodyBytes: 1024,
  headBytes: 4096,
  headWithin: seconds(1),
  requestWithin: seconds(1),
  takenWithin: seconds(1),
  connections: 16,
  connectionsPerPeer: 4,
};
const bugs: unknown[] = [];
const http = createHttpHost(new NodeClock(), (error) => bugs.push(error));
const listeners: HttpListener[] = [];

async function listen(handler: HttpHandler, limits: HttpLimits = LIMITS): Promise<HttpListener> {
  const result = await http.listen({ kind: 'tcp', endpoint: { address: LOOPBACK, port: 0 } }, limits, handler);
  if (!result.ok) throw new Error(result.error);
  listeners.push(result.value);
  return result.value;
}

/** Sends raw text and collects everything until the server closes. */
function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(port, '127.0.0.1', () => socket.write(text));
    let answer = '';
    socket.setEncoding('utf8');
    socket.on('data', (part: string) => {
      answer += part;
    });
    socket.on('close', () => resolve(answer));
    socket.on('error', reject);
  });
}

afterEach(async () => {
  for (const listener of listeners.splice(0)) await listener.close();
});

describe('the HTTP listener', () => {
  it('hands over a request as a value and sends the answer with its length', async () => {
    const seen: HttpRequest[] = [];
    const { endpoint } = await listen(async (request) => {
      seen.push(request);
      return { status: 200, headers: { ext: '' }, body: 'grüß' };
    });
    const text = 'POST /control/x?y=1 HTTP/1.1\r\nHost: a\r\nSOAPAction: "b"\r\nContent-Length: 5\r\n\r\nhello';
    const answer = await raw(endpoint.port, text);
    expect(answer).toContain('HTTP/1.1 200 OK');
    expect(answer.toLowerCase()).toContain('content-length: 6');
    expect(answer.toLowerCase()).toContain('connection: close');
    expect(answer.endsWith('grüß')).toBe(true);
    const [request] = seen;
    expect(request).toMatchObject({
      method: 'POST',
      path: '/control/x',
      query: 'y=1',
      body: 'hello',
      bodyTooLong: false,
    });
    expect(request?.headers['soapaction']).toBe('"b"');
    expect(request?.peer.address.text).toBe('127.0.0.1');
    expect(request?.local.port).toBe(endpoint.port);
  });

  it.each([
    ['HTTP/1.0 without Host', 'GET /a HTTP/1.0\r\n\r\n'],
    ['HTTP/1.1 without Host', 'GET /a HTTP/1.1\r\nConnection: close\r\n\r\n'],
    ['an absolute URI', 'GET http://127.0.0.1/a HTTP/1.1\r\nConnection: close\r\n\r\n'],
    ['leading line ends', '\r\n\r\nGET /a HTTP/1.0\r\n\r\n'],
    ['chunked', 'POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n'],
    ['Expect: 100-continue', 'POST /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi'],
    ['an unknown charset', 'POST /a HTTP/1.1\r\nContent-Type: text/xml; charset=x-foo\r\nContent-Length: 2\r\n\r\nhi'],
    ['SUBSCRIBE', 'SUBSCRIBE /a HTTP/1.1\r\nConnection: close\r\n\r\n'],
  ])('understands %s', async (_name, text) => {
    const { endpoint } = await listen(async (request) => ({ status: 200, body: `path=${request.path}` }));
    expect(await raw(endpoint.port, text)).toContain('path=/a');
  });

  it('tells the routes that a body was too long instead of reading it', async () => {
    const { endpoint } = await listen(async (request) => ({ status: request.bodyTooLong ? 413 : 200 }));
    const answer = await raw(endpoint.port, `POST / HTTP/1.0\r\nContent-Length: 2000\r\n\r\n${'x'.repeat(2000)}`);
    expect(answer).toContain(' 413 ');
  });

  it('refuses a compressed body with 415 at its head, before it has come (RFC 9110 §8.4, §15.5.16)', async () => {
    const { endpoint } = await listen(async () => ({ status: 200 }));
    const started = performance.now();
    const head = 'POST / HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: 500\r\n\r\n';
    expect(await raw(endpoint.port, head)).toContain(' 415 ');
    expect(performance.now() - started).toBeLessThan(900);
  });

  it('closes a silent connection and an endless head within seconds', async () => {
    const { endpoint } = await listen(async () => ({ status: 200 }));
    const started = performance.now();
    const [silent, half] = await Promise.all([
      raw(endpoint.port, ''),
      raw(endpoint.port, 'GET / HTTP/1.1\r\nA: b\r\n'),
    ]);
    expect([silent, half].map((answer) => answer.slice(0, 12))).toEqual(['HTTP/1.1 408', 'HTTP/1.1 408']);
    expect(performance.now() - started).toBeLessThan(6000);
  });

  it('refuses a fifth connection from one peer and serves again when one is closed', async () => {
    const { endpoint } = await listen(async () => ({ status: 200, body: 'served' }));
    const open = () =>
      new Promise<import('node:net').Socket>((resolve) => {
        const socket = createConnection(endpoint.port, '127.0.0.1', () => resolve(socket));
        socket.on('error', () => {});
      });
    const held = [await open(), await open(), await open(), await open()];
    const refused = await raw(endpoint.port, 'GET / HTTP/1.0\r\n\r\n').catch(() => '');
    expect(refused).toBe('');
    await new Promise((resolve) => {
      held[0]?.once('close', resolve);
      held[0]?.end('GET / HTTP/1.0\r\n\r\n');
      held[0]?.resume();
    });
    expect(await raw(endpoint.port, 'GET / HTTP/1.0\r\n\r\n')).toContain('served');
    for (const socket of held) socket.destroy();
  });

  it('answers nonsense with 400 and stays up', async () => {
    const { endpoint } = await listen(async () => ({ status: 200, body: 'served' }));
    expect(await raw(endpoint.port, '\x00\x01\x02 nonsense\r\n\r\n')).toContain(' 400 ');
    expect(
      await raw(endpoint.port, 'GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n'),
    ).toContain(' 400 ');
    expect(await raw(endpoint.port, 'GET / HTTP/1.0\r\n\r\n')).toContain('served');
  });

  it('answers a method nobody knows with 501 (RFC 9110 §15.6.2)', async () => {
    const { endpoint } = await listen(async () => ({ status: 200, body: 'served' }));
    expect(await raw(endpoint.port, 'FROBNICATE / HTTP/1.1\r\n\r\n')).toContain(' 501 ');
    expect(await raw(endpoint.port, '\x00\x01\x02 nonsense\r\n\r\n')).toContain(' 400 ');
  });

  it('reads M-POST as POST with its mandatory field, the body in pieces too (UDA 1.0 §3.2.1)', async () => {
    const seen: HttpRequest[] = [];
    const { endpoint } = await listen(async (request) => {
      seen.push(request);
      return { status: 200, body: 'served' };
    });
    const head = 'M-POST /control HTTP/1.1\r\nMAN: "x"; ns=01\r\n01-SOAPACTION: "a#b"\r\nContent-Length: 5\r\n\r\n';
    expect(await raw(endpoint.port, `${head}hello`)).toContain('served');
    const pieces = await new Promise<string>((resolve) => {
      const socket = createConnection(endpoint.port, '127.0.0.1', () => socket.write(`${head}he`));
      let answer = '';
      setImmediate(() => socket.write('llo'));
      socket.on('data', (part) => {
        answer += part.toString();
      });
      socket.on('close', () => resolve(answer));
    });
    expect(pieces.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(pieces).toContain('served');
    for (const request of seen) {
      expect(request).toMatchObject({ method: 'POST', path: '/control', body: 'hello' });
      expect(request.headers['01-soapaction']).toBe('"a#b"');
      expect(request.peer.address.text).toBe('127.0.0.1');
      expect(request.local.port).toBe(endpoint.port);
    }
    expect(seen).toHaveLength(2);
    // Both parsers lose patience with this one; it hears so once.
    expect((await raw(endpoint.port, `${head}he`)).match(/HTTP\/1\.1 408 /g)).toHaveLength(1);
  });

  it('takes the authority of an absolute target for the Host field (RFC 9112 §3.2.2)', async () => {
    const { endpoint } = await listen(async ({ headers, path }) => ({
      status: 200,
      body: `${headers['host']} ${path}`,
    }));
    const ask = (target: string) => raw(endpoint.port, `GET ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
    expect(await ask('http://evil.example/igd1.xml')).toContain('\r\n\r\nevil.example /igd1.xml');
    expect(await ask('http://evil.example')).toContain('\r\n\r\nevil.example /');
    expect(await ask('/igd1.xml')).toContain('\r\n\r\n127.0.0.1 /igd1.xml');
  });

  it('refuses two Host fields with 400 (RFC 9112 §3.2)', async () => {
    const { endpoint } = await listen(async () => ({ status: 200, body: 'served' }));
    const text = 'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n';
    expect(await raw(endpoint.port, text)).toContain(' 400 ');
  });

  it('says that a body would be too long before it is sent (RFC 9110 §10.1.1)', async () => {
    const { endpoint } = await listen(async () => ({ status: 200, body: 'served' }));
    const expecting = (what: string, length: number) =>
      raw(endpoint.port, `POST / HTTP/1.1\r\nExpect: ${what}\r\nContent-Length: ${length}\r\n\r\n`);
    expect(await expecting('100-continue', 2000)).toMatch(/^HTTP\/1\.1 413 /);
    expect(await expecting('a-miracle', 2)).toMatch(/^HTTP\/1\.1 417 /);
  });

  it('a bug in a handler costs one answer and is reported', async () => {
    const { endpoint } = await listen(async (request) => {
      if (request.path === '/bug') throw new Error('ours');
      return { status: 200, body: 'served' };
    });
    expect(await raw(endpoint.port, 'GET /bug HTTP/1.0\r\n\r\n')).toContain(' 500 ');
    expect(await raw(endpoint.port, 'GET / HTTP/1.0\r\n\r\n')).toContain('served');
    expect(bugs.splice(0).map(String)).toEqual(['Error: ours']);
  });

  it('tells the routes when the peer hangs up before its answer', async () => {
    let hungUp: AbortSignal | undefined;
    let release: () => void = () => {};
    const arrived = new Promise<void>((arrive) => {
      void listen((request) => {
        hungUp = request.hungUp;
        arrive();
        return new Promise((resolve) => {
          release = () => resolve({ status: 200 });
        });
      }).then(({ endpoint }) => {
        const socket = createConnection(endpoint.port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\n\r\n'));
        void arrived.then(() => socket.destroy());
      });
    });
    await arrived;
    await new Promise<void>((resolve) => hungUp?.addEventListener('abort', () => resolve()));
    expect(hungUp?.aborted).toBe(true);
    release();
  });

  it('drops whoever is not from the network it serves, without an answer', async () => {
    const onlyFrom = IpPrefix.of(IpAddress.of('127.0.0.0'), 30);
    const place = { kind: 'tcp', endpoint: { address: LOOPBACK, port: 0 }, onlyFrom } as const;
    const opened = await http.listen(place, LIMITS, async () => ({ status: 200, body: 'served' }));
    if (!opened.ok) throw new Error(opened.error);
    listeners.push(opened.value);
    const { port } = opened.value.endpoint;
    const from = (localAddress: string) =>
      new Promise<string>((resolve) => {
        const socket = createConnection({ port, host: '127.0.0.1', localAddress });
        let answer = '';
        socket.on('data', (part) => {
          answer += part.toString();
        });
        socket.on('error', () => {});
        socket.on('close', () => resolve(answer));
        socket.write('GET / HTTP/1.0\r\n\r\n');
      });
    expect(await from('127.0.0.2')).toContain('served');
    expect(await from('127.0.0.9')).toBe('');
  });

  it('says in words that a port is taken', async () => {
    const { endpoint } = await listen(async () => ({ status: 200 }));
    const second = await http.listen({ kind: 'tcp', endpoint }, LIMITS, async () => ({ status: 200 }));
    expect(second).toEqual({
      ok: false,
      error: `127.0.0.1:${endpoint.port} is already in use: another program listens there`,
    });
  });

  it('takes the place of a dead socket, and leaves any other file alone', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'igd2pcp-http-'));
    try {
      const path = join(folder, 'precious');
      const listenThere = () => http.listen({ kind: 'unix', path, mode: 0o600 }, LIMITS, async () => ({ status: 200 }));
      writeFileSync(path, 'precious');
      expect(await listenThere()).toEqual({ ok: false, error: `${path} is there and is no socket: it was left alone` });
      expect(readFileSync(path, 'utf8')).toBe('precious');
      rmSync(path);
      const leaveBehind = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
      spawnSync(process.execPath, ['-e', leaveBehind]);
      expect(lstatSync(path).isSocket()).toBe(true);
      const first = await listenThere();
      expect(first.ok).toBe(true);
      if (first.ok) listeners.push(first.value);
      expect(await listenThere()).toMatchObject({ ok: false, error: expect.stringContaining('already in use') });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('makes its socket where a link of root or of its own leads, and leaves the link', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'igd2pcp-http-'));
    try {
      mkdirSync(join(folder, 'own'));
      const path = join(folder, 'igd2pcp.sock');
      symlinkSync('own/admin.sock', path);
      const first = await http.listen({ kind: 'unix', path, mode: 0o600 }, LIMITS, async () => ({ status: 200 }));
      if (first.ok) listeners.push(first.value);
      expect(first).toMatchObject({ ok: true });
      expect(lstatSync(path).isSymbolicLink()).toBe(true);
      expect(lstatSync(join(folder, 'own/admin.sock')).mode & 0o777).toBe(0o600);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('streams until the reader goes away', async () => {
    let stopped: () => void = () => {};
    const stop = new Promise<void>((resolve) => {
      stopped = resolve;
    });
    const { endpoint } = await listen(async () => ({
      status: 200,
      headers: { 'content-type': 'text/event-stream' },
      stream: (write) => {
        write('data: 1\n\n');
        return stopped;
      },
    }));
    await new Promise<void>((resolve) => {
      const socket = createConnection(endpoint.port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\n\r\n'));
      socket.on('data', (part) => {
        if (part.toString().includes('data: 1')) {
          socket.destroy();
          resolve();
        }
      });
    });
    await stop;
  });
});

describe('an HTTP call', () => {
  it('settles with the status, or with why there was none', async () => {
    const { endpoint, close } = await listen(async (request) => ({ status: request.method === 'NOTIFY' ? 200 : 405 }));
    const call = {
      method: 'NOTIFY',
      endpoint,
      path: '/',
      headers: { nt: 'upnp:event' },
      body: '<a/>',
      within: seconds(2),
    };
    expect(await http.call(call)).toEqual({ ok: true, value: 200 });
    await close();
    const refused = await http.call(call);
    expect(refused.ok).toBe(false);
  });

  it('gives up on a peer that never answers', async () => {
    const { endpoint } = await listen(() => new Promise(() => {}));
    const call = { method: 'NOTIFY', endpoint, path: '/', headers: {}, body: '', within: seconds(0.1) };
    expect(await http.call(call)).toEqual({
      ok: false,
      error: `127.0.0.1:${endpoint.port} did not answer within 0.1 s`,
    });
  });
});
