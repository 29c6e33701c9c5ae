// Files that survive a power cut: replaced atomically, appended durably.

import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { FileProblem, FileStore } from '../base/host.ts';
import { ok, type Result, refused } from '../base/result.ts';
import { AppendedFile } from './appended-file.ts';

/** Of files nobody else can write; a journal of thousands of mappings has a few. */
const MOST_OCTETS = 64 * 1024 * 1024;

type Settled = Result<void, FileProblem>;

export class NodeFiles implements FileStore {
  readonly #appended = new Map<string, AppendedFile>();

  async read(path: string, mostOctets = MOST_OCTETS): Promise<Result<string, FileProblem>> {
    let file: FileHandle | undefined;
    try {
      // Opening a pipe would wait for somebody who writes, in one of the four threads that all files share. Links are
      // followed: whoever may put one there may put its contents there, too.
      file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
      const about = await file.stat();
      if (!about.isFile()) return refused({ kind: 'failed', message: `${path} is no regular file` });
      if (about.size > mostOctets)
        return refused({ kind: 'failed', message: `${path} has ${about.size} octets, more than ${mostOctets}` });
      return ok(await file.readFile('utf8'));
    } catch (error) {
      return refused(problem(path, error));
    } finally {
      await file?.close();
    }
  }

  replace(path: string, text: string, mode = 0o644): Promise<Settled> {
    return attempt(path, async () => {
      const temporary = `${path}.new`;
      await writeDurably(temporary, text, mode);
      await rename(temporary, path);
      await syncDirectory(dirname(path));
    });
  }

  append(path: string, text: string, mode = 0o644): Promise<Settled> {
    const file = this.#appended.get(path) ?? new AppendedFile(path, mode);
    this.#appended.set(path, file);
    return attempt(path, () => file.append(text));
  }

  rename(from: string, to: string): Promise<Settled> {
    return attempt(from, () => rename(from, to));
  }

  remove(path: string): Promise<Settled> {
    return attempt(path, () => rm(path, { force: true }));
  }

  makeDirectory(path: string, mode = 0o755): Promise<Settled> {
    return attempt(path, async () => {
      await mkdir(path, { recursive: true, mode });
    });
  }

  async version(path: string): Promise<string | undefined> {
    try {
      const { mtimeMs, size, ino } = await stat(path);
      return `${mtimeMs}/${size}/${ino}`;
    } catch {
      return undefined;
    }
  }
}

async function writeDurably(path: string, text: string, mode: number): Promise<void> {
  let file: FileHandle | undefined;
  try {
    // Made anew: nobody who may write this directory can lead us to another file by a link.
    await rm(path, { force: true });
    file = await open(path, 'wx', mode);
    await giveToOwnerOf(dirname(path), file);
    await file.writeFile(text);
    await file.datasync();
  } finally {
    await file?.close();
  }
}

/** What root writes into the service's directory must be the service's, or that cannot read it later. */
async function giveToOwnerOf(directory: string, file: FileHandle): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = await stat(directory);
  if (uid !== 0) await file.chown(uid, gid);
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

async function attempt(path: string, work: () => Promise<void>): Promise<Settled> {
  try {
    await work();
    return ok(undefined);
  } catch (error) {
    return refused(problem(path, error));
  }
}

const PROBLEM_KINDS: Readonly<Record<string, FileProblem['kind']>> = {
  ENOENT: 'missing',
  ENOTDIR: 'missing',
  EACCES: 'denied',
  EPERM: 'denied',
  EROFS: 'denied',
  ENOSPC: 'full',
  EDQUOT: 'full',
};

function problem(path: string, error: unknown): FileProblem {
  const { code = '', message } = error as NodeJS.ErrnoException;
  return { kind: PROBLEM_KINDS[code] ?? 'failed', message: message.includes(path) ? message : `${path}: ${message}` };
}
