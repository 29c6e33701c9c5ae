// What was tried, what came of it, how long it took: a line as it happens, a table per topology at the end.

const isColoured = process.stdout.isTTY === true && process.env.NO_COLOR === undefined;
const paint = (code, text) => (isColoured ? `\u001b[${code}m${text}\u001b[0m` : text);

export class Report {
  #rows = [];
  #startedAt = Date.now();

  /** One check; `work` returns what to print beside it, or throws a sentence. Later checks go on after a failure. */
  async check(topology, who, what, work) {
    const startedAt = Date.now();
    let row;
    try {
      const detail = await work();
      row = { topology, who, what, ok: true, detail: detail ?? '', ms: Date.now() - startedAt };
    } catch (error) {
      row = { topology, who, what, ok: false, detail: error.message, ms: Date.now() - startedAt };
    }
    this.#rows.push(row);
    const mark = row.ok ? paint(32, 'ok  ') : paint(31, 'FAIL');
    console.log(`${mark} ${topology.padEnd(15)} ${who}: ${what} ${paint(2, `${row.detail} (${inWords(row.ms)})`)}`);
    return row.ok;
  }

  print() {
    for (const topology of new Set(this.#rows.map((row) => row.topology))) {
      const rows = this.#rows.filter((row) => row.topology === topology);
      const total = rows.reduce((sum, row) => sum + row.ms, 0);
      console.log(`\n${paint(1, topology)}  (${inWords(total)})`);
      const whoWidth = Math.max(...rows.map(({ who }) => who.length));
      const whatWidth = Math.max(...rows.map(({ what }) => what.length));
      for (const { who, what, ok, detail, ms } of rows) {
        const mark = ok ? paint(32, 'ok  ') : paint(31, 'FAIL');
        console.log(
          `  ${mark} ${who.padEnd(whoWidth)}  ${what.padEnd(whatWidth)}  ${inWords(ms).padStart(7)}  ${detail}`,
        );
      }
    }
    const failed = this.#rows.filter((row) => !row.ok).length;
    const all = `${this.#rows.length} checks, ${failed} failed, ${inWords(Date.now() - this.#startedAt)}`;
    console.log(`\n${paint(failed === 0 ? 32 : 31, all)}`);
    return failed === 0 && this.#rows.length > 0;
  }
}

const inWords = (ms) => (ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`);

/** Asks again until it is so; returns how long that took. */
export async function until(what, withinMs, isSo, everyMs = 100) {
  const startedAt = Date.now();
  let last;
  do {
    last = await isSo();
    if (last === true || last?.ok === true) return Date.now() - startedAt;
    await new Promise((done) => setTimeout(done, everyMs));
  } while (Date.now() - startedAt < withinMs);
  throw new Error(`${what}: not within ${inWords(withinMs)}${last?.why === undefined ? '' : ` (${last.why})`}`);
}

export function expect(condition, otherwise) {
  if (!condition) throw new Error(otherwise);
}
