// Starts another program. Some failures of that come as an 'error' event and others are thrown, want of memory among
// them: here both cost one request, never the daemon.

import { type ChildProcess, spawn } from 'node:child_process';
import { ok, type Result, refused } from '../base/result.ts';

/** Failures that Node tells as an event come as one from the child. */
export function start(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Result<ChildProcess, string> {
  try {
    return ok(spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], env }));
  } catch (error) {
    return refused(`${program}: ${(error as Error).message}`);
  }
}
