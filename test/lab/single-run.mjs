// One lab at a time on a machine: namespaces are named for all to see, and the second run would clear away the first.

import { readFileSync, rmSync, writeFileSync } from 'node:fs';

const MARK = '/run/igd2pcp-lab.pid';

/** Undefined when the machine is ours; a sentence otherwise. */
export function claimTheMachine() {
  try {
    const other = Number(readFileSync(MARK, 'utf8'));
    process.kill(other, 0);
    return `another lab runs (process ${other})`;
  } catch (error) {
    if (error.code === 'EPERM') return 'another lab runs';
    // No mark, or of a process that is gone.
  }
  writeFileSync(MARK, String(process.pid));
  process.once('exit', () => rmSync(MARK, { force: true }));
  return undefined;
}
