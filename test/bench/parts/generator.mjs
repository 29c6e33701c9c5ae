// The load generator: a process of its own among the clients, pinned to its own core. Takes one JSON order per line,
// answers with one JSON line. One TCP connection per call, as control points do; latency runs from connect() to the
// last octet of the answer. What it can do at most is measured too, against `null-server.mjs`.

import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { answerIn, soapRequest } from './soap.mjs';

/** As patient as the most patient control point. */
const GIVE_UP_MS = 30_000;

const orders = { calls, get, say, ready, search, hold, release, hear, heard };
const held = [];
const ears = [];
const lastHeard = new Map();

// Whoever gave the orders has been ended.
process.stdout.on('error', () => process.exit());

for await (const line of createInterface({ input: process.stdin })) {
  const { op, ...order } = JSON.parse(line);
  process.stdout.write(`${JSON.stringify(await orders[op](order))}\n`);
}

/**
 * `lanes`: lists of calls; each lane does its own one after the other, all lanes at once.
 * `wantEach`: what became of every call and how long it took, lane by lane.
 */
async function calls({ target, lanes, wantBody = false, wantEach = false, giveUpMs = GIVE_UP_MS }) {
  const prepared = lanes.map((lane) => lane.map((call) => ({ call, bytes: soapRequest(target, call) })));
  const outcome = { latencies: [], errors: {}, unanswered: [], bodyBytes: 0, lastBody: undefined };
  const each = lanes.map(() => []);
  const tookMs = lanes.map(() => []);
  const started = performance.now();
  await Promise.all(
    prepared.map(async (lane, index) => {
      for (const { call, bytes } of lane) {
        const begun = performance.now();
        const answer = await exchange(
          { host: target.host, port: target.port, localAddress: call.from },
          bytes,
          giveUpMs,
        );
        const isGood = answer.status === 200;
        const what = isGood ? 'ok' : String(answer.error ?? answer.status ?? answer.problem);
        const took = performance.now() - begun;
        each[index].push(what);
        tookMs[index].push(took);
        if (isGood) outcome.latencies.push(took);
        else count(outcome.errors, what);
        if (answer.problem !== undefined) outcome.unanswered.push(call);
        outcome.bodyBytes += answer.body?.length ?? 0;
        if (wantBody) outcome.lastBody = answer.body;
      }
    }),
  );
  return { ...outcome, ...(wantEach ? { each, tookMs } : {}), wallMs: performance.now() - started };
}

async function get({ host, port, path, from }) {
  return exchange({ host, port, localAddress: from }, getBytes(host, port, path));
}

/** Any request at all. */
async function say({ host, port, from, text, giveUpMs }) {
  const begun = performance.now();
  const answer = await exchange({ host, port, localAddress: from }, Buffer.from(text), giveUpMs);
  return { ...answer, tookMs: performance.now() - begun };
}

/** Asks again and again until the description comes; says when, on the clock of the whole machine. */
async function ready({ host, port, path, within }) {
  const end = performance.now() + within;
  while (performance.now() < end) {
    const answer = await exchange({ host, port }, getBytes(host, port, path));
    if (answer.status === 200) return { at: performance.timeOrigin + performance.now(), body: answer.body };
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return { at: undefined };
}

/** `count` M-SEARCHes spread over `overMs`, each from a socket of its own; waits until MX is over. */
async function search({ count: searches, overMs, mx, host, target }) {
  const text = `M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\nMX: ${mx}\r\nST: ${target}\r\n\r\n`;
  const waits = [];
  for (let index = 0; index < searches; index += 1) {
    waits.push(oneSearch(text, (index * overMs) / searches, mx, `192.168.77.${10 + (index % 64)}`));
  }
  const delays = (await Promise.all(waits)).flat();
  return { host, answered: delays.filter((delay) => delay !== undefined).length, delays };
}

function oneSearch(text, startAfter, mx, from) {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    let sentAt;
    let first;
    socket.on('message', () => {
      first ??= performance.now() - sentAt;
    });
    socket.bind(0, from, () => {
      socket.setMulticastInterface(from);
      setTimeout(() => {
        sentAt = performance.now();
        socket.send(text, 1900, '239.255.255.250');
        // Half a second more than MX, so that a late answer is seen as late and not as lost.
        setTimeout(
          () => {
            socket.close();
            resolve(first);
          },
          mx * 1000 + 500,
        );
      }, startAfter);
    });
  });
}

/** Opens connections and says nothing, or half a head: the slow neighbour. */
async function hold({ host, port, from, count: connections, text = '' }) {
  for (let index = 0; index < connections; index += 1) {
    const socket = connect({ host, port, localAddress: from });
    socket.on('error', () => {});
    if (text !== '') socket.on('connect', () => socket.write(text));
    held.push(socket);
  }
  return { held: held.length };
}

async function release() {
  for (const socket of held.splice(0)) socket.destroy();
  return {};
}

/** Internal clients that wait for a stranger's datagram, one UDP socket per mapping. */
async function hear({ places }) {
  for (const socket of ears.splice(0)) socket.close();
  lastHeard.clear();
  await Promise.all(
    places.map(
      ({ from, port }) =>
        new Promise((resolve) => {
          const socket = createSocket('udp4');
          ears.push(socket);
          socket.on('message', (message) => lastHeard.set(port, Number(message.toString())));
          socket.bind(port, from, resolve);
        }),
    ),
  );
  return {};
}

/** How many mappings carried a datagram of this round or a later one. */
async function heard({ since }) {
  return { count: [...lastHeard.values()].filter((round) => round >= since).length };
}

function getBytes(host, port, path) {
  return Buffer.from(`GET ${path} HTTP/1.1\r\nHost: ${host}:${port}\r\nConnection: close\r\n\r\n`);
}

function exchange(place, bytes, giveUpMs = GIVE_UP_MS) {
  return new Promise((resolve) => {
    const socket = connect({ ...place, noDelay: true });
    let text = '';
    const settle = (answer) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(() => settle({ problem: 'timeout' }), giveUpMs);
    const look = (hasEnded) => {
      const answer = answerIn(text, hasEnded);
      if (answer !== undefined) settle(answer);
      else if (hasEnded) settle({ problem: 'cut off' });
    };
    socket.setEncoding('latin1');
    socket.on('connect', () => socket.write(bytes));
    socket.on('data', (chunk) => {
      text += chunk;
      look(false);
    });
    socket.on('end', () => look(true));
    socket.on('error', (error) => settle({ problem: error.code }));
  });
}

function count(counts, key) {
  counts[key] = (counts[key] ?? 0) + 1;
}
