// What a file said outlives a time in which it cannot be read, as when no file descriptor is free. One that is not there, or may
// not be read, says nothing.

import type { FileProblem, FileStore } from './host.ts';
import { ok, type Result } from './result.ts';

/** A DHCP client leaves a few lines. */
const MOST_OCTETS = 64 * 1024;

export class RememberedTexts {
  readonly #files: Pick<FileStore, 'read'>;
  /** By path: as many as are configured. */
  readonly #last = new Map<string, string>();

  constructor(files: Pick<FileStore, 'read'>) {
    this.#files = files;
  }

  async read(path: string): Promise<Result<string, FileProblem>> {
    const read = await this.#files.read(path, MOST_OCTETS);
    const last = this.#last.get(path);
    if (!read.ok && read.error.kind === 'failed' && last !== undefined) return ok(last);
    if (read.ok) this.#last.set(path, read.value);
    else this.#last.delete(path);
    return read;
  }
}
