// A file that is only added to, durably: what is asked for while the disk is at work goes there in one write. It stays open
// between writes, as opening and closing take longer than writing; whatever bears its name is asked for before each.

import { close, constants, fstat, open, statSync, write } from 'node:fs';
import { promisify } from 'node:util';

// Each write is on the disk when it returns: one way through the thread pool instead of two.
const FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_DSYNC;

// Plain descriptors: one is kept for the life of the process.
const openFile = promisify(open);
const closeFile = promisify(close);
const statFile = promisify(fstat);
const writeFile = promisify(write);

interface OpenFile {
  readonly descriptor: number;
  readonly device: number;
  readonly inode: number;
}

interface Waiting {
  readonly text: string;
  readonly done: (failure: unknown) => void;
}

export class AppendedFile {
  readonly #path: string;
  readonly #mode: number;
  #waiting: Waiting[] = [];
  #isWriting = false;
  #open: OpenFile | undefined;

  constructor(path: string, mode: number) {
    this.#path = path;
    this.#mode = mode;
  }

  /** Rejects with what the system said; some of the text may be in the file then. */
  append(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ text, done: (failure) => (failure === undefined ? resolve() : reject(failure)) });
      if (!this.#isWriting) void this.#writeWaiting();
    });
  }

  async #writeWaiting(): Promise<void> {
    this.#isWriting = true;
    // A turn later, so that everything asked for in this one goes to the disk together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      const failure = await this.#write(batch.map(({ text }) => text).join(''));
      for (const { done } of batch) done(failure);
    }
    this.#isWriting = false;
  }

  async #write(text: string): Promise<unknown> {
    try {
      const { descriptor } = await this.#theFile();
      let rest = Buffer.from(text);
      // A full disk takes a part first and says why at the next try.
      while (rest.length > 0) rest = rest.subarray((await writeFile(descriptor, rest)).bytesWritten);
      return undefined;
    } catch (failure) {
      return failure;
    }
  }

  /** Somebody, we ourselves among them, may have put another file in its place, or taken it away. */
  async #theFile(): Promise<OpenFile> {
    const found = statSync(this.#path, { throwIfNoEntry: false });
    const held = this.#open;
    if (held !== undefined && found?.ino === held.inode && found.dev === held.device) return held;
    this.#open = undefined;
    if (held !== undefined) await closeFile(held.descriptor);
    const descriptor = await openFile(this.#path, FLAGS, this.#mode);
    const { dev: device, ino: inode } = await statFile(descriptor);
    this.#open = { descriptor, device, inode };
    return this.#open;
  }
}
