// One lab at a time on a machine: namespaces are named for all to see, and the second run would clear away the first.

import { readFileSync, rmSync, writeFileSync } from 'node:fs';

const MARK = '/run/igd2pcp-lab.pid';

/** Undefined when the machine is ours; a sentence otherwise. */
export function claimTheMachine() {
  // Twice: the second time, what a lab that is gone has left behind is out of the way.
  for (let attempt = 1; attempt <= 2; attempt += 1) {
    try {
      // Fails where there is a mark already: of two that start at once, one gets it.
      writeFileSync(MARK, String(process.pid), { flag: 'wx' });
      process.once('exit', () => rmSync(MARK, { force: true }));
      return undefined;
    } catch (error) {
      if (error.code !== 'EEXIST') return `${MARK}: ${error.message}`;
    }
    const other = Number(readFileSync(MARK, 'utf8'));
    if (isAlive(other)) return `another lab runs (process ${other})`;
    rmSync(MARK, { force: true });
  }
  return 'another lab starts at this moment';
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return pid > 0;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
