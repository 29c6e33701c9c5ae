// Answers every request with the same 300 octets: what the generator reaches against this is its own ceiling.

import { createServer } from 'node:net';

const [host, port] = process.argv.slice(2);
const body = `<s:Envelope><s:Body>${'x'.repeat(280)}</s:Body></s:Envelope>`;
const answer = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`;
const server = createServer((socket) => {
  socket.once('data', () => socket.end(answer));
  socket.on('error', () => {});
});
server.listen({ host, port: Number(port), backlog: 1024 });
