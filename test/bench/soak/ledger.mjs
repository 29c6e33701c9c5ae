// What the control points were told: which of their mappings must be there, which must not, and which nobody can know because
// the answer was an error or never came. A mapping that the carrier stopped honouring is excused when the log says so.

import { readFileSync } from 'node:fs';

/** {"event":"lost","msg":"TCP 20001 → …"}, and what follows it until the same port is opened again. */
const NEWS = /"event":"(lost|granted)","msg":"((?:TCP|UDP) \d+)/g;

export class Ledger {
  #rows = new Map();

  /** Of those that must be there, the ones whose loss was told. */
  lostBy(logFile) {
    const last = new Map();
    for (const [, event, name] of readFileSync(logFile, 'utf8').matchAll(NEWS)) last.set(name, event);
    return this.promisedNow().filter(({ name }) => last.get(name) === 'lost');
  }

  /** `each`: per lane and call "ok", an error code or a problem, in the order of the lanes. */
  note(lanes, each) {
    for (const [index, lane] of lanes.entries()) {
      for (const [at, call] of lane.entries()) this.#noteOne(call, each[index][at]);
    }
  }

  #noteOne({ action, from, port, lease }, outcome) {
    const name = `TCP ${port}`;
    if (action === 'AddPortMapping') {
      const until = performance.now() + lease * 1000;
      this.#rows.set(name, outcome === 'ok' ? { is: 'promised', from, port, until } : { is: 'unknown' });
    } else if (action === 'DeletePortMapping') {
      // 714: it was not there, so it is not there.
      this.#rows.set(name, outcome === 'ok' || outcome === '714' ? { is: 'gone' } : { is: 'unknown' });
    }
  }

  /** `{ name, from, port }` of all that must still be there. */
  promisedNow() {
    const now = performance.now();
    return [...this.#rows]
      .filter(([, row]) => row.is === 'promised' && row.until > now)
      .map(([name, { from, port }]) => ({ name, from, port }));
  }

  /** Names of all that must not be there, ended leases included. */
  goneNow() {
    const now = performance.now();
    return [...this.#rows]
      .filter(([, row]) => row.is === 'gone' || (row.is === 'promised' && row.until < now))
      .map(([name]) => name);
  }
}
