// One change per external port at a time: whoever comes second finds what the first has made. Other ports never wait.

export class PortTurns {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Runs `work` when everybody who asked for the same name before is done. `work` settles within its own budget. */
  async take<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(name);
    const mine = before === undefined ? work() : before.then(work, work);
    this.#last.set(name, mine);
    try {
      return await mine;
    } finally {
      if (this.#last.get(name) === mine) this.#last.delete(name);
    }
  }
}
