// The hostile neighbour: a process on a LAN host of its own that has sixteen addresses. Takes one JSON order per line, and
// answers with what it did and what it was answered. One attack per function; each ends in the time it is given.

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { NEIGHBOUR_ALIASES, neighbourAddress } from '../../parts/network.mjs';
import { soapRequest } from '../../parts/soap.mjs';

const CONNECTIONS_OF_ONE_ADDRESS = 96;
/** As many as the daemon has places for, from the fewest addresses. */
const ADDRESSES_FOR_ALL_PLACES = 6;
const PIPELINED = 900;
const WAVE_EVERY_MS = 2000;
const LONG_HEAD_BYTES = 100_000;
/** Of the 128 a host may have, with some to be refused. */
const MAPPINGS_PER_ALIAS = 140;
const LEASE_S = 60;

const attacks = {
  pipelining,
  slowReaders,
  halfRequests,
  mandatoryPosts,
  longHeads,
  tokenGuesses,
  aliasMappings,
  subscriptions,
  searches,
};
/** Open connections of the attack that goes on. */
const open = new Set();

// Whoever gave the orders has been ended.
process.stdout.on('error', () => process.exit());

for await (const line of createInterface({ input: process.stdin })) {
  const { op, forMs, ...world } = JSON.parse(line);
  const figures = await attacks[op](world, performance.now() + forMs);
  for (const socket of open) socket.destroy();
  open.clear();
  process.stdout.write(`${JSON.stringify(figures)}\n`);
}

/** Hundreds of requests on each connection, and no answer is ever read. */
async function pipelining({ gateway }, until) {
  const text = `GET ${gateway.path} HTTP/1.1\r\nHost: ${gateway.host}:${gateway.port}\r\n\r\n`.repeat(PIPELINED);
  const opened = await inWaves(until, () => fromOneAddress(gateway, (socket) => socket.pause().write(text)));
  return { connections: opened, requests: opened * PIPELINED };
}

/** Asks for something long and reads an octet now and then: the receive window stays shut. */
async function slowReaders({ gateway }, until) {
  const text = `GET ${gateway.path} HTTP/1.1\r\nHost: ${gateway.host}:${gateway.port}\r\n\r\n`;
  const ask = (socket) => {
    socket.pause();
    socket.write(text);
    const timer = setInterval(() => {
      socket.read(1);
      socket.write(text);
    }, 500);
    socket.once('close', () => clearInterval(timer));
  };
  return { connections: await inWaves(until, () => fromOneAddress(gateway, ask)) };
}

/** Nothing, half a head, half a body, each an octet at a time, from all places there are. */
async function halfRequests({ gateway }, until) {
  const beginnings = ['', 'GET / HTTP/1.1\r\nX: ', `POST / HTTP/1.1\r\nContent-Length: 9000\r\n\r\n`];
  const drip = (socket, index) => {
    socket.write(beginnings[index % beginnings.length]);
    const timer = setInterval(() => socket.write('x'), 1000);
    socket.once('close', () => clearInterval(timer));
  };
  const opened = await inWaves(until, () => fromManyAddresses(gateway, drip));
  return { connections: opened };
}

/** M-POST requests (RFC 2774), whole and half, and then silence: they are read by a parser of their own. */
async function mandatoryPosts({ gateway, target }, until) {
  const whole = soapRequest(target, { action: 'GetExternalIPAddress' })
    .toString('latin1')
    .replace('POST', 'M-POST')
    .replace('Connection: close', 'Man: "http://schemas.xmlsoap.org/soap/envelope/"; ns=01')
    .replace('SOAPAction', '01-SOAPAction');
  const texts = [whole, whole.slice(0, 60), whole.slice(0, -60)];
  const opened = fromManyAddresses(gateway, (socket, index) => socket.write(texts[index % texts.length]));
  await pause(until);
  const stillOpen = [...open].filter((socket) => socket.readyState === 'open').length;
  return { connections: opened, stillOpen };
}

/** A head of a hundred kilobytes, as one field and as thousands of them. */
async function longHeads({ gateway }, until) {
  const heads = [
    `X: ${'y'.repeat(LONG_HEAD_BYTES)}\r\n`,
    'X: y\r\n'.repeat(LONG_HEAD_BYTES / 6),
    `Cookie: ${'a=b; '.repeat(LONG_HEAD_BYTES / 5)}\r\n`,
  ];
  const send = (socket, index) => socket.write(`GET / HTTP/1.1\r\nHost: x\r\n${heads[index % heads.length]}\r\n`);
  return { connections: await inWaves(until, () => fromOneAddress(gateway, send)) };
}

