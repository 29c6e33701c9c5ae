// What one process at a time may use, shown by a listening socket: the kernel closes it with the process, so a crash leaves
// nothing that keeps the next one out. Nobody is served there; that somebody accepts the connection is the whole answer.

import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, readdir, rm } from 'node:fs/promises';
import { createConnection, createServer, type ListenOptions, type Server } from 'node:net';
import type { SoleUse, SoleUses } from '../base/host.ts';

const SOCKET_PREFIX = 'in-use-';
/** `sun_path` of unix(7). A name that fills it is the same to every release of Node.js, padded or not. */
const ABSTRACT_NAME_LENGTH = 108;

/** Whoever may enter the directory may ask whether a socket in it is alive: root left it, the service finds it. */
const FOR_EVERYBODY = { readableAll: true, writableAll: true } as const;

export const nodeSoleUses: SoleUses = { ofDirectory, inNetwork };

/** Each process binds a name of its own, so a dead socket can be removed without taking a living one away. */
async function ofDirectory(path: string): Promise<SoleUse> {
  let directory: FileHandle | undefined;
  let own: Server | undefined;
  const giveBack = async (): Promise<void> => {
    // The socket's file goes with the server; it is reached through the directory's descriptor.
    await closed(own);
    await directory?.close();
  };
  try {
    directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
    // A path of any length fits into a socket's address this way.
    const here = `/proc/self/fd/${directory.fd}`;
    const name = `${SOCKET_PREFIX}${randomBytes(8).toString('hex')}`;
    // Bound first, then looked: of two that start at once, at least one sees the other.
    own = await listening({ path: `${here}/${name}`, ...FOR_EVERYBODY });
    const others = (await readdir(path)).filter((entry) => entry.startsWith(SOCKET_PREFIX) && entry !== name);
    for (const other of others) {
      const failure = await connectFailure(`${here}/${other}`);
      // One that is forbidden says nothing.
      if (failure?.code === 'EACCES' || failure?.code === 'EPERM') throw failure;
      // Only a refused connection shows that nobody listens.
      if (failure?.code === 'ECONNREFUSED') await rm(`${path}/${other}`, { force: true });
      else if (failure?.code !== 'ENOENT') {
        await giveBack();
        return { kind: 'taken' };
      }
    }
    return { kind: 'mine', giveBack };
  } catch (error) {
    await giveBack();
    return { kind: 'impossible', message: `${path}: ${(error as Error).message}` };
  }
}

/** An abstract socket: its name is known in one network namespace, as a table of nftables is. */
async function inNetwork(name: string): Promise<SoleUse> {
  try {
    const path = `\0igd2pcp ${name}`.padEnd(ABSTRACT_NAME_LENGTH, '\0');
    const server = await listening({ path });
    return { kind: 'mine', giveBack: () => closed(server) };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === 'EADDRINUSE' ? { kind: 'taken' } : { kind: 'impossible', message };
  }
}

function listening(place: ListenOptions): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((visitor) => visitor.destroy());
    server.once('error', reject);
    server.listen(place, () => {
      // What goes wrong with one visitor is of no importance.
      server.removeAllListeners('error').on('error', () => {});
      // It does not keep the process alive.
      resolve(server.unref());
    });
  });
}

function closed(server: Server | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (server === undefined) resolve();
    else server.close(() => resolve());
  });
}

/** Undefined: somebody listens. */
function connectFailure(path: string): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    const probe = createConnection(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(undefined);
    });
    probe.once('error', resolve);
  });
}
