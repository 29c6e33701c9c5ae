// The path of a Unix socket that is to be listened on: free of what a killed daemon left there, and of nothing else.

import { lstat, readlink, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { dirname, resolve } from 'node:path';

/**
 * Where a link leads that root or this very user made. Packages put one at the path that commands look at: it leads into a
 * directory where a daemon without root can make its socket.
 */
export async function socketPlace(path: string): Promise<string> {
  const there = await lstat(path).catch(() => undefined);
  if (there?.isSymbolicLink() !== true) return path;
  const isTrusted = there.uid === 0 || there.uid === process.getuid?.();
  return isTrusted ? resolve(dirname(path), await readlink(path)) : path;
}

/** Throws what `listen` would: the path is taken, by a program that answers or by a file that is none of ours. */
export async function clearSocketPath(path: string): Promise<void> {
  const there = await lstat(path).catch(() => undefined);
  if (there === undefined) return;
  if (!there.isSocket()) throw Object.assign(new Error('no socket'), { code: 'ENOTSOCK' });
  if (await isAnswering(path)) throw Object.assign(new Error('in use'), { code: 'EADDRINUSE' });
  await rm(path, { force: true });
}

/** Only a refused connection shows that nobody listens: one that is forbidden is somebody else's. */
function isAnswering(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createConnection(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED'));
  });
}