/** Bearer tokens at the operator's door, from one address and from all. → how many were answered as wrong. */
async function tokenGuesses({ admin }, until) {
  const counts = {};
  let guesses = 0;
  const lane = async (alias) => {
    while (performance.now() < until) {
      guesses += 1;
      const body = '{}';
      const answer = await exchange(
        { ...admin, localAddress: neighbourAddress(alias) },
        `POST /api/mappings HTTP/1.1\r\nHost: ${admin.host}:${admin.port}\r\nAuthorization: Bearer guess-${guesses}\r\n` +
          `Content-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
        until,
      );
      const status = /^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? 'cut off';
      counts[status] = (counts[status] ?? 0) + 1;
      await pause(performance.now() + 2);
    }
  };
  await Promise.all([
    lane(0),
    lane(0),
    lane(0),
    ...Array.from({ length: NEIGHBOUR_ALIASES - 1 }, (_, at) => lane(at + 1)),
  ]);
  return { guesses, counts };
}

/** One host under sixteen addresses wants every mapping there is. */
async function aliasMappings({ target }, until) {
  const counts = {};
  const lane = async (alias) => {
    const from = neighbourAddress(alias);
    for (let index = 0; index < MAPPINGS_PER_ALIAS && performance.now() < until; index += 1) {
      const port = 30_000 + alias * MAPPINGS_PER_ALIAS + index;
      const bytes = soapRequest(target, { action: 'AddPortMapping', from, port, lease: LEASE_S });
      const answer = await exchange({ host: target.host, port: target.port, localAddress: from }, bytes, until);
      const what = /^HTTP\/1\.1 200/.test(answer) ? 'ok' : (/<errorCode>(\d+)/.exec(answer)?.[1] ?? 'cut off');
      counts[what] = (counts[what] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: NEIGHBOUR_ALIASES }, (_, alias) => lane(alias)));
  return { counts };
}

/** Subscriptions without end, whose callbacks are taken and never answered. */
async function subscriptions({ gateway }, until) {
  const counts = {};
  const deaf = createServer((socket) => {
    socket.on('error', () => {});
    open.add(socket);
  });
  deaf.listen(0);
  await once(deaf, 'listening');
  const lane = async (alias) => {
    const from = neighbourAddress(alias);
    while (performance.now() < until) {
      const answer = await exchange(
        { ...gateway, localAddress: from },
        `SUBSCRIBE /event/igd1/WANIPConnection HTTP/1.1\r\nHost: ${gateway.host}:${gateway.port}\r\nNT: upnp:event\r\n` +
          `CALLBACK: <http://${from}:${deaf.address().port}/>\r\nTIMEOUT: Second-60\r\nConnection: close\r\n\r\n`,
        until,
      );
      const status = /^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? 'cut off';
      counts[status] = (counts[status] ?? 0) + 1;
      await pause(performance.now() + 10);
    }
  };
  await Promise.all(Array.from({ length: NEIGHBOUR_ALIASES }, (_, alias) => lane(alias)));
  deaf.close();
  return { counts };
}

/** Searches for everything by the thousand. */
async function searches(_world, until) {
  const sockets = Array.from({ length: NEIGHBOUR_ALIASES }, () => createSocket('udp4'));
  const text =
    'M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\nMX: 1\r\nST: ssdp:all\r\n\r\n';
  let [sent, answers] = [0, 0];
  await Promise.all(
    sockets.map(async (socket, alias) => {
      socket.on('error', () => {});
      socket.on('message', () => {
        answers += 1;
      });
      socket.bind(0, neighbourAddress(alias));
      await once(socket, 'listening');
      socket.setMulticastInterface(neighbourAddress(alias));
    }),
  );
  while (performance.now() < until) {
    for (const socket of sockets) {
      socket.send(text, 1900, '239.255.255.250');
      sent += 1;
    }
    await pause(performance.now() + 10);
  }
  for (const socket of sockets) socket.close();
  return { sent, answers };
}

/** Calls `wave` every other second; what the daemon has cut off meanwhile makes room for the next one. */
async function inWaves(until, wave) {
  let opened = 0;
  while (performance.now() < until) {
    opened += wave();
    await pause(Math.min(until, performance.now() + WAVE_EVERY_MS));
  }
  return opened;
}

function fromManyAddresses(place, speak) {
  let opened = 0;
  for (let alias = 0; alias < ADDRESSES_FOR_ALL_PLACES; alias += 1) opened += fromOneAddress(place, speak, alias);
  return opened;
}

function fromOneAddress({ host, port }, speak, alias = 0) {
  const mine = [...open].filter((socket) => socket.alias === alias).length;
  const missing = Math.max(0, CONNECTIONS_OF_ONE_ADDRESS - mine);
  for (let index = 0; index < missing; index += 1) {
    const socket = connect({ host, port, localAddress: neighbourAddress(alias) });
    socket.alias = alias;
    open.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => open.delete(socket));
    socket.on('connect', () => speak(socket, index));
    socket.resume();
  }
  return missing;
}

/** → all that came back, "" when nothing did. */
function exchange({ host, port, localAddress }, text, until) {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect({ host, port, localAddress });
    open.add(socket);
    const timer = setTimeout(() => socket.destroy(), Math.max(0, until - performance.now()));
    socket.setEncoding('latin1');
    socket.on('connect', () => socket.write(text));
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      open.delete(socket);
      resolve(answer);
    });
  });
}

function pause(until) {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, until - performance.now())));
}
