// On a LAN host: searches for one target, again and again → JSON: after how many milliseconds the first answer came, each time.

import { createSocket } from 'node:dgram';
import { once } from 'node:events';

const [target, address, times] = process.argv.slice(2);
const MX = 2;
const search = Buffer.from(
  [
    'M-SEARCH * HTTP/1.1',
    'HOST: 239.255.255.250:1900',
    'MAN: "ssdp:discover"',
    `MX: ${MX}`,
    `ST: ${target}`,
    '',
    '',
  ].join('\r\n'),
);

const took = [];
for (let round = 0; round < Number(times); round += 1) took.push(await firstAnswer());
process.stdout.write(JSON.stringify(took));

/** null: nobody answered. */
async function firstAnswer() {
  const socket = createSocket('udp4');
  socket.bind(0, address);
  await once(socket, 'listening');
  socket.setMulticastInterface(address);
  const sentAt = performance.now();
  const answered = once(socket, 'message').then(() => performance.now() - sentAt);
  socket.send(search, 1900, '239.255.255.250');
  const silent = new Promise((done) => setTimeout(() => done(null), (MX + 1) * 1000).unref());
  const ms = await Promise.race([answered, silent]);
  await new Promise((done) => setTimeout(done, 200));
  socket.close();
  return ms;
}
