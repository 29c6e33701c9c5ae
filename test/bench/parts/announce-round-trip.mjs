// Prints the median round trip of PCP ANNOUNCE requests (RFC 6887 §14.1) to the server named, in milliseconds.

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { percentile } from './statistics.mjs';

const ROUNDS = 30;
const [server] = process.argv.slice(2);
const socket = createSocket('udp4');
socket.connect(5351, server);
await once(socket, 'connect');
const own = socket.address().address.split('.').map(Number);
// Version 2, opcode 0, lifetime 0, and our address mapped into IPv6.
const announce = Buffer.from([2, 0, 0, 0, 0, 0, 0, 0, ...new Array(10).fill(0), 0xff, 0xff, ...own]);
const trips = [];
for (let round = 0; round < ROUNDS; round += 1) {
  const answered = once(socket, 'message');
  const began = performance.now();
  socket.send(announce);
  await answered;
  trips.push(performance.now() - began);
}
socket.close();
console.log(percentile(trips, 0.5));
