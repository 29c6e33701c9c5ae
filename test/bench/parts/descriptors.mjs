// Takes the file descriptors away from a running process.

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

const poor = new Set();

/** Leaves it those that are open now: a new one gets the lowest free number. → gives them back, if it still runs. */
export function takeDescriptors(pid) {
  if (poor.has(pid)) throw new Error(`the file descriptors of ${pid} are taken already: its own limit cannot be seen`);
  poor.add(pid);
  const limitTo = (most) => execFileSync('prlimit', ['--pid', String(pid), `--nofile=${most}:`], { stdio: 'ignore' });
  const [, before] = /^Max open files\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/limits`, 'utf8'));
  const taken = new Set(readdirSync(`/proc/${pid}/fd`).map(Number));
  let lowestFree = 0;
  while (taken.has(lowestFree)) lowestFree += 1;
  limitTo(lowestFree);
  return () => {
    poor.delete(pid);
    try {
      limitTo(before);
    } catch {
      // It has ended meanwhile.
    }
  };
}
