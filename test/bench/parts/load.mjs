// The loads the scenarios are made of.

import { clientAddress } from './network.mjs';

const FIRST_PORT = 10_000;
const MOST_ATTEMPTS = 5;
/** A SYN that finds a full queue is repeated after 1, 3, 7, 15, 31 s. */
const FILL_WITHIN_MS = 120_000;

export const add = (index) => ({ action: 'AddPortMapping', from: clientAddress(index), port: FIRST_PORT + index });
export const remove = (index) => ({ ...add(index), action: 'DeletePortMapping' });

export const range = (from, to) => Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index);

/** Deals the calls out to `count` lanes. */
export function lanes(calls, count) {
  return range(0, count).map((lane) => calls.filter((_, index) => index % count === lane));
}

/**
 * Runs them and insists that all succeed: a figure about half the work is no figure. Connections that an overflowing
 * listener dropped are tried again, as a control point would; that belongs to the time it takes.
 */
export async function mustSucceed(generator, target, calls, connections) {
  const latencies = [];
  let wallMs = 0;
  let open = calls;
  for (let attempt = 1; open.length > 0; attempt += 1) {
    const order = { target, lanes: lanes(open, connections), giveUpMs: FILL_WITHIN_MS };
    const outcome = await generator.ask('calls', order);
    latencies.push(...outcome.latencies);
    wallMs += outcome.wallMs;
    const refusals = Object.keys(outcome.errors).filter((code) => /^\d/.test(code) && !(attempt > 1 && code === '714'));
    if (refusals.length > 0 || attempt > MOST_ATTEMPTS)
      throw new Error(`calls failed: ${JSON.stringify(outcome.errors)}`);
    open = outcome.unanswered;
  }
  return { latencies, wallMs };
}
