// Somebody on the Internet who sends a datagram to each mapped port, from a new port each time: a NAT that still
// remembers the last conversation must not count as one that was told about the mapping again.

import { createSocket } from 'node:dgram';
import { createInterface } from 'node:readline';

// Whoever gave the orders has been ended.
process.stdout.on('error', () => process.exit());

for await (const line of createInterface({ input: process.stdin })) {
  const { host, ports, round } = JSON.parse(line);
  await knock(host, ports, round);
  process.stdout.write('{}\n');
}

function knock(host, ports, round) {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    let left = ports.length;
    socket.on('error', () => {});
    for (const port of ports) {
      socket.send(String(round), port, host, () => {
        left -= 1;
        if (left === 0) socket.close(resolve);
      });
    }
  });
}
