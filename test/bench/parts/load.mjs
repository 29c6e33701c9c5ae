// The loads the scenarios are made of.

import { clientAddress } from './network.mjs';

const FIRST_PORT = 10_000;

export const add = (index) => ({ action: 'AddPortMapping', from: clientAddress(index), port: FIRST_PORT + index });
export const remove = (index) => ({ ...add(index), action: 'DeletePortMapping' });

export const range = (from, to) => Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index);

/** Deals the calls out to `count` lanes. */
export function lanes(calls, count) {
  return range(0, count).map((lane) => calls.filter((_, index) => index % count === lane));
}

/** Runs them and insists that all succeeded: a figure about half the work is no figure. */
export async function mustSucceed(generator, target, calls, connections) {
  const outcome = await generator.ask('calls', { target, lanes: lanes(calls, connections) });
  const failures = Object.entries(outcome.errors);
  if (failures.length > 0) {
    throw new Error(`calls failed: ${failures.map(([code, count]) => `${count} × ${code}`).join(', ')}`);
  }
  return outcome;
}
