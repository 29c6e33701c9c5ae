// Runs inside one namespace and does what the lab asks, line by line: serve, connect, send. It decides nothing.

import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';

const held = new Map();

const services = new Map();
const acts = { serve, speakFrom, tcp, udp, hold, say, drop };

for await (const line of createInterface({ input: process.stdin })) {
  const { id, act, ...what } = JSON.parse(line);
  acts[act](what).then(
    (value) => answer(id, { ok: true, ...value }),
    (error) => answer(id, { ok: false, why: error.code ?? error.message }),
  );
}

function answer(id, value) {
  process.stdout.write(`${JSON.stringify({ id, ...value })}\n`);
}

/** Answers everything with who seems to have sent it and the same bytes: "11.77.0.9 40123 hello". */
async function serve({ port }) {
  const tag = (address, from, bytes) =>
    Buffer.concat([Buffer.from(`${address.replace('::ffff:', '')} ${from} `), bytes]);
  const tcpServer = createServer((socket) => {
    socket.on('data', (bytes) => socket.write(tag(socket.remoteAddress ?? '?', socket.remotePort, bytes)));
    socket.on('error', () => socket.destroy());
  });
  await new Promise((done, failed) => tcpServer.once('error', failed).listen(port, '0.0.0.0', done));
  const udpServer = createSocket('udp4');
  const waiting = new Map();
  services.set(port, { socket: udpServer, waiting });
  udpServer.on('message', (bytes, from) => {
    const asker = `${from.address} ${from.port}`;
    const heard = waiting.get(asker);
    waiting.delete(asker);
    if (heard !== undefined) heard(bytes.toString('latin1'));
    else udpServer.send(tag(from.address, from.port, bytes), from.port, from.address);
  });
  await new Promise((done, failed) => udpServer.once('error', failed).bind(port, '0.0.0.0', done));
  return {};
}

/** Sends from the UDP port that is served here; the other side answers with whom it saw. */
function speakFrom({ port, address, to, withinMs }) {
  const { socket, waiting } = services.get(port);
  const word = `from-${port}-to-${to}`;
  return new Promise((done, failed) => {
    const timer = setTimeout(() => failed(new Error('no answer')), withinMs);
    waiting.set(`${address} ${to}`, (text) => {
      clearTimeout(timer);
      const [seenAddress, seenPort] = text.split(' ');
      done({ seenAddress, seenPort: Number(seenPort) });
    });
    socket.send(word, to, address);
  });
}

function tcp({ address, port, hex, localPort, withinMs }) {
  return new Promise((done, failed) => {
    const socket = connect({ host: address, port, ...(localPort !== undefined && { localPort }) });
    const timer = setTimeout(() => finish(failed, new Error('no answer')), withinMs);
    function finish(how, value) {
      clearTimeout(timer);
      socket.destroy();
      how(value);
    }
    socket.once('connect', () => socket.write(Buffer.from(hex, 'hex')));
    socket.once('data', (bytes) => finish(done, { hex: bytes.toString('hex') }));
    socket.once('error', (error) => finish(failed, error));
    socket.once('end', () => finish(failed, new Error('closed without an answer')));
  });
}

/** Sends every 250 ms until something comes back. */
function udp({ address, port, hex, localPort, withinMs }) {
  return new Promise((done, failed) => {
    const socket = createSocket('udp4');
    const send = () => socket.send(Buffer.from(hex, 'hex'), port, address, () => {});
    let again;
    const timer = setTimeout(() => finish(failed, new Error('no answer')), withinMs);
    function finish(how, value) {
      clearTimeout(timer);
      clearInterval(again);
      socket.close();
      how(value);
    }
    socket.once('message', (bytes) => finish(done, { hex: bytes.toString('hex') }));
    socket.once('error', (error) => finish(failed, error));
    socket.bind(localPort ?? 0, () => {
      send();
      again = setInterval(send, 250);
    });
  });
}

/** Opens a TCP connection that stays; `say` uses it later. */
function hold({ name, address, port }) {
  return new Promise((done, failed) => {
    const socket = connect({ host: address, port });
    socket.once('connect', () => {
      held.set(name, socket);
      done({});
    });
    socket.on('error', failed);
  });
}

function say({ name, hex, withinMs }) {
  const socket = held.get(name);
  return new Promise((done, failed) => {
    if (socket === undefined || socket.destroyed) return failed(new Error('the connection is gone'));
    const timer = setTimeout(() => failed(new Error('no answer')), withinMs);
    socket.once('data', (bytes) => {
      clearTimeout(timer);
      done({ hex: bytes.toString('hex') });
    });
    socket.write(Buffer.from(hex, 'hex'));
  });
}

async function drop({ name }) {
  held.get(name)?.destroy();
  held.delete(name);
  return {};
}
