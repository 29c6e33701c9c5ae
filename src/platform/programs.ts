// Runs another program (nft) with a text on its standard input and a limit on its time.

import type { Dialogue, ProgramOutcome, ProgramRunner } from '../base/host.ts';
import { ok, type Result, refused } from '../base/result.ts';
import type { Duration } from '../base/time.ts';
import type { NodeClock } from './node-clock.ts';
import { ProgramDialogue } from './program-dialogue.ts';
import { start } from './program-start.ts';

export class NodePrograms implements ProgramRunner {
  readonly #clock: NodeClock;

  constructor(clock: NodeClock) {
    this.#clock = clock;
  }

  run(
    program: string,
    args: readonly string[],
    input: string,
    endWithin: Duration,
  ): Promise<Result<ProgramOutcome, string>> {
    return new Promise((resolve) => {
      const started = start(program, args, process.env);
      if (!started.ok) {
        resolve(started);
        return;
      }
      const child = started.value;
      let stdout = '';
      let stderr = '';
      // Without file descriptors there are no streams, and an 'error' follows.
      child.stdout?.setEncoding('utf8').on('data', (text: string) => {
        stdout += text;
      });
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        stderr += text;
      });
      const deadline = (this.#clock.now() + endWithin) as ReturnType<NodeClock['now']>;
      const cancel = this.#clock.wakeAt(deadline, () => {
        child.kill('SIGKILL');
        resolve(refused(`${program} did not end within ${endWithin / 1000} s and was stopped`));
      });
      child.on('error', (error: NodeJS.ErrnoException) => {
        cancel();
        resolve(refused(error.code === 'ENOENT' ? `${program} is not installed` : `${program}: ${error.message}`));
      });
      child.on('close', (exitCode) => {
        cancel();
        resolve(ok({ exitCode: exitCode ?? -1, stdout, stderr }));
      });
      // The program may end without reading its input; its exit code tells.
      child.stdin?.on('error', () => {});
      child.stdin?.end(input);
    });
  }

  talk(program: string, args: readonly string[]): Dialogue {
    return new ProgramDialogue(this.#clock, program, args);
  }
}
