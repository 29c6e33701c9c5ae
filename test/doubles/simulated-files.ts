// A disk in memory that can be pulled out at any write: `snapshot` is what a crash right now would leave.

import type { FileProblem, FileStore } from '../../src/base/host.ts';
import { ok, type Result, refused } from '../../src/base/result.ts';

type Settled = Result<void, FileProblem>;

export class SimulatedFiles implements FileStore {
  readonly #texts: Map<string, string>;
  readonly #versions = new Map<string, number>();
  #trouble: FileProblem['kind'] | undefined;
  /** While set, nothing can be read for that reason, as when no file descriptor is free. */
  unreadable: FileProblem['kind'] | undefined;
  /** Nobody may read this one. */
  unreadablePath: string | undefined;
  /** How many writes reached the disk. */
  writes = 0;

  constructor(texts: ReadonlyMap<string, string> = new Map()) {
    this.#texts = new Map(texts);
  }

  snapshot(): Map<string, string> {
    return new Map(this.#texts);
  }

  textOf(path: string): string | undefined {
    return this.#texts.get(path);
  }

  /** As if somebody else wrote it. */
  put(path: string, text: string): void {
    this.#texts.set(path, text);
    this.#versions.set(path, (this.#versions.get(path) ?? 0) + 1);
  }

  /** Every write fails like this until called with undefined. */
  failWith(kind: FileProblem['kind'] | undefined): void {
    this.#trouble = kind;
  }

  async read(path: string): Promise<Result<string, FileProblem>> {
    if (this.unreadable !== undefined) return refused({ kind: this.unreadable, message: `${path}: unreadable` });
    if (this.unreadablePath === path) return refused({ kind: 'denied', message: `${path}: permission denied` });
    const text = this.#texts.get(path);
    return text === undefined ? refused({ kind: 'missing', message: `${path}: no such file` }) : ok(text);
  }

  async replace(path: string, text: string): Promise<Settled> {
    return this.#write(path, () => this.put(path, text));
  }

  async append(path: string, text: string): Promise<Settled> {
    return this.#write(path, () => this.put(path, (this.#texts.get(path) ?? '') + text));
  }

  async rename(from: string, to: string): Promise<Settled> {
    const text = this.#texts.get(from);
    if (text === undefined) return refused({ kind: 'missing', message: `${from}: no such file` });
    return this.#write(from, () => {
      this.#texts.delete(from);
      this.put(to, text);
    });
  }

  async remove(path: string): Promise<Settled> {
    return this.#write(path, () => this.#texts.delete(path));
  }

  async makeDirectory(path: string): Promise<Settled> {
    return this.#write(path, () => {});
  }

  async version(path: string): Promise<string | undefined> {
    return this.#texts.has(path) ? String(this.#versions.get(path) ?? 0) : undefined;
  }

  #write(path: string, work: () => void): Settled {
    if (this.#trouble !== undefined) return refused({ kind: this.#trouble, message: `${path}: ${this.#trouble}` });
    this.writes += 1;
    work();
    return ok(undefined);
  }
}
