// Files that survive a power cut: replaced atomically, appended durably, many appends in one write.

import { type FileHandle, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { FileProblem, FileStore } from '../base/host.ts';
import { ok, type Result, refused } from '../base/result.ts';

type Settled = Result<void, FileProblem>;

interface Appender {
  waiting: { text: string; done: (result: Settled) => void }[];
  isWriting: boolean;
}

export class NodeFiles implements FileStore {
  readonly #appenders = new Map<string, Appender>();

  async read(path: string): Promise<Result<string, FileProblem>> {
    try {
      return ok(await readFile(path, 'utf8'));
    } catch (error) {
      return refused(problem(path, error));
    }
  }

  replace(path: string, text: string, mode = 0o644): Promise<Settled> {
    return attempt(path, async () => {
      const temporary = `${path}.new`;
      await writeDurably(temporary, text, 'w', mode);
      await rename(temporary, path);
      await syncDirectory(dirname(path));
    });
  }

  append(path: string, text: string, mode = 0o644): Promise<Settled> {
    const appender = this.#appenders.get(path) ?? { waiting: [], isWriting: false };
    this.#appenders.set(path, appender);
    return new Promise((done) => {
      appender.waiting.push({ text, done });
      if (!appender.isWriting) void this.#writeWaiting(path, appender, mode);
    });
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

  async #writeWaiting(path: string, appender: Appender, mode: number): Promise<void> {
    appender.isWriting = true;
    // A turn later, so that everything asked for in this one goes to the disk together.
    await Promise.resolve();
    while (appender.waiting.length > 0) {
      const batch = appender.waiting;
      appender.waiting = [];
      const text = batch.map((entry) => entry.text).join('');
      const result = await attempt(path, () => writeDurably(path, text, 'a', mode));
      for (const entry of batch) entry.done(result);
    }
    appender.isWriting = false;
    this.#appenders.delete(path);
  }
}

async function writeDurably(path: string, text: string, flag: 'w' | 'a', mode: number): Promise<void> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, flag, mode);
    await file.writeFile(text);
    await file.datasync();
  } finally {
    await file?.close();
  }
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
