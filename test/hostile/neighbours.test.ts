// Hostile machines of the house, over real sockets. Each case states what is allowed to whom; meanwhile an honest control
// point is served within its budget, and the log stays quiet.

import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ownTime } from '../doubles/own-time.ts';
import {
  addArguments,
  exchange,
  inParallel,
  type LoopbackDaemon,
  linger,
  post,
  soap,
  startLoopbackDaemon,
} from './loopback-daemon.ts';

const HONEST = '127.0.41.2';
const HOSTILE = '127.0.41.66';
/** Of the process's own time. A control point gives up after ten seconds or more. */
const BUDGET_MS = 2500;
/** Twenty refusals a minute are told, and a few words on what else there is. */
const LOG_LINES_PER_CASE = 30;
/** What the operator wants to read, and no more of it than there may be mappings. */
const MAPPING_NEWS = /opened|closed|granted|deleted/;
const IS_LONG = process.env['IGD2PCP_FUZZ'] === 'long';
const FLOOD = IS_LONG ? 10_000 : 600;
/** The attacker's side runs in this process, too. */
const DEAF = IS_LONG ? 96 : 24;
/** Of the machine's time, which other programs may need, too. */
const FLOOD_TIMEOUT_MS = 120_000;

describe('while a neighbour', () => {
  let gateway: LoopbackDaemon;
  let honestPort = 20_000;

  beforeAll(async () => {
    gateway = await startLoopbackDaemon('127.0.41.1');
  });
  afterAll(() => gateway.close());
  beforeEach(() => {
    gateway.log.length = 0;
  });

  /** The whole of what a control point does: look, add, delete. */
  async function expectHonestServed(): Promise<void> {
    honestPort += 1;
    const get = `GET /igd1.xml HTTP/1.1\r\nHost: ${gateway.address}\r\nConnection: close\r\n\r\n`;
    const name = `<NewRemoteHost/><NewExternalPort>${honestPort}</NewExternalPort><NewProtocol>TCP</NewProtocol>`;
    const steps = [
      get,
      soap(gateway, 'AddPortMapping', addArguments(HONEST, honestPort)),
      soap(gateway, 'DeletePortMapping', name),
    ];
    for (const step of steps) {
      const answer = await exchange(gateway, HONEST, step);
      expect(answer.status, answer.text).toBe(200);
      expect(answer.tookMs).toBeLessThan(BUDGET_MS);
    }
    const noise = gateway.log.filter((line) => !MAPPING_NEWS.test(line));
    expect(noise.length, noise.join('\n')).toBeLessThan(LOG_LINES_PER_CASE);
  }

  it('leaves heads and bodies unfinished: 96 connections, each borne for seconds only', async () => {
    const half = [
      '',
      'GET / HT',
      'GET / HTTP/1.1\r\nHost: x\r\nX: ',
      'POST / HTTP/1.1\r\nContent-Length: 5000\r\n\r\nabc',
    ];
    const lingering = Array.from({ length: 120 }, (_, index) =>
      linger(gateway, HOSTILE, half[index % half.length] ?? ''),
    );
    await expectHonestServed();
    await expectHonestServed();
    const borne = await Promise.all(lingering.map(({ closed }) => closed));
    // Heads 3 s, whole requests 5 s, and up to 2.5 s until somebody looks.
    expect(Math.max(...borne)).toBeLessThan(9000);
    expect(borne.filter((ms) => ms < 1500).length, 'the ones too many are shut out at once').toBeGreaterThanOrEqual(24);
  });

  it('opens a thousand connections: those above 96 are closed at once', async () => {
    const flood = Array.from({ length: 1000 }, () => linger(gateway, HOSTILE, ''));
    await expectHonestServed();
    let open = 0;
    for (const { socket } of flood) if (!socket.destroyed && socket.readyState === 'open') open += 1;
    expect(open).toBeLessThanOrEqual(96);
    for (const { socket } of flood) socket.destroy();
    await Promise.all(flood.map(({ closed }) => closed));
  });

  it('sends 900 requests ahead on each of many connections and reads no answer: 256 KB of answers each, no more', {
    timeout: FLOOD_TIMEOUT_MS,
  }, async () => {
    const ahead = `GET /scpd/WANIPConnection2.xml HTTP/1.1\r\nHost: ${gateway.address}\r\nConnection: keep-alive\r\n\r\n`;
    const before = process.memoryUsage().rss;
    const deaf = Array.from({ length: DEAF }, () => {
      const one = linger(gateway, HOSTILE, ahead.repeat(900));
      one.socket.pause();
      return one;
    });
    for (let count = 0; count < 3; count += 1) await expectHonestServed();
    // Without a bound these are 200 MB, and with 96 connections 800.
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
    for (const { socket } of deaf) socket.resume();
    await Promise.all(deaf.map(({ closed }) => closed));
    for (const { socket } of deaf) expect(socket.bytesRead).toBeLessThan(300 * 1024);
  });

  it('holds M-POST connections open: each is closed after its answer', async () => {
    const request = soap(gateway, 'GetExternalIPAddress', '').replace('POST', 'M-POST').replace('close', 'keep-alive');
    const held = Array.from({ length: 40 }, () => linger(gateway, HOSTILE, request));
    const borne = await Promise.all(held.map(({ closed }) => closed));
    expect(Math.max(...borne)).toBeLessThan(9000);
    await expectHonestServed();
  });

  it(
    `sends ${FLOOD} SUBSCRIBEs: 32 of one host are taken, 512 of all`,
    async () => {
      const subscribe = (from: string): string =>
        `SUBSCRIBE /event/igd1/WANIPConnection HTTP/1.1\r\nHost: ${gateway.address}\r\nCALLBACK: <http://${from}:9/>\r\n` +
        'NT: upnp:event\r\nTIMEOUT: Second-1800\r\nConnection: close\r\n\r\n';
      const one = await inParallel(16, 100, () => exchange(gateway, HOSTILE, subscribe(HOSTILE)));
      expect(one.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(32);
      const flood = inParallel(16, FLOOD, (index) => {
        const from = `127.0.42.${1 + (index % 250)}`;
        return exchange(gateway, from, subscribe(from));
      });
      await expectHonestServed();
      const statuses = (await flood).map(({ status }) => status);
      expect(statuses.filter((status) => status !== 200 && status !== 503)).toEqual([]);
      expect(gateway.daemon.operator.snapshot().subscribers).toBeLessThanOrEqual(512);
      await expectHonestServed();
    },
    FLOOD_TIMEOUT_MS,
  );

  it('subscribes with callbacks that accept and never answer: an honest subscriber has its event in time', async () => {
    const deaf = createServer((socket) => socket.on('error', () => {}));
    deaf.listen(0, '127.0.43.66');
    await once(deaf, 'listening');
    const ear = createServer((socket) => {
      socket.setEncoding('latin1').on('data', (chunk: string) => heard.push(chunk));
      socket.on('error', () => {});
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    });
    const heard: string[] = [];
    ear.listen(0, '127.0.43.2');
    await once(ear, 'listening');
    const portOf = (server: typeof ear): number => (server.address() as { port: number }).port;
    const subscribe = (callback: string): string =>
      `SUBSCRIBE /event/igd1/WANCommonInterfaceConfig HTTP/1.1\r\nHost: ${gateway.address}\r\nCALLBACK: <http://${callback}/>\r\n` +
      'NT: upnp:event\r\nConnection: close\r\n\r\n';
    await inParallel(16, 32, () => exchange(gateway, '127.0.43.66', subscribe(`127.0.43.66:${portOf(deaf)}`)));
    const began = ownTime();
    const answer = await exchange(gateway, '127.0.43.2', subscribe(`127.0.43.2:${portOf(ear)}`));
    // All places may be taken by the flood before; then there is nothing to wait for, and 503 says so.
    if (answer.status === 200) {
      while (heard.length === 0 && ownTime() - began < BUDGET_MS) await once(ear, 'connection');
      expect(ownTime() - began).toBeLessThan(BUDGET_MS);
    } else expect(answer.status).toBe(503);
    await expectHonestServed();
    deaf.close();
    ear.close();
  });

  it.each([
    [
      'entities within entities',
      '<!DOCTYPE a [<!ENTITY a "xxxxxxxxxx"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><a>&b;</a>',
    ],
    ['an entity of a file', '<!DOCTYPE a [<!ENTITY f SYSTEM "file:///etc/passwd">]><a>&f;</a>'],
    ['four thousand levels', '<a>'.repeat(4000)],
    ['three thousand attributes', `<a ${Array.from({ length: 1500 }, (_, index) => `a${index}=""`).join(' ')}/>`],
    ['a name of 15 KB', `<${'a'.repeat(15_000)}/>`],
    ['16,000 references', `<a>${'&#65;'.repeat(3200)}</a>`],
    ['a megabyte', 'x'.repeat(1_000_000)],
  ])('posts %s: refused within the budget', async (_, body) => {
    const answer = await exchange(gateway, HOSTILE, post(gateway, 'GetExternalIPAddress', body));
    // A body that is too long may find the door shut before it is through.
    expect([0, 400, 413, 500]).toContain(answer.status);
    expect(answer.tookMs).toBeLessThan(BUDGET_MS);
    expect(answer.text).not.toContain('root:');
    await expectHonestServed();
  });

  it('posts a body that says it is compressed, or of two lengths: nothing is inflated, nothing smuggled', async () => {
    const packed = await exchange(gateway, HOSTILE, post(gateway, 'X', '\x1f\x8b\x08', 'Content-Encoding: gzip\r\n'));
    expect(packed.status).toBeGreaterThanOrEqual(400);
    const smuggled = post(gateway, 'X', '0\r\n\r\nGET / HTTP/1.1\r\n\r\n', 'Transfer-Encoding: chunked\r\n');
    const both = await exchange(gateway, HOSTILE, smuggled);
    expect(both.text.match(/^HTTP\/1\.1 /gm)?.length ?? 0).toBeLessThanOrEqual(1);
    expect(both.status).not.toBe(200);
    await expectHonestServed();
  });

  it(
    `adds ${FLOOD} times: refused above what one host may ask in a minute, and above its 128 mappings`,
    async () => {
      const flood = inParallel(16, FLOOD, (index) =>
        exchange(gateway, HOSTILE, soap(gateway, 'AddPortMapping', addArguments(HOSTILE, 30_000 + (index % 20_000)))),
      );
      for (let count = 0; count < 3; count += 1) await expectHonestServed();
      const statuses = (await flood).map(({ status }) => status);
      expect(statuses.filter((status) => status !== 200 && status !== 500)).toEqual([]);
      const theirs = gateway.daemon.operator.snapshot().mappings.filter((row) => row.internalClient === HOSTILE);
      expect(theirs.length).toBeLessThanOrEqual(128);
      await expectHonestServed();
    },
    FLOOD_TIMEOUT_MS,
  );

  it('is a web page with a name that points here (DNS rebinding): turned away at both doors', async () => {
    const hosts = ['evil.example', 'evil.example:5000', '127.0.41.9', 'localhost.evil.example', '[::1]'];
    for (const host of hosts) {
      const get = `GET /igd1.xml HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
      expect((await exchange(gateway, HOSTILE, get)).status).toBe(403);
    }
    for (const host of ['evil.example', 'localhost.evil.example', '']) {
      const get = `GET /api/mappings HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
      const page = await exchange({ address: gateway.address, port: gateway.adminPort }, HOSTILE, get);
      expect(page.status).toBeGreaterThanOrEqual(400);
      expect(page.text).not.toContain('externalPort');
    }
    await expectHonestServed();
  });

  it('is a web page that posts across sites: neither SOAP nor the admin API listens', async () => {
    const add = addArguments('127.0.41.3', 31_999);
    const request = soap(gateway, 'AddPortMapping', add).replace(
      '\r\nConnection',
      '\r\nOrigin: http://evil.example\r\nConnection',
    );
    expect((await exchange(gateway, HONEST, request)).status).toBe(403);
    const body = JSON.stringify({
      protocol: 'TCP',
      externalPort: 31_998,
      internalAddress: '127.0.41.3',
      internalPort: 1,
    });
    for (const more of ['Origin: http://evil.example\r\n', 'Origin: null\r\n', 'Sec-Fetch-Site: cross-site\r\n', '']) {
      const call =
        `POST /api/mappings HTTP/1.1\r\nHost: ${gateway.address}:${gateway.adminPort}\r\nConnection: close\r\n${more}` +
        `Content-Type: text/plain\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
      const page = await exchange({ address: gateway.address, port: gateway.adminPort }, HONEST, call);
      expect(page.status).toBeGreaterThanOrEqual(400);
    }
    const theirs = gateway.daemon.operator.snapshot().mappings.filter((row) => row.internalClient === '127.0.41.3');
    expect(theirs).toEqual([]);
  });

  it('sends what is no HTTP: one answer or none, and the connection is closed', async () => {
    const noise = [
      '\0'.repeat(100),
      'GET\r\n\r\n',
      'GET / HTTP/9.9\r\n\r\n',
      'SSH-2.0-x\r\n',
      `GET /${'a'.repeat(9000)} HTTP/1.1\r\n\r\n`,
      `GET / HTTP/1.1\r\n${'X: yyyyyyyyyyyyyyyy\r\n'.repeat(2000)}\r\n`,
      'GET / HTTP/1.1\r\nHost : x\r\n\r\n',
    ];
    for (const octets of noise) {
      const answer = await exchange(gateway, HOSTILE, octets);
      expect(answer.text.match(/^HTTP\/1\.1 /gm)?.length ?? 0).toBeLessThanOrEqual(1);
      expect(answer.status === 0 || answer.status >= 400, `${octets.slice(0, 40)} → ${answer.text}`).toBe(true);
    }
    await expectHonestServed();
  });
});
