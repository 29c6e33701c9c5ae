// The lab's hand in one namespace: asks `agent-process.mjs` (or its like) there and waits for what it answers.

import { basename } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('agent-process.mjs', import.meta.url));

export class Agent {
  #process;
  #waiting = new Map();
  #ids = 0;

  constructor(namespaces, name, program = PROGRAM) {
    const log = `${basename(program, '-process.mjs')}-${name}`;
    this.#process = namespaces.start(name, log, process.execPath, [program], {
      stdin: 'pipe',
      keepStdout: true,
    });
    createInterface({ input: this.#process.stdout }).on('line', (line) => {
      const { id, ...value } = JSON.parse(line);
      this.#waiting.get(id)?.(value);
      this.#waiting.delete(id);
    });
  }

  /** Never rejects: `{ ok: false, why }` when it did not work. */
  ask(act, what) {
    this.#ids += 1;
    const id = this.#ids;
    return new Promise((done) => {
      this.#waiting.set(id, done);
      this.#process.stdin.write(`${JSON.stringify({ id, act, ...what })}\n`);
    });
  }

  async serve(port) {
    const served = await this.ask('serve', { port });
    if (!served.ok) throw new Error(`cannot serve port ${port}: ${served.why}`);
  }

  /** Whether bytes sent there come back, and from whom they seemed to come. */
  async echo(protocol, address, port, options = {}) {
    const word = `lab-${Math.random().toString(36).slice(2)}`;
    const hex = Buffer.from(word).toString('hex');
    const reply = await this.ask(protocol.toLowerCase(), { address, port, hex, withinMs: 3000, ...options });
    if (!reply.ok) return reply;
    const [seenAddress, seenPort, back] = Buffer.from(reply.hex, 'hex').toString('latin1').split(' ');
    if (back !== word) return { ok: false, why: `other bytes came back: ${back}` };
    return { ok: true, seenAddress, seenPort: Number(seenPort) };
  }
}
