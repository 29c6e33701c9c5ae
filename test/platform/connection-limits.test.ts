// Real loopback sockets; every address of 127/8 is a machine of its own.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { limitConnectionsPerPeer } from '../../src/platform/http-limits.ts';

const OF_ALL = 12;
const OF_ONE = 4;

describe('the places of a listener, when some machines hold all of them,', () => {
  let server: ReturnType<typeof createServer>;
  let held: Socket[];

  const open = (from: string): Socket => {
    const { port } = server.address() as AddressInfo;
    const socket = connect({ host: '127.0.0.1', port, localAddress: from });
    socket.on('error', () => {});
    socket.resume();
    return socket;
  };
  const hold = async (from: string): Promise<Socket> => {
    const socket = open(from);
    const accepted = once(server, 'connection');
    await Promise.all([once(socket, 'connect'), accepted]);
    held.push(socket);
    return socket;
  };
  const answerTo = async (from: string): Promise<string> => {
    const socket = open(from);
    let text = '';
    socket.on('data', (chunk) => {
      text += String(chunk);
    });
    socket.write('GET / HTTP/1.0\r\n\r\n');
    await once(socket, 'close');
    return text;
  };

  beforeEach(async () => {
    held = [];
    server = createServer((_request, response) => response.end('served'));
    server.maxConnections = OF_ALL;
    limitConnectionsPerPeer(server, OF_ONE);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    for (let index = 0; index < OF_ALL; index += 1) await hold(`127.0.0.${2 + (index % 3)}`);
  });
  afterEach(() => {
    for (const socket of held) socket.destroy();
    server.close();
  });

  it('are shared with a newcomer: the oldest connection of who has most makes way', async () => {
    const [oldest] = held;
    const cut = once(oldest as Socket, 'close');
    expect(await answerTo('127.0.0.9')).toContain('served');
    await cut;
    expect(held.filter(({ destroyed }) => !destroyed)).toHaveLength(OF_ALL - 1);
  });

  it('give another address its share, and no more than the others have', async () => {
    for (let index = 0; index < OF_ONE; index += 1) await hold('127.0.0.5');
    expect(await answerTo('127.0.0.5')).toBe('');
    expect(await answerTo('127.0.0.9')).toContain('served');
  });

  it('are free again when connections end', async () => {
    for (const socket of held) socket.destroy();
    while ((await connectionsOf(server)) > 0) await new Promise((resolve) => setImmediate(resolve));
    for (let index = 0; index < OF_ONE; index += 1) await hold('127.0.0.5');
    expect(await answerTo('127.0.0.5')).toBe('');
    expect(await answerTo('127.0.0.9')).toContain('served');
  });
});

const connectionsOf = (server: ReturnType<typeof createServer>): Promise<number> =>
  new Promise((resolve, reject) =>
    server.getConnections((error, count) => (error === null ? resolve(count) : reject(error))),
  );
