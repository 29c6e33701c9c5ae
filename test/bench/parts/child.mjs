// Processes the bench starts: the generator with its line protocol, and ending what was started.

import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { CLIENTS, INTERNET, spawnIn } from './network.mjs';

export const fileBeside = (name, base) => fileURLToPath(new URL(name, base));

/** The generator gets the last core to itself as far as pinning can promise. */
const GENERATOR_CORE = availableParallelism() - 1;

export const startGenerator = () => startOrderTaker(CLIENTS, fileBeside('generator.mjs', import.meta.url));
export const startStranger = () => startOrderTaker(INTERNET, fileBeside('stranger.mjs', import.meta.url));

/** A program that answers one JSON line with another. */
export function startOrderTaker(namespace, file) {
  const child = spawnIn(namespace, [process.execPath, file], {
    core: GENERATOR_CORE,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    pid: child.pid,
    async ask(op, order = {}) {
      child.stdin.write(`${JSON.stringify({ op, ...order })}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error(`${file} is gone`);
      return JSON.parse(value);
    },
    stop: () => stopChild(child),
  };
}

/** → its exit code; undefined when it had ended before, null when a signal ended it. */
export async function stopChild(child, signal = 'SIGTERM', patienceMs = 10_000) {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), patienceMs);
  const [code] = await gone;
  clearTimeout(timer);
  return code;
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
